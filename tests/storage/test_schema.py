import hashlib
import sqlite3

import pytest

from reco_sdk.errors import MigrationError, StoreTooNew
from reco_sdk.storage import schema
from reco_sdk.storage.schema import Migration, plan, split_statements
from reco_sdk.storage.sqlite import SqliteStore
from tests.storage.processes import finish, start

NAMES = ["0001_initial", "0002_lease", "0003_rules"]
TABLES = {
    "reco_migration": ["name", "sha256", "applied_at"],
    "reco_item": ["item_id", "version", "content_hash", "data", "deleted", "updated_at"],
    "reco_vector": ["fingerprint", "text_hash", "dimension", "vector"],
    "reco_interaction": [
        *("sequence", "event_id", "kind", "item_id", "visitor_id", "user_id", "session_id", "at", "quantity", "value"),
        *("currency", "query", "placement", "slate_id", "position"),
    ],
    "reco_impression": ["slate_id", "at", "placement", "strategy", "tier", "item_ids", "visitor_id", "user_id"],
    "reco_alias": ["visitor_id", "user_id", "updated_at"],
    "reco_state": ["name", "value", "updated_at"],
    "reco_dirty": ["id", "item_id", "marked_at"],
    "reco_lease": ["name", "holder", "epoch", "renewed_at", "expires_at"],
    "reco_counter": ["name", "value"],
    "reco_rule": ["rule_id", "version", "action", "enabled", "priority", "note", "data", "updated_at", "updated_by"],
    "reco_rule_history": ["version", "rule_id", "changed_at", "changed_by", "before", "after"],
}


@pytest.fixture
def database(tmp_path):
    connection = sqlite3.connect(tmp_path / "shop.sqlite3", isolation_level=None)
    yield connection
    connection.close()


def migration(name, sql):
    return Migration(name, sql, hashlib.sha256(sql.encode()).hexdigest())


@pytest.fixture
def migrations(monkeypatch):
    known = [
        migration("0001_a", "CREATE TABLE reco_migration (name, sha256, applied_at);"),
        migration("0002_b", "CREATE TABLE reco_b (x);"),
    ]
    monkeypatch.setattr(schema, "load_migrations", lambda dialect: tuple(known))
    return known


def tables(database):
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'reco%'")}


def test_splits_statements():
    sql = """
    -- a comment; with a semicolon and a 'quote
    CREATE TABLE a (x TEXT DEFAULT ';--''' /* ; */, "y;" INT); /* two
    lines; */ INSERT INTO a VALUES ('-- no comment', 1 - 2 / 3);;
    SELECT 1 -- the last; needs no end
    """
    assert list(split_statements(sql)) == [
        """CREATE TABLE a (x TEXT DEFAULT ';--'''  , "y;" INT)""",
        "INSERT INTO a VALUES ('-- no comment', 1 - 2 / 3)",
        "SELECT 1",
    ]
    assert list(split_statements(" ; -- nothing\n")) == []


def test_the_schema_is_what_it_says(database):
    assert [m.name for m in schema.pending(database)] == NAMES
    assert schema.apply(database) == NAMES
    assert schema.apply(database) == []
    assert schema.pending(database) == []
    columns = {name: [row[1] for row in database.execute(f"PRAGMA table_info({name})")] for name in tables(database)}
    assert columns == TABLES
    objects = database.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'").fetchall()
    assert all(name.startswith("reco_") for (name,) in objects)
    assert all(database.execute(f"PRAGMA foreign_key_list({name})").fetchall() == [] for name in TABLES)


def test_the_ledger_holds_name_hash_and_time(database):
    schema.apply(database)
    name, sha256, applied_at = database.execute("SELECT * FROM reco_migration ORDER BY name").fetchone()
    file = (schema.migrations_folder() / "0001_initial.sqlite.sql").read_bytes()
    assert (name, sha256) == ("0001_initial", hashlib.sha256(file).hexdigest())
    assert applied_at.endswith("+00:00")


def test_line_ends_do_not_change_the_hash(tmp_path):
    (tmp_path / "0001_a.sqlite.sql").write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    [found] = schema.load_migrations("sqlite", tmp_path)
    assert found.sha256 == hashlib.sha256(b"SELECT 1;\nSELECT 2;\n").hexdigest()
    assert found.statements == ("SELECT 1", "SELECT 2")


