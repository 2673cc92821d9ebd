-- Merchandising rules and their history.

-- name: rules
SELECT c.value, r.rule_id, r.action, r.enabled, r.priority, r.note, r.data
FROM reco_counter AS c LEFT JOIN reco_rule AS r ON TRUE
WHERE c.name = 'rule' ORDER BY r.rule_id;

-- name: rule_data
SELECT data FROM reco_rule WHERE rule_id = $1;

-- name: put_rule
INSERT INTO reco_rule (rule_id, action, enabled, priority, note, data, version, updated_at, updated_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
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
DELETE FROM reco_rule WHERE rule_id = $1;

-- name: note_rule_change
INSERT INTO reco_rule_history (version, rule_id, changed_at, changed_by, before, after)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: rule_history
SELECT version, rule_id, changed_at, changed_by, before, after FROM reco_rule_history
WHERE rule_id = $1::text OR $1::text IS NULL ORDER BY version DESC LIMIT $2;
