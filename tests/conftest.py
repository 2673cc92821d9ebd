"""Fixtures for every folder of tests."""

import asyncio

import pytest

from scripts.postgres import databases


@pytest.fixture(scope="session")
def postgres_server():
    """Databases on a PostgreSQL that is started when the first test asks, see scripts/postgres.py."""
    with databases() as made:
        yield made


@pytest.fixture(scope="session")
def migrated(postgres_server):
    """A database with the present schema, to be copied."""
    from reco_sdk.storage.postgres import PostgresStore

    async def migrate(dsn):
        store = PostgresStore(dsn)
        await store.open()
        await store.aclose()

    dsn = postgres_server.create()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(migrate(dsn))
    loop.close()
    return dsn


@pytest.fixture
def postgres(postgres_server, migrated):
    """The URL of a fresh database with the present schema."""
    dsn = postgres_server.create(migrated)
    yield dsn
    postgres_server.drop(dsn)


@pytest.fixture
def empty_postgres(postgres_server):
    """The URL of a fresh, empty database."""
    dsn = postgres_server.create()
    yield dsn
    postgres_server.drop(dsn)
