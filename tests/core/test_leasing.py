"""A lease as a process keeps it."""

import asyncio
import time

import pytest

from reco_sdk.errors import LeaseLost, StoreError
from reco_sdk.leasing import LeaseHolder, holder_name
from reco_sdk.storage.memory import MemoryStore

from .support import until


@pytest.fixture
async def store():
    opened = MemoryStore()
    await opened.open()
    yield opened
    await opened.aclose()


def holder(store, name="a", ttl=30.0, **options):
    return LeaseHolder(store, "indexer", name, ttl, **options)


def test_names_are_nobody_elses():
    assert holder_name("web") != holder_name("web")
    assert holder_name("web").startswith("web:")


async def test_one_holds_it_and_the_next_takes_over_when_it_is_given_back(store):
    a, b = holder(store), holder(store, "b")
    assert (await a.turn()).holder == "a"
    assert await b.turn() is None
    assert (a.lease.epoch, b.lease, b.other) == (1, None, "a")
    assert (await a.turn()).epoch == 1
    await a.release()
    assert a.lease is None
    assert (await b.turn()).epoch == 2
    await a.release()  # given back twice: the new holder keeps it
    assert (await b.turn()).epoch == 2


async def test_one_that_runs_out_is_taken_and_the_late_holder_writes_nothing(store):
    a, b = holder(store, ttl=0.05), holder(store, "b")
    late = await a.turn()
    await asyncio.sleep(0.1)
    assert a.lease is None  # by its own clock, without asking
    assert (await b.turn()).epoch == 2
    with pytest.raises(LeaseLost):
        await store.put_state("cursor", "1", lease=late)
    assert await a.turn() is None
    assert a.other == "b"


async def test_a_write_that_was_refused_ends_it(store):
    a = holder(store)
    await a.turn()
    a.lost()
    assert a.lease is None
    assert await a.turn() is not None


async def test_it_is_given_back_when_it_is_not_wanted_any_more(store):
    wanted = True

    async def wants():
        return wanted

    a, b = holder(store, wanted=wants), holder(store, "b")
    assert await a.turn()
    wanted = False
    assert await a.turn() is None
    assert await b.turn()
    wanted = True
    assert await a.turn() is None


async def test_it_is_kept_while_time_goes_by_and_survives_an_outage(store, monkeypatch):
    a = holder(store, ttl=0.5)
    task = asyncio.create_task(a.run())
    try:
        await until(lambda: a.lease is not None)
        epoch = a.lease.epoch
        acquire = store.acquire_lease

        async def down(*_):
            raise StoreError("gone for a while")

        monkeypatch.setattr(store, "acquire_lease", down)
        await until(lambda: a.error is not None)
        assert a.lease is not None  # it lasts until it runs out
        await until(lambda: a.lease is None)
        monkeypatch.setattr(store, "acquire_lease", acquire)
        await until(lambda: a.lease is not None)
        assert a.error is None
        assert a.lease.epoch == epoch + 1  # it had run out; whoever began under the old one is refused
        started = time.monotonic()
        held = a.lease.epoch
        await until(lambda: time.monotonic() - started > 1.0)
        assert a.lease.epoch == held
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_giving_it_back_does_not_wait_for_a_store_that_is_gone(store, monkeypatch):
    async def down(*_):
        raise StoreError("gone")

    a = holder(store)
    await a.turn()
    monkeypatch.setattr(store, "release_lease", down)
    await a.release()
    assert a.lease is None
