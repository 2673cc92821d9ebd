"""Connections: errors that say what to do, processes that fork, servers that come and go, poolers."""

import asyncio
import os
import signal
import socket
import subprocess
import sys

import asyncpg
import pytest

from reco_sdk.errors import NotRunning, StoreError, StoreUnavailable
from reco_sdk.items.item import Item
from reco_sdk.storage.postgres import PostgresStore
from tests.storage.pooler import Pooler
from tests.storage.processes import ROOT, run

ITEM = Item(id="a", title="t")


@pytest.fixture
async def store(postgres):
    store = PostgresStore(postgres)
    await store.open()
    yield store
    await store.aclose()


@pytest.fixture
async def server(postgres_server):
    connection = await asyncpg.connect(postgres_server.dsn)
    yield connection
    await connection.close()


def name_of(dsn):
    return dsn.partition("?")[0].rpartition("/")[2]


async def terminate(server, dsn, application="reco"):
    """End the sessions of a database; return how many."""
    sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1 AND application_name = $2"
    return await server.fetchval(sql, name_of(dsn), application)


# What goes wrong


async def test_what_is_cancelled_does_not_wait_for_a_silent_server(store, server, postgres_server, postgres):
    if postgres_server.server is None:
        pytest.skip("the PostgreSQL is not our own to freeze")
    await store.item_count()
    sql = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND application_name = 'reco'"
    frozen = [row["pid"] for row in await server.fetch(sql, name_of(postgres))]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        counting = asyncio.create_task(store.item_count())
        await asyncio.sleep(0.2)
        counting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(counting, 10)  # a statement may take thrice as long
        assert await store.item_count() == 0  # over another connection
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


async def refusal(dsn, kind=StoreError, **options):
    store = PostgresStore(dsn, **options)
    with pytest.raises(StoreError) as caught:
        await store.open()
    assert type(caught.value) is kind
    with pytest.raises(NotRunning):
        await store.item_count()
    return str(caught.value)


async def test_no_server_no_database_no_user(postgres, tmp_path, unused_tcp_port):
    said = await refusal(f"postgresql://shop:s3cret@127.0.0.1:{unused_tcp_port}/shop", StoreUnavailable)
    assert f"postgresql://127.0.0.1:{unused_tcp_port}/shop: " in said
    assert "check that the server runs" in said
    assert "s3cret" not in said
    said = await refusal(f"postgresql://shop:s3cret@/shop?host={tmp_path}", StoreUnavailable)
    assert "s3cret" not in said
    said = await refusal(postgres.replace(name_of(postgres), "reco_nowhere"))
    assert "reco_nowhere" in said
    assert "no such database" in said
    said = await refusal(postgres.replace("postgres@", "reco_nobody:s3cret@"))
    assert "refuses this user" in said
    assert "s3cret" not in said


async def test_a_server_that_does_not_answer_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"postgresql://x@127.0.0.1:{silent.getsockname()[1]}/x?sslmode=disable"
        said = await refusal(dsn, StoreUnavailable, connect_timeout_seconds=0.1)
    assert "no answer in time" in said


async def test_a_statement_that_takes_too_long_is_given_up(postgres):
    store = PostgresStore(postgres, command_timeout_seconds=0.2)
    await store.open()
    with pytest.raises(StoreUnavailable, match="no answer in time"):
        await store._value("SELECT 1 FROM pg_sleep(20)")
    assert await store.item_count() == 0
    await store.aclose()


async def test_a_server_that_takes_no_writes_is_read(store, server, postgres):
    await store.upsert_items([ITEM])
    await server.execute(f"ALTER DATABASE {name_of(postgres)} SET default_transaction_read_only = on")
    standby = PostgresStore(postgres)
    await standby.open()
    assert await standby.get_items(["a"]) == {"a": ITEM}
    with pytest.raises(StoreUnavailable, match="takes no writes now"):
        await standby.upsert_items([Item(id="b", title="t")])
    await standby.aclose()


async def test_a_missing_table_and_a_missing_right_name_their_mend(store, postgres):
    connection = await asyncpg.connect(postgres)
    await connection.execute("DROP TABLE reco_state")
    with pytest.raises(StoreError, match="reco migrate"):
        await store.get_state("a")
    await connection.execute("CREATE ROLE reco_reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reco_reader")
    try:
        reader = PostgresStore(postgres.replace("postgres@", "reco_reader@"))
        await reader.open()
        assert await reader.item_count() == 0
        with pytest.raises(StoreError, match="lacks a right"):
            await reader.alias("v", "u")
        await reader.aclose()
    finally:
        await connection.execute("DROP OWNED BY reco_reader; DROP ROLE reco_reader")
        await connection.close()


