-- Merchandising rules, and who changed them when.
-- deploy: before

-- The rules as JSON; the columns beside it are of it, for lists. `version` is the number of the rule's last change.
CREATE TABLE reco_rule (
    rule_id TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    action TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    priority INTEGER NOT NULL,
    note TEXT NOT NULL,
    data TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL
);

-- Each change, by its number: what the rule was before and after it, null where there was none.
CREATE TABLE reco_rule_history (
    version INTEGER NOT NULL PRIMARY KEY,
    rule_id TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    before TEXT,
    after TEXT
);
CREATE INDEX reco_rule_history_rule ON reco_rule_history (rule_id, version);

-- Numbers the changes, and tells at a glance whether there was one.
INSERT INTO reco_counter (name, value) VALUES ('rule', 0);
