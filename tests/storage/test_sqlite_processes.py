"""Several processes on one file, and one process that becomes two."""

import asyncio

from reco_sdk.storage.sqlite import SqliteStore
from tests.storage.processes import finish, run, start

WRITE = """
async def main():
    store = SqliteStore(path)
    await store.open()
    print("ready", flush=True)
    sys.stdin.readline()
    name = sys.argv[2]
    for batch in range(20):
        await store.upsert_items([Item(id=f"{name}-{batch}-{n}", title="t") for n in range(20)])
        await store.upsert_items([Item(id="shared", title=f"{name} {batch}")])
        await store.append_interactions([Interaction.view_item("a", visitor_id=name, event_id=f"e{batch}:{n}") for n in range(5)])
    await store.aclose()
asyncio.run(main())
"""


async def test_two_processes_write_at_once(tmp_path):
    path = tmp_path / "shop.sqlite3"
    store = SqliteStore(path)
    await store.open()
    processes = [start(WRITE, path, name) for name in "ab"]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    replayed, cursor = {}, 0
    while any(process.poll() is None for process in processes) or cursor < await store.item_version():
        for change in await store.changes_since(cursor, limit=37):
            assert change.version > cursor
            cursor = change.version
            replayed[change.item_id] = change.item
        await asyncio.sleep(0)
    for process in processes:
        finish(process)
    assert await store.item_version() == 2 * 20 * 21
    assert await store.item_count() == 2 * 20 * 20 + 1
    assert replayed == {c.item_id: c.item async for batch in store.iter_items() for c in batch}  # a reader lost nothing
    assert await store.interaction_counts() == {"view_item": 100}  # both sent the same events
    await store.aclose()


FORK = """
async def use(store, name):
    await store.upsert_items([Item(id=f"{name}-{n}", title="t") for n in range(50)])
    return await store.item_count()

async def begin(store):
    await store.open()
    await use(store, "before")

store = SqliteStore(path)
asyncio.run(begin(store))
children = []
for child in range(3):
    pid = os.fork()
    if not pid:
        counted = asyncio.run(use(store, f"child{child}"))
        asyncio.run(store.aclose())
        os._exit(0 if counted >= 100 else 1)
    children.append(pid)
asyncio.run(use(store, "parent"))
print([os.waitpid(pid, 0)[1] for pid in children])
print(asyncio.run(use(store, "after")))
asyncio.run(store.aclose())
"""

FORK_IN_A_WRITE = """
import threading
from reco_sdk.errors import StoreError
from reco_sdk.storage import sqlite_connection
sqlite_connection.FORK_WAIT_SECONDS = 0.05

async def main():
    store = SqliteStore(path)
    await store.open()
    inside, release = threading.Event(), threading.Event()
    def job(db):
        with schema.immediate(db):
            db.execute("INSERT INTO reco_state VALUES ('a', 'kept', 0)")
            inside.set()
            release.wait(30)
    writing = asyncio.create_task(store._write(job))
    while not inside.is_set():
        await asyncio.sleep(0.01)
    pid = os.fork()
    if not pid:
        return store, None
    release.set()
    await writing
    print(await store.get_state("a"))
    await store.aclose()
    return store, pid

async def in_child(store):
    try:
        await store.put_state("a", "child")
    except StoreError as error:
        return 0 if "fork" in str(error) else 1
    return 2

runner = asyncio.new_event_loop()
store, pid = runner.run_until_complete(main())
if pid is None:
    os._exit(asyncio.new_event_loop().run_until_complete(in_child(store)))
print(os.waitpid(pid, 0)[1])
"""


def test_a_store_opened_before_a_fork_works_in_parent_and_children(tmp_path):
    assert run(FORK, tmp_path / "shop.sqlite3").splitlines() == ["[0, 0, 0]", "300"]


def test_a_fork_in_the_middle_of_a_write_is_refused_in_the_child(tmp_path):
    path = tmp_path / "shop.sqlite3"
    assert run(FORK_IN_A_WRITE, path).splitlines() == ["kept", "0"]


CHANGE_FOLDER = """
os.chdir(os.path.dirname(path))
store = SqliteStore("relative.sqlite3")
os.chdir("/")
asyncio.run(store.open()); asyncio.run(store.aclose())
"""


def test_a_relative_path_stays_where_it_was_named(tmp_path):
    run(CHANGE_FOLDER, tmp_path / "x")
    assert (tmp_path / "relative.sqlite3").exists()
