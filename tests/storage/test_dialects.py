"""One schema in two dialects and in Django's models, and statements of earlier releases that still work."""

import sqlite3
from pathlib import Path

import asyncpg
import pytest
from django.apps import apps

from reco_sdk.storage import schema
from reco_sdk.storage.queries import parse_queries

RELEASED = Path(__file__).with_name("released")
ONLY_POSTGRES = {"reco_event", "reco_interaction_default"}
# What SQLite calls a type, what PostgreSQL calls it, and which of Django's fields may show it.
TYPES = {
    ("TEXT", "text"): {"TextField"},
    ("INTEGER", "bigint"): {"BigIntegerField", "BigAutoField"},
    ("INTEGER", "integer"): {"IntegerField"},
    ("INTEGER", "boolean"): {"BooleanField"},
    ("REAL", "double precision"): {"FloatField"},
    ("BLOB", "bytea"): {"BinaryField"},
}
COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable = 'YES' FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name LIKE 'reco\\_%'
"""


@pytest.fixture
def lite(tmp_path):
    connection = sqlite3.connect(tmp_path / "shop.sqlite3", isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
async def server(postgres):
    connection = await asyncpg.connect(postgres)
    yield connection
    await connection.close()


def lite_columns(connection):
    """Type, and whether it may be null, by table and column."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'reco\\_%' ESCAPE '\\'")
    return {
        (table, name): (kind, not not_null and not key)
        for (table,) in tables.fetchall()
        for _, name, kind, not_null, _, key in connection.execute(f"PRAGMA table_info({table})")
    }


async def server_columns(connection):
    return {(row[0], row[1]): (row[2], row[3]) for row in await connection.fetch(COLUMNS)}


def test_each_step_exists_in_both_dialects():
    assert [m.name for m in schema.load_migrations("sqlite")] == [m.name for m in schema.load_migrations("postgres")]


async def test_both_dialects_make_the_same_tables(lite, server):
    schema.apply(lite)
    ours, theirs = lite_columns(lite), await server_columns(server)
    assert set(theirs) - set(ours) == {key for key in theirs if key[0] in ONLY_POSTGRES}
    assert set(ours) <= set(theirs)
    for key, (kind, nullable) in ours.items():
        assert (kind, theirs[key][0]) in TYPES, key
        assert nullable == theirs[key][1], key


async def test_the_models_show_both(lite, server):
    schema.apply(lite)
    ours, theirs = lite_columns(lite), await server_columns(server)
    shown = set()
    for model in apps.get_app_config("django_reco").get_models():
        table = model._meta.db_table
        shown.add(table)
        assert {f.column for f in model._meta.concrete_fields} == {name for owner, name in ours if owner == table}
        for field in model._meta.concrete_fields:
            kinds = (ours[table, field.column][0], theirs[table, field.column][0])
            assert field.get_internal_type() in TYPES[kinds], field
            assert field.null == theirs[table, field.column][1], field
    # The ledger is ours alone, and vectors have a key of two columns.
    assert {table for table, _ in ours} - shown == {"reco_migration", "reco_vector"}


async def test_every_object_is_ours_and_none_is_tied_to_another(server):
    names = await server.fetch("SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace")
    assert all(row[0].startswith("reco_") for row in names)
    assert await server.fetch("SELECT conname FROM pg_constraint WHERE contype = 'f'") == []


def before_deploy(migration):
    return "-- deploy: before" in migration.sql


def test_a_later_step_says_when_it_is_to_be_run():
    for dialect in ("sqlite", "postgres"):
        for migration in schema.load_migrations(dialect)[1:]:
            assert "-- deploy: before\n" in migration.sql or "-- deploy: after\n" in migration.sql, migration.name


@pytest.mark.parametrize("path", sorted(RELEASED.glob("*.sqlite.sql")), ids=lambda path: path.name)
def test_an_earlier_release_still_works_after_what_is_run_before_a_deploy(path, lite):
    """Its every statement, on the present schema as far as that is to be made while it still runs."""
    last = path.name.removesuffix(".sqlite.sql")
    cursor = lite.cursor()
    for migration in schema.load_migrations("sqlite"):
        if migration.name <= last or before_deploy(migration):
            schema.apply_to(cursor, migration.name)
    plain = {"put_vector": ("m", "h", 1, b"\0\0\0\0")}
    for name, sql in parse_queries(path.read_text("utf-8")).items():
        for _ in range(2):  # what is there already, too
            lite.execute(sql, plain.get(name, ["[]" if "json_each" in sql else 1] * sql.count("?"))).fetchall()
