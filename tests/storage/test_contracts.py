"""Every store under the same behavioural classes."""

import pytest

from reco_sdk.storage.memory import MemoryStore
from reco_sdk.storage.postgres import PostgresStore
from reco_sdk.storage.sqlite import SqliteStore
from reco_sdk.testing.leases import ChangeFeedContract
from reco_sdk.testing.stores import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    async def store(self):
        store = MemoryStore()
        await store.open()
        yield store
        await store.aclose()


class TestSqliteStore(StoreContract):
    rings = False

    @pytest.fixture
    async def store(self, tmp_path):
        store = SqliteStore(tmp_path / "shöp & co?.sqlite3")
        await store.open()
        yield store
        await store.aclose()


class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def store(self, postgres):
        store = PostgresStore(postgres, listen_dsn=postgres)
        await store.open()
        yield store
        await store.aclose()


class TestPostgresStoreThatPolls(ChangeFeedContract):
    rings = False

    @pytest.fixture
    async def store(self, postgres):
        store = PostgresStore(postgres)
        await store.open()
        yield store
        await store.aclose()
