-- Small named values, and leases. The time of leases is the server's, read anew after a wait for a lock.

-- name: state
SELECT value FROM reco_state WHERE name = $1;

-- name: put_state
INSERT INTO reco_state (name, value, updated_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at;

-- name: delete_state
DELETE FROM reco_state WHERE name = $1;

-- name: now
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

-- name: lease
SELECT holder, epoch, renewed_at, expires_at FROM reco_lease WHERE name = $1;

-- name: add_lease
INSERT INTO reco_lease (name, holder, epoch, renewed_at, expires_at) VALUES ($1, '', 0, 0, 0)
ON CONFLICT (name) DO NOTHING;

-- name: lock_lease
SELECT holder, epoch, renewed_at, expires_at FROM reco_lease WHERE name = $1 FOR UPDATE;

-- name: put_lease
UPDATE reco_lease SET holder = $2, epoch = $3, renewed_at = $4, expires_at = $5 WHERE name = $1;

-- name: release_lease
-- The row stays: its epoch must not begin anew.
UPDATE reco_lease SET holder = '' WHERE name = $1 AND holder = $2 AND epoch = $3;

-- name: fence
-- Until the transaction ends nobody else can take the lease over.
SELECT holder, epoch, renewed_at, expires_at FROM reco_lease WHERE name = $1 FOR SHARE;
