"""What goes wrong on a real machine gets a typed error that names the mend, and leaves nothing half-written."""

import asyncio
import os
import sqlite3
import threading
import time

import numpy as np
import pytest

from reco_sdk.errors import MigrationError, StoreError, StoreUnavailable
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.storage import schema
from reco_sdk.storage.sqlite import SqliteStore
from reco_sdk.testing.stores import make_item


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path / "shop.sqlite3", busy_timeout_seconds=0.2)
    await store.open()
    await store.upsert_items([make_item("kept")])
    yield store
    await store.aclose()


async def pragma(store, statement):
    await store._write(lambda db: db.execute(statement).fetchall())


async def test_a_missing_folder_is_named(tmp_path):
    store = SqliteStore(tmp_path / "nowhere" / "shop.sqlite3")
    with pytest.raises(StoreError, match=r"nowhere does not exist; create it"):
        await store.open()
    await store.aclose()


async def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(StoreError, match="cannot be opened"):
        await SqliteStore(tmp_path).open()


async def test_another_file_is_no_store(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text("id,title\n" * 1000)
    with pytest.raises(StoreError, match="not an SQLite database; check the path"):
        await SqliteStore(path).open()
    assert path.read_text() == "id,title\n" * 1000


async def test_tables_of_the_same_name_are_not_overwritten(tmp_path):
    path = tmp_path / "shop.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE reco_item (theirs)")
    database.close()
    with pytest.raises(MigrationError, match="0001_initial failed and was rolled back"):
        await SqliteStore(path).open()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("reco_item",)]
    database.close()


async def test_a_damaged_file_is_refused(store):
    await store.upsert_items([make_item(f"i{n}", description="x" * 500) for n in range(2_000)])
    await store.aclose()
    with store.path.open("r+b") as file:
        file.seek(store.path.stat().st_size // 2)
        file.write(b"\xff" * 300_000)
    await store.open()  # the first pages are whole: the damage shows itself where it is read
    with pytest.raises(StoreError, match="damaged; restore a backup"):
        await store.changes_since(0)


async def test_a_full_disk_keeps_all_or_nothing(store):
    await pragma(store, "PRAGMA max_page_count = 60")
    with pytest.raises(StoreUnavailable, match="disk is full; free some space"):
        await store.upsert_items([make_item(f"i{n}", description="x" * 1_000) for n in range(1_000)])
    with pytest.raises(StoreError, match="disk is full"):
        await store.put_vectors("m", {f"h{n}": np.ones(300, dtype=np.float32) for n in range(1_000)})
    with pytest.raises(StoreError, match="disk is full"):
        await store.append_interactions([Interaction.view_item("a", visitor_id="v" * 500) for _ in range(1_000)])
    assert (await store.item_count(), await store.item_version(), await store.interaction_sequence()) == (1, 1, 0)
    assert await store.vector_count("m") == 0
    await pragma(store, "PRAGMA max_page_count = 1000000")
    await store.upsert_items([make_item("later")])
    assert await store.item_version() == 2


async def test_a_read_only_database_can_still_be_read(store):
    await pragma(store, "PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable, match="read-only; give this user the right"):
        await store.upsert_items([make_item("new")])
    with pytest.raises(StoreError, match="read-only"):
        await store.alias("v", "u")
    assert await store.get_items(["kept", "new"]) == {"kept": make_item("kept")}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
async def test_a_read_only_file(store):
    await store.aclose()
    store.path.chmod(0o444)
    await store.open()
    with pytest.raises(StoreError, match="read-only"):
        await store.upsert_items([make_item("new")])
    assert await store.item_count() == 1


async def test_the_reader_cannot_write(store):
    assert store._connections is not None
    with pytest.raises(StoreError, match="read-only"):
        await store._connections[1].run(lambda db: db.execute("DELETE FROM reco_item"))


async def test_a_lock_that_stays_is_told_after_the_timeout(store):
    other = sqlite3.connect(store.path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="another process holds the write lock"):
            await store.upsert_items([make_item("new")])
        assert 0.1 < time.monotonic() - began < 3
        assert await store.item_count() == 1  # reads do not wait
        other.execute("ROLLBACK")
    finally:
        other.close()
    await store.upsert_items([make_item("new")])


@pytest.fixture
def shop_reading(tmp_path):
    """The shop's own connection, in the middle of a transaction that has read."""
    other = sqlite3.connect(tmp_path / "shop.sqlite3", isolation_level=None, check_same_thread=False)
    schema.apply(other)
    other.execute("BEGIN")
    other.execute("SELECT * FROM reco_state").fetchall()
    yield other
    other.close()


async def journal_mode(store):
    return await store._write(lambda db: db.execute("PRAGMA journal_mode").fetchone()[0])


async def test_opening_waits_a_moment_for_the_shop(shop_reading, tmp_path):
    store = SqliteStore(tmp_path / "shop.sqlite3")
    timer = threading.Timer(0.1, shop_reading.execute, ["COMMIT"])
    timer.start()
    await store.open()
    assert await journal_mode(store) == "wal"
    await store.aclose()
    timer.join()


async def test_opening_does_not_wait_for_ever_for_the_shop(shop_reading, tmp_path):
    store = SqliteStore(tmp_path / "shop.sqlite3")
    began = time.monotonic()
    await store.open()
    assert time.monotonic() - began < 3
    assert await journal_mode(store) == "delete"
    assert await store.item_count() == 0
    shop_reading.execute("COMMIT")
    await store.upsert_items([make_item("a")])
    await store.aclose()
    await store.open()
    assert await journal_mode(store) == "wal"
    assert await store.item_count() == 1
    await store.aclose()


async def test_a_file_that_vanished_is_not_made_anew(store):
    await store.aclose()
    await store.open()
    writer = store._connections[0]
    writer.before_fork()  # closes, as a fork does
    writer.after_fork_in_parent()
    store.path.unlink()
    with pytest.raises(StoreError, match="cannot be opened"):
        await store.upsert_items([make_item("new")])
    assert not store.path.exists()


async def test_a_damaged_row_is_named(store):
    await store._write(lambda db: db.execute('UPDATE reco_item SET data = \'{"id": "kept"}\'').fetchall())
    with pytest.raises(StoreError, match=r"item 'kept' cannot be read.*title.*store it again"):
        await store.get_items(["kept"])
    await store.append_interactions([Interaction.view_item("a", visitor_id="v")])
    await store._write(lambda db: db.execute("UPDATE reco_interaction SET kind = 'flew'").fetchall())
    with pytest.raises(StoreError, match=r"interaction 1 cannot be read.*flew"):
        await store.interactions_since(0)


async def test_a_cancelled_write_is_whole_or_absent(store):
    task = asyncio.create_task(store.upsert_items([make_item(f"i{n}") for n in range(2_000)]))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.upsert_items([make_item("kept", price=1)])  # runs after it
    assert await store.item_count() in (1, 2_001)


async def test_the_same_store_serves_two_loops(store):
    counts = []
    thread = threading.Thread(target=lambda: counts.append(asyncio.run(store.item_count())))
    thread.start()
    thread.join()
    assert counts == [await store.item_count()]


async def test_many_readers_and_writers_in_one_process(store):
    await asyncio.gather(
        *(store.upsert_items([make_item(f"{n}-{m}") for m in range(20)]) for n in range(20)),
        *(store.changes_since(0) for _ in range(20)),
        *(store.append_interactions([Interaction.view_item("a", visitor_id="v")]) for _ in range(20)),
    )
    assert await store.item_count() == await store.item_version() == 401
    assert await store.interaction_counts() == {"view_item": 20}
