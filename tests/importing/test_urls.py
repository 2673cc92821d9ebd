import asyncio
import gzip
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from reco_sdk.errors import ImportRefused
from reco_sdk.importing import ImportOptions, Progress, import_items

FEED = "id,title\n" + "".join(f"s{i},Thing {i}\n" for i in range(2_000))


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., object]]:
    runners: list[web.AppRunner] = []

    async def serve(handler: Callable[..., object]) -> str:
        app = web.Application()
        app.router.add_get("/{name:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield serve
    for runner in runners:
        await runner.cleanup()


async def test_a_feed_from_a_server_plain_packed_and_gzipped(serve, store):
    async def handler(request: web.Request) -> web.Response:
        if request.path.endswith(".gz"):
            return web.Response(body=gzip.compress(FEED.encode()))
        response = web.Response(text=FEED)
        response.enable_compression()
        return response

    base = await serve(handler)
    seen: list[Progress] = []
    report = await import_items(store, f"{base.replace('://', '://user:secret@')}/feed.csv?v=1", progress=seen.append)
    assert (report.inserted, report.source) == (2_000, f"{base}/feed.csv?v=1")
    assert {p.phase for p in seen} == {"download", "import"}
    report = await import_items(store, f"{base}/feed.csv.gz")
    assert report.unchanged == 2_000


async def test_the_checkpoint_follows_the_content_not_the_address(serve, store):
    content = {"now": FEED}

    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=content["now"])

    base = await serve(handler)

    class StopError(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.rows >= 1_000:
            raise StopError

    async def interrupted() -> None:
        with pytest.raises(StopError):
            await import_items(store, base, ImportOptions(batch_size=100, restart=True), progress=stop)

    await interrupted()
    assert (await import_items(store, base)).resumed_at == 1_000
    await interrupted()
    content["now"] = FEED.replace("Thing 5\n", "Other\n")
    report = await import_items(store, base)
    assert (report.resumed_at, report.changed) == (0, 1)


async def test_what_a_server_can_do_wrong(serve, store):
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/missing":
            raise web.HTTPNotFound
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        await response.write(b"id,title\n")
        if request.path == "/slow":
            await asyncio.sleep(5)
        if request.path == "/large":
            await response.write(b"x" * 99_991)
            return response
        request.transport.close()
        return response

    base = await serve(handler)
    with pytest.raises(ImportRefused, match="answered 404 Not Found"):
        await import_items(store, f"{base}/missing")
    with pytest.raises(ImportRefused, match="download broke"):
        await import_items(store, f"{base}/cut")
    with pytest.raises(ImportRefused, match=r"nothing came for 0.2 s"):
        await import_items(store, f"{base}/slow", ImportOptions(timeout_seconds=0.2))
    with pytest.raises(ImportRefused, match="larger than 50,000 bytes"):
        await import_items(store, f"{base}/large", ImportOptions(max_bytes=50_000))
    with pytest.raises(ImportRefused, match="download broke"):
        await import_items(store, "http://127.0.0.1:1/feed")
    with pytest.raises(ImportRefused, match="not a valid address"):
        await import_items(store, "http://")
    assert await store.item_count() == 0


async def test_a_cancelled_import_leaves_no_thread_on_a_closed_file(write, store):
    path = write("a.csv", FEED)

    under_way = asyncio.Event()

    def told(progress: Progress) -> None:
        if progress.rows >= 100:
            under_way.set()

    task = asyncio.create_task(import_items(store, path, ImportOptions(batch_size=50), progress=told))
    await under_way.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await import_items(store, path)).resumed_at >= 100
