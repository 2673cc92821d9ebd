-- Items by id, each with the version at which it last changed.

-- name: item_count
SELECT COUNT(*) FROM reco_item WHERE NOT deleted;

-- name: live_hashes
SELECT item_id, content_hash FROM reco_item WHERE item_id = ANY($1::text[]) AND NOT deleted;

-- name: live_items
SELECT item_id, data FROM reco_item WHERE item_id = ANY($1::text[]) AND NOT deleted;

-- name: upsert_items
INSERT INTO reco_item (item_id, version, content_hash, data, deleted, updated_at)
SELECT item_id, version, content_hash, data, FALSE, $5
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) AS given (item_id, version, content_hash, data)
ON CONFLICT (item_id) DO UPDATE SET
    version = excluded.version,
    content_hash = excluded.content_hash,
    data = excluded.data,
    deleted = FALSE,
    updated_at = excluded.updated_at;

-- name: delete_items
UPDATE reco_item SET version = given.version, content_hash = '', data = '', deleted = TRUE, updated_at = $3
FROM unnest($1::text[], $2::bigint[]) AS given (item_id, version)
WHERE reco_item.item_id = given.item_id;

-- name: prune_deleted
DELETE FROM reco_item
WHERE deleted AND updated_at < $1 AND version < (SELECT MAX(version) FROM reco_item);

-- name: items_after
SELECT version, item_id, data, deleted FROM reco_item
WHERE NOT deleted AND item_id > $1
ORDER BY item_id LIMIT $2;

-- name: changes_since
SELECT version, item_id, data, deleted FROM reco_item
WHERE version > $1
ORDER BY version LIMIT $2;