class PercentCursor:
    """A cursor that spells parameters as Django's does."""

    def __init__(self, cursor):
        self.cursor = cursor

    def execute(self, sql, params=None):
        return self.cursor.execute(sql) if params is None else self.cursor.execute(sql.replace("%s", "?"), params)

    def fetchall(self):
        return self.cursor.fetchall()


def test_another_runner_may_alternate(database):
    cursor = PercentCursor(database.cursor())
    assert schema.apply_to(cursor, "0001_initial", placeholder="%s") == NAMES[:1]
    assert schema.apply_to(cursor, "0001_initial", placeholder="%s") == []
    assert schema.apply(database) == NAMES[1:]
    with pytest.raises(MigrationError, match="0099"):
        schema.apply_to(cursor, "0099_none")


def test_another_runner_finds_what_ours_applied(database):
    schema.apply(database)
    assert schema.apply_to(PercentCursor(database.cursor()), NAMES[-1], placeholder="%s") == []


def test_another_runner_applies_what_it_had_passed_over(database):
    assert schema.apply_to(PercentCursor(database.cursor()), NAMES[-1], placeholder="%s") == NAMES


def test_a_plan_refuses_what_cannot_be():
    a, b = migration("0001_a", "A"), migration("0002_b", "B")
    assert plan({}, [a, b]) == [a, b]
    assert plan({"0001_a": a.sha256}, [a, b]) == [b]
    with pytest.raises(StoreTooNew, match=r"0003_c.*upgrade"):
        plan({"0001_a": a.sha256, "0003_c": "?"}, [a, b])
    with pytest.raises(MigrationError, match="0001_a differs"):
        plan({"0001_a": b.sha256}, [a, b])
    with pytest.raises(MigrationError, match="0001_a before it"):
        plan({"0002_b": b.sha256}, [a, b])


def test_each_migration_is_one_transaction(database, migrations):
    migrations.append(migration("0003_c", "CREATE TABLE reco_c (x); INSERT INTO reco_c VALUES (1); CREATE TABLE reco_b (again);"))
    with pytest.raises(MigrationError, match=r"0003_c failed and was rolled back.*reco_b already exists"):
        schema.apply(database)
    assert tables(database) == {"reco_migration", "reco_b"}
    assert [m.name for m in schema.pending(database)] == ["0003_c"]
    assert not database.in_transaction
    migrations[-1] = migration("0003_c", "CREATE TABLE reco_c (x);")
    assert schema.apply(database) == ["0003_c"]


async def test_a_flipped_hash_is_refused(tmp_path):
    store = SqliteStore(tmp_path / "shop.sqlite3")
    await store.open()
    await store.aclose()
    with sqlite3.connect(store.path) as database:
        database.execute("UPDATE reco_migration SET sha256 = 'f' || substr(sha256, 2)")
    database.close()
    with pytest.raises(MigrationError, match="0001_initial differs"):
        await store.open()


async def test_a_store_from_a_newer_release_is_refused_untouched(tmp_path):
    store = SqliteStore(tmp_path / "shop.sqlite3")
    await store.open()
    await store.aclose()
    with sqlite3.connect(store.path) as database:
        database.execute("INSERT INTO reco_migration VALUES ('9999_future', 'x', 'y')")
    database.close()
    before = store.path.read_bytes()
    with pytest.raises(StoreTooNew, match="9999_future"):
        await store.open()
    assert store.path.read_bytes() == before


MIGRATE = """
async def main():
    store = SqliteStore(path)
    print("ready", flush=True)
    sys.stdin.readline()
    await store.open()
    await store.put_state(sys.argv[2], "done")
    await store.aclose()
asyncio.run(main())
"""


async def test_processes_that_start_at_once_migrate_once(tmp_path):
    path = tmp_path / "shop.sqlite3"
    processes = [start(MIGRATE, path, n) for n in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        finish(process)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT name FROM reco_migration").fetchall() == [(name,) for name in NAMES]
        assert database.execute("SELECT COUNT(*) FROM reco_state").fetchone() == (3,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
