"""Both stores under the same behavioural classes."""

import pytest

from reco_sdk.storage.memory import MemoryStore
from reco_sdk.storage.sqlite import SqliteStore
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
