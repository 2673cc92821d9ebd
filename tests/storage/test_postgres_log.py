"""Numbers that commit in order, months that come and go, writers that freeze or meet."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from reco_sdk.errors import StoreError, StoreUnavailable
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.items.item import Item
from reco_sdk.storage.postgres import PostgresStore, partitions, pool
from reco_sdk.storage.postgres.partitions import DEFAULT, Month
from reco_sdk.storage.times import to_micros

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


class Now:
    def now(self):
        return NOW


@pytest.fixture
async def store(postgres):
    store = PostgresStore(postgres, clock=Now())
    await store.open()
    yield store
    await store.aclose()


@pytest.fixture
async def other(postgres):
    store = PostgresStore(postgres, clock=Now())
    await store.open()
    yield store
    await store.aclose()


def views(count, name="e", at=NOW):
    return [Interaction.view_item("a", visitor_id="v", event_id=f"{name}{n}", at=at) for n in range(count)]


async def months(server):
    """Rows by partition."""
    found = await server.fetch("SELECT tableoid::regclass::text, count(*) FROM reco_interaction GROUP BY 1")
    return {row[0].removeprefix("reco_interaction_"): row[1] for row in found}


async def names(server):
    rows = await server.fetch("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'reco_interaction'::regclass")
    return {row[0] for row in rows}


# In order


async def test_readers_lose_nothing_however_many_write(postgres, store):
    async def write(name):
        own = PostgresStore(postgres, clock=Now())
        await own.open()
        for batch in range(10):
            await own.append_interactions(views(7, f"{name}-{batch}-"))
            await own.upsert_items([Item(id=f"{name}-{batch}", title="t"), Item(id="shared", title=f"{name} {batch}")])
            if batch % 3 == 0:
                await own.delete_items([f"{name}-{batch}"])
        await own.aclose()

    async def read(done):
        seen, cursor, version, items = [], 0, 0, {}
        while not done() or cursor < await store.interaction_sequence() or version < await store.item_version():
            for stored in await store.interactions_since(cursor, limit=11):
                assert stored.sequence == cursor + 1  # no gap, so nothing can fill one later
                cursor = stored.sequence
                seen.append(stored.interaction.event_id)
            for change in await store.changes_since(version, limit=5):
                assert change.version > version
                version = change.version
                items[change.item_id] = change.item
            await asyncio.sleep(0)
        return seen, items

    writers = asyncio.gather(*(write(f"w{n}") for n in range(4)))
    seen, items = await read(writers.done)
    await writers
    assert len(set(seen)) == len(seen) == 4 * 10 * 7
    assert items == {c.item_id: c.item for c in await store.changes_since(0)}
    assert sum(item is None for item in items.values()) == 4 * 4


async def test_a_write_that_is_rolled_back_leaves_no_gap(store):
    await store.append_interactions(views(3))
    await store.upsert_items([Item(id="a", title="t")])

    async def write_and_fail():
        async with store._pool.transaction() as db:
            await store._count(db, "interaction", 100)
            await store._count(db, "item", 100)
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await write_and_fail()
    assert (await store.interaction_sequence(), await store.item_version()) == (3, 1)
    await store.append_interactions(views(1, "f"))
    assert [stored.sequence for stored in await store.interactions_since(0)] == [1, 2, 3, 4]


async def test_the_same_events_at_once_count_once(store, other):
    batch = views(300)
    counts = await asyncio.gather(
        *(s.append_interactions(events) for s in (store, other) for events in (batch, batch[::-1], batch[100:]))
    )
    assert sum(counts) == 300
    assert [stored.sequence for stored in await store.interactions_since(0)] == list(range(1, 301))


async def test_a_lost_counter_is_told(store, server):
    await server.execute("DELETE FROM reco_counter")
    with pytest.raises(StoreError, match=r"no row 'item'.*restore"):
        await store.upsert_items([Item(id="a", title="t")])
    with pytest.raises(StoreError, match="no row 'interaction'"):
        await store.append_interactions(views(1))


async def test_who_freezes_in_a_write_holds_up_nobody_for_long(store, other, monkeypatch):
    monkeypatch.setattr(pool, "_GUARD", "SET LOCAL idle_in_transaction_session_timeout = '200ms'; SET LOCAL lock_timeout = '60s'")

    async def freeze():
        async with store._pool.transaction() as frozen:
            await store._lock_counter(frozen, "item")
            await other.upsert_items([Item(id="a", title="t")])  # waits until the server has ended the frozen one
            await store._count(frozen, "item", 1)

    with pytest.raises(StoreUnavailable, match="postgresql://"):
        await freeze()
    assert await store.item_version() == 1


async def test_who_waits_for_a_lock_for_too_long_is_told(store, other, monkeypatch):
    monkeypatch.setattr(pool, "_GUARD", "SET LOCAL lock_timeout = '50ms'")
    async with store._pool.transaction() as db:
        await store._lock_counter(db, "item")
        with pytest.raises(StoreUnavailable, match="pg_stat_activity"):
            await other.upsert_items([Item(id="a", title="t")])


# Months


@pytest.mark.parametrize(
    ("at", "name", "days"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), "2026_01", 31),
        (datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC), "2026_02", 28),
        (datetime(2025, 12, 31, tzinfo=UTC), "2025_12", 31),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "1969_12", 31),
    ],
)
def test_a_month_is_that_of_utc(at, name, days):
    month = Month.of(to_micros(at))
    assert month.name == f"reco_interaction_{name}"
    assert month.low <= to_micros(at) < month.next.low == month.low + days * 86_400 * 10**6


async def test_months_are_added_when_they_are_needed(store, server):
    times = [NOW, NOW - timedelta(days=40), NOW + timedelta(days=20), NOW - timedelta(days=366 * 11), NOW + timedelta(days=60)]
    for n, at in enumerate(times):
        await store.append_interactions(views(n + 1, f"{n}-", at))
    assert await months(server) == {"2026_03": 1, "2026_02": 2, "2026_04": 3, "default": 9}
    assert len(await store.interactions_since(0)) == 15


async def test_several_add_the_same_month_at_once(store, other, server):
    await asyncio.gather(*(s.append_interactions(views(5, f"{n}-")) for n in range(4) for s in (store, other)))
    assert await months(server) == {"2026_03": 20}


async def test_a_month_that_cannot_be_added_is_kept_in_the_default_and_moves_later(store, server, monkeypatch, caplog):
    monkeypatch.setattr(partitions, "_LOCK_BRIEFLY", "SET LOCAL lock_timeout = '20ms'")
    async with server.transaction():
        await server.execute("LOCK TABLE reco_interaction IN SHARE UPDATE EXCLUSIVE MODE")
        assert await store.append_interactions(views(3)) == 3
    assert "no partition for 2026-03 could be added" in caplog.text
    assert await store.append_interactions(views(3, "f")) == 3  # not tried again so soon
    assert await months(server) == {"default": 6}
    before = await store.interactions_since(0)
    monkeypatch.setattr(partitions, "_RETRY_SECONDS", 0)
    store._not_before.clear()
    assert await store.append_interactions(views(1, "g")) == 1
    assert await months(server) == {"2026_03": 7}
    assert (await store.interactions_since(0))[:6] == before


async def test_months_that_end_by_then_are_dropped_as_a_whole(store, server):
    for months_ago in range(4):
        await store.append_interactions(views(10, f"{months_ago}-", NOW - timedelta(days=30 * months_ago)))
    await store.append_interactions(views(2, "old-", NOW - timedelta(days=5_000)))
    assert await store.prune_interactions(NOW - timedelta(days=30)) == 22
    assert await names(server) == {DEFAULT, "reco_interaction_2026_02", "reco_interaction_2026_03"}
    assert await months(server) == {"2026_02": 10, "2026_03": 10}
    assert await server.fetchval("SELECT count(*) FROM reco_event") == 20
    assert await store.append_interactions(views(1, "late-", NOW - timedelta(days=90))) == 1  # its month is added again
    assert await months(server) == {"2025_12": 1, "2026_02": 10, "2026_03": 10}


async def test_a_month_that_is_in_use_is_emptied_instead(store, server, postgres, monkeypatch, caplog):
    monkeypatch.setattr(partitions, "_LOCK_BRIEFLY", "SET LOCAL lock_timeout = '20ms'")
    await store.append_interactions(views(10, "old-", NOW - timedelta(days=40)))
    await store.append_interactions(views(1))
    async with server.transaction():
        await server.fetch("SELECT count(*) FROM reco_interaction")  # holds a lock on every month until it ends
        assert await store.prune_interactions(NOW - timedelta(days=1)) == 10
    assert "2026-02 could not be dropped" in caplog.text
    assert await months(server) == {"2026_03": 1}
    assert await store.prune_interactions(NOW - timedelta(days=1)) == 0
    assert await names(server) == {DEFAULT, "reco_interaction_2026_03"}


async def test_pruning_reads_each_page_once(store, server, monkeypatch):
    monkeypatch.setattr(partitions, "_PAGES_AT_ONCE", 2)
    for n in range(10):
        await store.append_interactions(views(100, f"{n}-", NOW - timedelta(days=n)))
    assert await store.prune_interactions(NOW - timedelta(days=4, hours=1)) == 500
    assert await store.prune_interactions(NOW) == 400
    assert await store.interaction_counts() == {"view_item": 100}
    assert await server.fetchval("SELECT count(*) FROM reco_event") == 100
