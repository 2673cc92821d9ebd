-- Vectors by model and text hash.

-- name: dimension
SELECT dimension FROM reco_vector WHERE fingerprint = $1 LIMIT 1;

-- name: lock_model
-- Until the transaction ends: of two that store a model's first vectors, one says how long they are.
SELECT pg_advisory_xact_lock(hashtextextended('reco_vector ' || $1, 0));

-- name: vectors
SELECT text_hash, vector FROM reco_vector WHERE fingerprint = $1 AND text_hash = ANY($2::text[]);

-- name: put_vectors
INSERT INTO reco_vector (fingerprint, text_hash, dimension, vector)
SELECT $1, text_hash, $2, vector FROM unnest($3::text[], $4::bytea[]) AS given (text_hash, vector)
ON CONFLICT (fingerprint, text_hash) DO NOTHING;

-- name: vector_count
SELECT COUNT(*) FROM reco_vector WHERE fingerprint = $1;

-- name: prune_vectors
DELETE FROM reco_vector WHERE fingerprint <> ALL($1::text[]);
