"""What the hot statements read: an index, whatever the size."""

import json

import asyncpg
import pytest

from reco_sdk.storage.queries import load_queries

FILL = """
INSERT INTO reco_item
SELECT 'sku-' || n, n, md5(n::text), repeat('x', 300), n % 10 = 0, 0 FROM generate_series(1, 20000) AS n;
INSERT INTO reco_vector SELECT 'model', md5(n::text), 4, '\\x00000000000000000000000000000000' FROM generate_series(1, 20000) AS n;
CREATE TABLE reco_interaction_2026_01 PARTITION OF reco_interaction FOR VALUES FROM (1767225600000000) TO (1769904000000000);
CREATE TABLE reco_interaction_2026_02 PARTITION OF reco_interaction FOR VALUES FROM (1769904000000000) TO (1772323200000000);
INSERT INTO reco_interaction (sequence, event_id, kind, item_id, visitor_id, at)
SELECT n, md5(n::text), 'view_item', 'sku-' || n % 1000, 'v', 1767225600000000 + n * 80000000::bigint FROM generate_series(1, 50000) AS n;
INSERT INTO reco_event SELECT event_id, at FROM reco_interaction;
INSERT INTO reco_impression
SELECT md5(n::text), n, 'home', 'trending', 'personal', '[]', NULL, NULL FROM generate_series(1, 20000) AS n;
INSERT INTO reco_state SELECT 'state-' || n, 'x', 0 FROM generate_series(1, 20000) AS n;
"""
HASHES = ["a" * 32] * 50
CASES = [
    ("items", "live_hashes", [["sku-1", "sku-2"] * 50]),
    ("items", "live_items", [["sku-1", "sku-2"] * 50]),
    ("items", "items_after", ["sku-5", 1_000]),
    ("items", "changes_since", [19_990, 10_000]),
    ("items", "changes_since", [0, 1_000]),
    ("items", "item_count", []),
    ("items", "delete_items", [["sku-1"], [30_000], 0]),
    ("vectors", "vectors", ["model", HASHES]),
    ("vectors", "dimension", ["another model"]),
    ("interactions", "interactions_since", [49_990, 10_000]),
    ("interactions", "interactions_since", [20_000, 5_000]),
    ("interactions", "recent_interactions", [1_000]),
    ("interactions", "interaction_counts", []),
    ("interactions", "impression", ["a"]),
    ("state", "state", ["state-7"]),
]


@pytest.fixture(scope="module")
def filled(postgres_server, migrated):
    dsn = postgres_server.create(migrated)
    postgres_server.run(FILL, dsn)
    postgres_server.run("VACUUM ANALYZE", dsn)
    yield dsn
    postgres_server.drop(dsn)


def steps(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from steps(part)


@pytest.mark.parametrize(("file", "name", "parameters"), CASES, ids=[f"{case[1]}-{n}" for n, case in enumerate(CASES)])
async def test_no_hot_statement_reads_a_table(filled, file, name, parameters):
    connection = await asyncpg.connect(filled, statement_cache_size=0)
    try:
        sql = load_queries(f"postgres/{file}.sql")[name]
        [plan] = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *parameters))
    finally:
        await connection.close()
    found = list(steps(plan["Plan"]))
    scanned = [step["Relation Name"] for step in found if step["Node Type"] == "Seq Scan"]
    assert set(scanned) <= {"reco_interaction_default"}, plan  # that is empty
    assert any("Index" in step["Node Type"] for step in found), plan
    if name in ("items_after", "changes_since", "interactions_since", "recent_interactions") and parameters[-1] < 10_000:
        assert not [step for step in found if step["Node Type"] == "Sort"], plan
