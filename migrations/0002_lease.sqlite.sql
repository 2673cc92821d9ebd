-- Leases, and the last number of a log whose newest rows were pruned.
-- deploy: before

-- Who does alone what only one may do. A free lease has no holder; its row stays, so that the epoch only grows.
CREATE TABLE reco_lease (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);

-- The greatest number given so far, by what is numbered.
CREATE TABLE reco_counter (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
);
