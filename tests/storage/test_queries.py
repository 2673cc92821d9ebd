import re
import sqlite3
from pathlib import Path

import pytest

from reco_sdk.storage import schema, sqlite
from reco_sdk.storage.queries import load_queries, parse_queries


def test_blocks_are_read_by_name():
    queries = parse_queries("-- about\n\n-- name: one\nSELECT 1;\n\n-- name: two\n-- why\nSELECT\n  ?;\n")
    assert dict(queries) == {"one": "SELECT 1", "two": "-- why\nSELECT\n  ?"}
    with pytest.raises(TypeError):
        queries["one"] = "x"


@pytest.mark.parametrize("text", ["-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;", "-- name: one\n\n", "-- name: one\n;"])
def test_double_and_empty_blocks_are_refused(text):
    with pytest.raises(ValueError, match="'one'"):
        parse_queries(text)


def test_every_query_is_used_and_every_name_exists():
    folder = Path(sqlite.__file__).parent
    source = "".join((folder / name).read_text("utf-8") for name in ("sqlite.py", "rules.py"))
    names = set(load_queries("sqlite.sql"))
    assert names <= set(re.findall(r'"(\w+)"', source))
    assert set(re.findall(r'(?:_sql\[|_read\(|_count\(|_execute\(|_prune\(|_change_many\(db,)\s*"(\w+)"', source)) <= names


HOT = [
    "live_items",
    "live_hashes",
    "items_after",
    "changes_since",
    "vectors",
    "interactions_since",
    "recent_interactions",
    "impression",
    "lease",
    "put_lease",
]


@pytest.fixture
def database(tmp_path):
    connection = sqlite3.connect(tmp_path / "shop.sqlite3", isolation_level=None)
    schema.apply(connection)
    yield connection
    connection.close()


@pytest.mark.parametrize("name", [*HOT, "item_version", "item_count", "interaction_counts", "interaction_sequence"])
def test_no_query_scans_a_table_or_sorts(database, name):
    sql = load_queries("sqlite.sql")[name]
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", ["[]"] * sql.count("?"))]
    assert not [step for step in plan if "TEMP B-TREE" in step], plan
    scans = [step for step in plan if step.startswith("SCAN ") and "json_each" not in step and "CONSTANT" not in step]
    allowed = {
        "item_count": "reco_item_live",
        "interaction_counts": "reco_interaction_kind",
        "recent_interactions": "reco_interaction",
    }
    assert all(name in allowed and allowed[name] in step for step in scans), plan