async def test_sessions_that_are_ended_are_replaced(store, server, postgres):
    await asyncio.gather(*(store.item_count() for _ in range(4)))
    assert await terminate(server, postgres) >= 1
    for _ in range(20):  # a session may end in the very moment in which it is used
        try:
            await store.upsert_items([ITEM])
        except StoreUnavailable:
            await asyncio.sleep(0.01)
        else:
            break
    assert await store.item_count() == 1


async def fails_at_last(store):
    """Its sessions notice a moment later that the server is gone."""
    while True:
        try:
            await store.item_count()
        except StoreUnavailable:
            return


async def test_a_server_that_is_stopped_and_started_again(store, postgres_server):
    if postgres_server.server is None:
        pytest.skip("the server is not our own")
    await store.upsert_items([ITEM])
    for stop in (postgres_server.server.stop, postgres_server.server.kill):
        await asyncio.to_thread(stop)
        await fails_at_last(store)
        await asyncio.to_thread(postgres_server.server.start)
        assert await store.get_items(["a"]) == {"a": ITEM}


async def test_a_cancelled_call_leaves_no_lock_behind(store):
    async with store._pool.transaction() as db:
        await store._lock_counter(db, "item")
        writing = asyncio.create_task(store.upsert_items([ITEM]))
        await asyncio.sleep(0.1)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    assert (await store.upsert_items([ITEM])).inserted == 1


# Loops and processes


def test_a_store_goes_from_one_loop_to_the_next(postgres):
    store = PostgresStore(postgres, listen_dsn=postgres)
    asyncio.run(store.open())
    assert asyncio.run(store.upsert_items([ITEM])).inserted == 1
    assert asyncio.run(store.item_count()) == 1
    assert asyncio.run(store.wait_for_change(0.01)) is False
    asyncio.run(store.aclose())


async def test_a_store_does_not_serve_two_loops_at_once(store):
    await store.item_count()
    with pytest.raises(NotRunning, match="another event loop"):
        await asyncio.to_thread(asyncio.run, store.item_count())
    assert await store.item_count() == 0


FORK = """
from reco_sdk.storage.postgres import PostgresStore

async def use(name):
    await store.upsert_items([Item(id=f"{name}-{n}", title="t") for n in range(20)])
    await store.append_interactions([Interaction.view_item("a", visitor_id=name) for n in range(20)])
    return await store.item_count()

async def in_child(name):
    counted = await use(name)
    await store.wait_for_change(0)  # begins to listen here
    heard = False
    while not heard:
        await store.upsert_items([Item(id=f"{name}-more", title=str(time.monotonic()))])
        heard = await store.wait_for_change(0.2)
    await store.aclose()
    return 0 if counted >= 40 else 1

store = PostgresStore(path, listen_dsn=path)
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
def in_parent(work):
    return asyncio.run_coroutine_threadsafe(work, loop).result(60)

in_parent(store.open())
in_parent(use("before"))
children = []
for child in range(3):
    pid = os.fork()
    if not pid:
        os._exit(asyncio.run(in_child(f"child{child}")))
    children.append(pid)
in_parent(use("parent"))
print([os.WEXITSTATUS(os.waitpid(pid, 0)[1]) for pid in children])
print(in_parent(use("after")), in_parent(store.interaction_counts())["view_item"], in_parent(store.wait_for_change(30)))
in_parent(store.aclose())
"""


def test_a_store_opened_before_a_fork_works_in_parent_and_children(postgres):
    assert run(FORK, postgres).splitlines() == ["[0, 0, 0]", "123 120 True"]


# Behind a pooler


async def test_nothing_outlives_a_transaction(postgres, tmp_path):
    """Through a pooler that gives each transaction another session of the server."""
    async with Pooler(postgres, tmp_path) as pooler:
        store = PostgresStore(pooler.dsn)
        await store.open()
        for n in range(6):
            assert (await store.upsert_items([Item(id=f"{n}", title="t")])).inserted == 1
            lease = await store.acquire_lease("indexer", "a", 60)
            await store.put_state("n", str(n), lease=lease)
            assert await store.get_state("n") == str(n)
        assert [change.item_id for change in await store.changes_since(3)] == ["3", "4", "5"]
        await store.aclose()
        assert pooler.sessions > 6


def test_importing_the_package_does_not_import_asyncpg():
    code = "import sys; import reco_sdk.storage.urls; print('asyncpg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout == "False\n"
