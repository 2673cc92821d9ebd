"""Leases under a clock that jumps, and between processes."""

from datetime import UTC, datetime, timedelta

import pytest

from reco_sdk.errors import LeaseLost
from reco_sdk.items.item import Item
from reco_sdk.storage.memory import MemoryStore
from reco_sdk.storage.sqlite import SqliteStore


class Turned:
    """A clock that is turned by hand."""

    def __init__(self):
        self.time = datetime(2026, 1, 31, tzinfo=UTC)

    def now(self):
        return self.time

    def turn(self, **by):
        self.time += timedelta(**by)


@pytest.fixture
def clock():
    return Turned()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request, clock, tmp_path):
    store = MemoryStore(clock=clock) if request.param == "memory" else SqliteStore(tmp_path / "a.sqlite3", clock=clock)
    await store.open()
    yield store
    await store.aclose()


async def test_a_lease_lasts_to_the_microsecond(store, clock):
    lease = await store.acquire_lease("indexer", "a", 10)
    assert lease.until == clock.time.timestamp() + 10
    clock.turn(seconds=9, microseconds=999_999)
    assert await store.get_lease("indexer") == lease
    assert await store.acquire_lease("indexer", "b", 10) is None
    clock.turn(microseconds=1)
    assert await store.get_lease("indexer") is None
    assert (await store.acquire_lease("indexer", "b", 10)).epoch == 2


async def test_prolonging_counts_from_now(store, clock):
    await store.acquire_lease("indexer", "a", 10)
    clock.turn(seconds=8)
    assert (await store.acquire_lease("indexer", "a", 5)).until == clock.time.timestamp() + 5


@pytest.mark.parametrize("jump", [{"days": 400}, {"days": -400}, {"seconds": -1}])
async def test_a_clock_that_jumps_neither_blocks_for_ever_nor_overwrites(store, clock, jump):
    old = await store.acquire_lease("indexer", "a", 10)
    clock.turn(**jump)
    new = await store.acquire_lease("indexer", "b", 10)
    assert new.epoch == old.epoch + 1
    with pytest.raises(LeaseLost):
        await store.upsert_items([Item(id="x", title="old")], lease=old)
    await store.upsert_items([Item(id="x", title="new")], lease=new)
