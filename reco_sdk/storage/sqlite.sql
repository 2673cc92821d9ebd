-- Every statement of SqliteStore. Values come as parameters; lists come as one JSON text through json_each.

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

-- name: prune_deleted
DELETE FROM reco_item
WHERE deleted = 1 AND updated_at < ? AND version < (SELECT MAX(version) FROM reco_item);

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
SELECT MAX(
    COALESCE((SELECT MAX(sequence) FROM reco_interaction), 0),
    COALESCE((SELECT value FROM reco_counter WHERE name = 'interaction'), 0)
);

-- name: interactions_before
SELECT sequence FROM reco_interaction WHERE at < ? LIMIT ?;

-- name: keep_interaction_sequence
-- What was given last, for when the newest rows are pruned.
INSERT INTO reco_counter (name, value)
SELECT 'interaction', COALESCE(MAX(sequence), 0) FROM reco_interaction WHERE true
ON CONFLICT (name) DO UPDATE SET value = MAX(value, excluded.value);

-- name: delete_interaction
DELETE FROM reco_interaction WHERE sequence = ?;

-- name: interaction_counts
SELECT kind, COUNT(*) FROM reco_interaction GROUP BY kind ORDER BY kind;

-- name: append_impression
INSERT INTO reco_impression (slate_id, at, placement, strategy, tier, item_ids, visitor_id, user_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (slate_id) DO NOTHING;

-- name: impression_count
SELECT COUNT(*) FROM reco_impression;

-- name: impressions_before
SELECT slate_id FROM reco_impression WHERE at < ? LIMIT ?;

-- name: delete_impression
DELETE FROM reco_impression WHERE slate_id = ?;

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

-- name: lease
SELECT holder, epoch, renewed_at, expires_at FROM reco_lease WHERE name = ?;

-- name: put_lease
INSERT INTO reco_lease (name, holder, epoch, renewed_at, expires_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET
    holder = excluded.holder,
    epoch = excluded.epoch,
    renewed_at = excluded.renewed_at,
    expires_at = excluded.expires_at;

-- name: release_lease
-- The row stays: its epoch must not begin anew.
UPDATE reco_lease SET holder = '' WHERE name = ? AND holder = ? AND epoch = ?;

-- name: rules
SELECT c.value, r.rule_id, r.action, r.enabled, r.priority, r.note, r.data
FROM reco_counter AS c LEFT JOIN reco_rule AS r ON 1 = 1
WHERE c.name = 'rule' ORDER BY r.rule_id;

-- name: rule_version
SELECT COALESCE(MAX(value), 0) FROM reco_counter WHERE name = 'rule';

-- name: rule_data
SELECT data FROM reco_rule WHERE rule_id = ?;

-- name: count_rule
INSERT INTO reco_counter (name, value) VALUES ('rule', 1)
ON CONFLICT (name) DO UPDATE SET value = value + 1;

-- name: put_rule
INSERT INTO reco_rule (rule_id, action, enabled, priority, note, data, version, updated_at, updated_by)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (rule_id) DO UPDATE SET
    action = excluded.action,
    enabled = excluded.enabled,
    priority = excluded.priority,
    note = excluded.note,
    data = excluded.data,
    version = excluded.version,
    updated_at = excluded.updated_at,
    updated_by = excluded.updated_by;

-- name: delete_rule
DELETE FROM reco_rule WHERE rule_id = ?;

-- name: note_rule_change
INSERT INTO reco_rule_history (version, rule_id, changed_at, changed_by, before, after)
VALUES (?, ?, ?, ?, ?, ?);

-- name: rule_history
SELECT version, rule_id, changed_at, changed_by, before, after FROM reco_rule_history
WHERE rule_id = ?1 OR ?1 IS NULL ORDER BY version DESC LIMIT ?2;
