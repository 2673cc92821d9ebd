"""Who listens hears of changes at once, whatever becomes of the connection; who cannot listen polls."""

import asyncio
import logging

import pytest

from reco_sdk.items.item import Item
from reco_sdk.storage.postgres import PostgresStore, feed
from tests.storage.pooler import Pooler

LONG = 60.0
ITEM = Item(id="a", title="t")


@pytest.fixture
async def listener(postgres):
    store = PostgresStore(postgres, listen_dsn=postgres + "&application_name=reco_feed")
    await store.open()
    yield store
    await store.aclose()


@pytest.fixture
async def writer(postgres):
    store = PostgresStore(postgres)
    await store.open()
    yield store
    await store.aclose()


async def end_listening(server):
    return await server.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'reco_feed'"
        " AND datname = current_database()"
    )


async def test_what_another_writes_rings(listener, writer):
    for change in (
        lambda: writer.upsert_items([ITEM]),
        lambda: writer.delete_items(["a"]),
        lambda: writer.alias("v", "u"),
    ):
        waiting = asyncio.create_task(listener.wait_for_change(LONG))
        await asyncio.sleep(0)
        await change()
        assert await waiting is True


async def test_what_changes_nothing_does_not_ring(listener, writer):
    await writer.upsert_items([ITEM])
    assert await listener.wait_for_change(LONG) is True
    await writer.upsert_items([ITEM])
    await writer.delete_items(["nobody"])
    await writer.append_interactions([])
    assert await listener.wait_for_change(0.1) is False


async def test_a_write_that_is_rolled_back_does_not_ring(listener, writer):
    async def write_and_fail():
        async with writer._pool.transaction() as db:
            await writer._tell(db, "items")
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await write_and_fail()
    assert await listener.wait_for_change(0.1) is False


async def test_a_connection_that_is_lost_is_made_again_and_rings(listener, writer, server, caplog):
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        assert await end_listening(server) == 1
        assert await listener.wait_for_change(LONG) is True  # something may have been told meanwhile
        await writer.upsert_items([Item(id="a", title=str(_))])
        assert await listener.wait_for_change(LONG) is True
    assert caplog.records == []


async def test_who_cannot_listen_polls_and_is_told_why_once(postgres, writer, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(feed, "_LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(feed, "_SHORTEST_PAUSE", 0.005)
    store = PostgresStore(postgres, listen_dsn=f"postgresql://shop:s3cret@/x?host={tmp_path}")
    await store.open()
    assert await store.wait_for_change(0.2) is False
    await writer.upsert_items([ITEM])
    assert await store.wait_for_change(0.1) is False
    await store.aclose()
    [told] = [record.getMessage() for record in caplog.records]
    assert "polled for" in told
    assert "s3cret" not in told


async def test_a_silent_connection_is_looked_after(listener, writer, monkeypatch, server):
    monkeypatch.setattr(feed, "_PULSE_SECONDS", 0.01)
    assert await end_listening(server) == 1  # the next one has a quick pulse
    assert await listener.wait_for_change(LONG) is True
    await asyncio.sleep(0.1)
    await writer.upsert_items([ITEM])
    assert await listener.wait_for_change(LONG) is True


async def test_closing_ends_the_connection(postgres, listener, server):
    await listener.aclose()
    sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reco_feed' AND datname = current_database()"
    while await server.fetchval(sql):  # noqa: ASYNC110  nobody tells
        await asyncio.sleep(0.01)


async def test_a_pooler_is_known_before_it_is_listened_to_in_vain(postgres, writer, tmp_path, caplog):
    async with Pooler(postgres, tmp_path) as pooler:
        store = PostgresStore(pooler.dsn, listen_dsn=pooler.dsn)
        await store.open()
        assert store.is_listening is False
        [told] = [record.getMessage() for record in caplog.records]
        assert "leads to a pooler" in told
        await writer.upsert_items([ITEM])
        assert await store.wait_for_change(0.1) is False
        await store.aclose()
        past = PostgresStore(pooler.dsn, listen_dsn=postgres)
        await past.open()
        assert past.is_listening is True
        await writer.upsert_items([Item(id="a", title="u")])
        assert await past.wait_for_change(LONG) is True
        await past.aclose()
