-- Numbers that commit in their own order, since whoever gives one holds the row until commit; and the bell.

-- name: lock_counter
SELECT value FROM reco_counter WHERE name = $1 FOR UPDATE;

-- name: count
UPDATE reco_counter SET value = value + $2 WHERE name = $1 RETURNING value;

-- name: counted
SELECT value FROM reco_counter WHERE name = $1;

-- name: notify
SELECT pg_notify('reco_change', $1);
