"""A process that dies in the middle leaves whole batches or none."""

import asyncio
import random
import signal
import sqlite3

import pytest

from reco_sdk.storage import schema
from reco_sdk.storage.sqlite import SqliteStore
from tests.storage.processes import start

SIZE = 300

WRITE = """
async def main():
    store = SqliteStore(path)
    await store.open()
    size = int(sys.argv[2])
    for generation in range(10**6):
        await store.upsert_items([Item(id=f"i{n:04}", title="t", price=generation) for n in range(size)])
        await store.append_interactions(
            [Interaction.view_item(f"i{n}", visitor_id="v", event_id=f"{os.getpid()}:{generation}:{n}") for n in range(size)]
        )
        if generation == 0:
            print("ready", flush=True)
asyncio.run(main())
"""

DIE_WHILE_MIGRATING = """
initial = schema.load_migrations("sqlite")[0]
class Dying:
    def __init__(self, cursor): self.cursor, self.left = cursor, 5
    def execute(self, *args):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.cursor.execute(*args)
import sqlite3
run = schema._run
schema._run = lambda cursor, migration, placeholder: run(Dying(cursor), migration, placeholder)
asyncio.run(SqliteStore(path).open())
"""

DIE_INSIDE_A_BATCH = """
async def main():
    store = SqliteStore(path)
    await store.open()
    await store.upsert_items([Item(id=f"i{n}", title="before") for n in range(500)])
    calls = []
    from reco_sdk.storage import rows
    def dying(item):
        calls.append(item)
        if len(calls) > 250:
            os.kill(os.getpid(), signal.SIGKILL)
        return text(item)
    text, rows.item_text = rows.item_text, dying
    def job(db):
        with schema.immediate(db):
            db.execute("PRAGMA cache_size = 2")  # spill to the file before the commit
            db.executemany("UPDATE reco_item SET data = 'half', version = version + 100000 WHERE item_id = ?", [(f"i{n}",) for n in range(400)])
            os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[2] == "spilled":
        await store._write(job)
    await store.upsert_items([Item(id=f"i{n}", title="after") for n in range(500)])
asyncio.run(main())
"""


def check_file(path):
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert schema.pending(connection) == []
    finally:
        connection.close()


@pytest.mark.parametrize("seed", range(4))
async def test_killed_at_any_moment(tmp_path, seed):
    path = tmp_path / "shop.sqlite3"
    process = start(WRITE, path, SIZE)
    assert process.stdout.readline() == "ready\n"
    await asyncio.sleep(random.Random(seed).uniform(0, 0.15))
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL

    store = SqliteStore(path)
    await store.open()
    try:
        changes = await store.changes_since(0)
        assert len({change.item.price for change in changes}) == 1  # one whole generation
        assert len(changes) == SIZE
        assert [change.version for change in changes] == list(range(changes[0].version, changes[0].version + SIZE))
        log = await store.interactions_since(0, limit=10**7)
        assert len(log) % SIZE == 0
        assert await store.interaction_sequence() == log[-1].sequence
        await store.upsert_items([change.item for change in changes])  # and it goes on
    finally:
        await store.aclose()
    check_file(path)


@pytest.mark.parametrize("how", ["spilled", "encoding"])
async def test_killed_inside_a_batch(tmp_path, how):
    path = tmp_path / "shop.sqlite3"
    process = start(DIE_INSIDE_A_BATCH, path, how)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    store = SqliteStore(path)
    await store.open()
    assert {change.item.title for change in await store.changes_since(0)} == {"before"}
    assert await store.item_version() == 500
    await store.aclose()
    check_file(path)


async def test_killed_while_migrating(tmp_path):
    path = tmp_path / "shop.sqlite3"
    process = start(DIE_WHILE_MIGRATING, path)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == []
    database.close()
    store = SqliteStore(path)
    await store.open()
    await store.aclose()
    check_file(path)
