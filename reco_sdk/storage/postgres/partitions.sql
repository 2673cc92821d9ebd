-- The months of the log. {month} is a name that partitions.py makes, {low} and {high} are its bounds.

-- name: months
SELECT child.relname FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = 'reco_interaction'::regclass;

-- name: lock_months
SELECT pg_advisory_xact_lock(1919247216);

-- name: make_month
CREATE TABLE IF NOT EXISTS {month} (LIKE reco_interaction INCLUDING DEFAULTS);

-- name: fill_month
WITH moved AS (
    DELETE FROM reco_interaction_default WHERE at >= {low} AND at < {high} RETURNING *
)
INSERT INTO {month} SELECT * FROM moved;

-- name: add_month
ALTER TABLE reco_interaction ATTACH PARTITION {month} FOR VALUES FROM ({low}) TO ({high});

-- name: count_month
SELECT COUNT(*) FROM {month};

-- name: drop_month
DROP TABLE {month};

-- name: pages
SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::bigint;

-- name: delete_old
DELETE FROM {table} WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND at < $3;
