-- Merchandising rules, and who changed them when.
-- deploy: before

-- The rules as JSON; the columns beside it are of it, for lists. `version` is the number of the rule's last change.
CREATE TABLE reco_rule (
    rule_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    action TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    priority BIGINT NOT NULL,
    note TEXT NOT NULL,
    data TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);

-- Each change, by its number: what the rule was before and after it, null where there was none.
CREATE TABLE reco_rule_history (
    version BIGINT NOT NULL PRIMARY KEY,
    rule_id TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    before TEXT,
    after TEXT
);
CREATE INDEX reco_rule_history_rule ON reco_rule_history (rule_id, version);

-- Numbers the changes, and tells at a glance whether there was one.
INSERT INTO reco_counter (name, value) VALUES ('rule', 0);
