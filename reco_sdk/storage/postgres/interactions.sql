-- The log, slates that were shown, and which browser belongs to which account.

-- name: stage
-- The batch on its way into the log: of this session, empty again after each transaction.
CREATE TEMPORARY TABLE IF NOT EXISTS reco_batch (
    place INTEGER,
    event_id TEXT COLLATE "C",
    kind TEXT COLLATE "C",
    item_id TEXT,
    visitor_id TEXT,
    user_id TEXT,
    session_id TEXT,
    at BIGINT,
    quantity BIGINT,
    value DOUBLE PRECISION,
    currency TEXT,
    query TEXT,
    placement TEXT,
    slate_id TEXT,
    position BIGINT
) ON COMMIT DELETE ROWS;

-- name: drop_known
-- In the order of the ids, so that two batches with the same events wait for each other in one direction only.
WITH fresh AS (
    INSERT INTO reco_event (event_id, at)
    SELECT event_id, at FROM reco_batch ORDER BY event_id
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
)
DELETE FROM reco_batch AS batch
WHERE NOT EXISTS (SELECT FROM fresh WHERE fresh.event_id = batch.event_id);

-- name: append
INSERT INTO reco_interaction (
    sequence, event_id, kind, item_id, visitor_id, user_id, session_id, at,
    quantity, value, currency, query, placement, slate_id, position
)
SELECT
    $1 + row_number() OVER (ORDER BY place), event_id, kind, item_id, visitor_id, user_id, session_id, at,
    quantity, value, currency, query, placement, slate_id, position
FROM reco_batch;

-- name: interactions_since
SELECT
    sequence, event_id, kind, item_id, visitor_id, user_id, session_id, at,
    quantity, value, currency, query, placement, slate_id, position
FROM reco_interaction
WHERE sequence > $1
ORDER BY sequence LIMIT $2;

-- name: recent_interactions
SELECT
    sequence, event_id, kind, item_id, visitor_id, user_id, session_id, at,
    quantity, value, currency, query, placement, slate_id, position
FROM reco_interaction
ORDER BY sequence DESC LIMIT $1;

-- name: interaction_counts
SELECT kind, COUNT(*) FROM reco_interaction GROUP BY kind ORDER BY kind;

-- name: append_impressions
INSERT INTO reco_impression (slate_id, at, placement, strategy, tier, item_ids, visitor_id, user_id)
SELECT * FROM unnest(
    $1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]
)
ON CONFLICT (slate_id) DO NOTHING;

-- name: impression_count
SELECT COUNT(*) FROM reco_impression;

-- name: impression
SELECT slate_id, at, placement, strategy, tier, item_ids, visitor_id, user_id FROM reco_impression WHERE slate_id = $1;

-- name: put_alias
INSERT INTO reco_alias (visitor_id, user_id, updated_at) VALUES ($1, $2, $3)
ON CONFLICT (visitor_id) DO UPDATE SET user_id = excluded.user_id, updated_at = excluded.updated_at;

-- name: aliases
SELECT visitor_id, user_id FROM reco_alias ORDER BY visitor_id;
