-- The first schema: items, vectors, interactions, impressions, aliases, state, dirty marks.
-- Times are whole microseconds since 1970-01-01 UTC, see README.md.

-- What was applied to this database.
CREATE TABLE reco_migration (
    name TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL,
    applied_at TEXT NOT NULL
);

-- Items by id. A deleted item stays as a tombstone without data, so that the deletion has a version too
-- and max(version) never falls.
CREATE TABLE reco_item (
    item_id TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    data TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
    updated_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX reco_item_version ON reco_item (version);
-- Counts and walks what is not deleted without reading the data.
CREATE INDEX reco_item_live ON reco_item (item_id) WHERE deleted = 0;

-- Vectors: float32, little endian, `dimension` of them.
CREATE TABLE reco_vector (
    fingerprint TEXT NOT NULL,
    text_hash TEXT NOT NULL,
    dimension INTEGER NOT NULL CHECK (dimension > 0),
    vector BLOB NOT NULL CHECK (length(vector) = 4 * dimension),
    PRIMARY KEY (fingerprint, text_hash)
);

-- The log. AUTOINCREMENT: a sequence is never given twice, even when the newest rows are removed.
CREATE TABLE reco_interaction (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    item_id TEXT,
    visitor_id TEXT,
    user_id TEXT,
    session_id TEXT,
    at INTEGER NOT NULL,
    quantity INTEGER NOT NULL DEFAULT 1,
    value REAL,
    currency TEXT,
    query TEXT,
    placement TEXT,
    slate_id TEXT,
    position INTEGER
);
CREATE INDEX reco_interaction_kind ON reco_interaction (kind);

-- Slates that were shown; item_ids is a JSON list in the order shown.
CREATE TABLE reco_impression (
    slate_id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    placement TEXT NOT NULL,
    strategy TEXT NOT NULL,
    tier TEXT NOT NULL,
    item_ids TEXT NOT NULL,
    visitor_id TEXT,
    user_id TEXT
);

-- Which browser belongs to which account; the latest wins.
CREATE TABLE reco_alias (
    visitor_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    updated_at INTEGER NOT NULL
);

-- Small named values: import checkpoints, order cursors.
CREATE TABLE reco_state (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at INTEGER NOT NULL
);

-- Hints that an item may have changed, written in the shop's own transaction; losing or doubling one is harmless.
CREATE TABLE reco_dirty (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    item_id TEXT NOT NULL,
    marked_at INTEGER NOT NULL
);
