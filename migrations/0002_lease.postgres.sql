-- Leases.
-- deploy: before

-- Who does alone what only one may do. A free lease has no holder; its row stays, so that the epoch only grows.
CREATE TABLE reco_lease (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    renewed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
