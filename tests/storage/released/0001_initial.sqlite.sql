-- Every statement of the release whose last migration was 0001_initial, as it was shipped.

-- name: item_version
SELECT COALESCE(MAX(version), 0) FROM reco_item;

-- name: item_count
SELECT COUNT(*) FROM reco_item WHERE deleted = 0;

-- name: live_hashes
SELECT item_id, content_hash FROM reco_item
WHERE item_id IN (SELECT value FROM json_each(?)) AND deleted = 0;

-- name: live_items
SELECT item_id, data FROM reco_item
WHERE item_id IN (SELECT value FROM json_each(?)) AND deleted = 0;

-- name: upsert_item
INSERT INTO reco_item (item_id, version, content_hash, data, deleted, updated_at)
VALUES (?, ?, ?, ?, 0, ?)
ON CONFLICT (item_id) DO UPDATE SET
    version = excluded.version,
    content_hash = excluded.content_hash,
    data = excluded.data,
    deleted = 0,
    updated_at = excluded.updated_at;

-- name: delete_item
UPDATE reco_item SET version = ?, content_hash = '', data = '', deleted = 1, updated_at = ?
WHERE item_id = ?;

-- name: items_after
SELECT version, item_id, data, deleted FROM reco_item
WHERE deleted = 0 AND item_id > ?
ORDER BY item_id LIMIT ?;

-- name: changes_since
SELECT version, item_id, data, deleted FROM reco_item
WHERE version > ?
ORDER BY version LIMIT ?;

-- name: vector_dimension
SELECT dimension FROM reco_vector WHERE fingerprint = ? LIMIT 1;

-- name: vectors
SELECT text_hash, vector FROM reco_vector
WHERE fingerprint = ? AND text_hash IN (SELECT value FROM json_each(?));

-- name: put_vector
INSERT INTO reco_vector (fingerprint, text_hash, dimension, vector)
VALUES (?, ?, ?, ?)
ON CONFLICT (fingerprint, text_hash) DO NOTHING;

-- name: vector_count
SELECT COUNT(*) FROM reco_vector WHERE fingerprint = ?;

-- name: prune_vectors
DELETE FROM reco_vector WHERE fingerprint NOT IN (SELECT value FROM json_each(?));

-- name: append_interaction
INSERT INTO reco_interaction (
    event_id, kind, item_id, visitor_id, user_id, session_id, at,
    quantity, value, currency, query, placement, slate_id, position
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (event_id) DO NOTHING;

-- name: interactions_since
SELECT
    sequence, event_id, kind, item_id, visitor_id, user_id, session_id, at,
    quantity, value, currency, query, placement, slate_id, position
FROM reco_interaction
WHERE sequence > ?
ORDER BY sequence LIMIT ?;

-- name: recent_interactions
SELECT
    sequence, event_id, kind, item_id, visitor_id, user_id, session_id, at,
    quantity, value, currency, query, placement, slate_id, position
FROM reco_interaction
ORDER BY sequence DESC LIMIT ?;

-- name: interaction_sequence
SELECT COALESCE(MAX(sequence), 0) FROM reco_interaction;

-- name: interaction_counts
SELECT kind, COUNT(*) FROM reco_interaction GROUP BY kind ORDER BY kind;

-- name: append_impression
INSERT INTO reco_impression (slate_id, at, placement, strategy, tier, item_ids, visitor_id, user_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (slate_id) DO NOTHING;

-- name: impression_count
SELECT COUNT(*) FROM reco_impression;

-- name: impression
SELECT slate_id, at, placement, strategy, tier, item_ids, visitor_id, user_id
FROM reco_impression WHERE slate_id = ?;

-- name: put_alias
INSERT INTO reco_alias (visitor_id, user_id, updated_at) VALUES (?, ?, ?)
ON CONFLICT (visitor_id) DO UPDATE SET user_id = excluded.user_id, updated_at = excluded.updated_at;

-- name: aliases
SELECT visitor_id, user_id FROM reco_alias ORDER BY visitor_id;

-- name: state
SELECT value FROM reco_state WHERE name = ?;

-- name: put_state
INSERT INTO reco_state (name, value, updated_at) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at;

-- name: delete_state
DELETE FROM reco_state WHERE name = ?;
