"""Real server processes: started, called, stopped with a request under way."""

import asyncio
import json
import signal
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest

from reco_sdk.storage.sqlite import SqliteStore

from .conftest import ENVIRONMENT, MAP, ROOT


@asynccontextmanager
async def running(*command: str, cwd, first: str):
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=cwd, env={**ENVIRONMENT, "RECO_MODEL": "hashing", "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        assert first in line, (line, (await process.stderr.read()).decode())
        yield process, next(word.strip("=() ") for word in line.split() if "http://" in word)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_serve_finishes_what_was_begun_and_writes_what_waits(reco, catalogue, tmp_path):
    assert reco("import", "products.csv", *MAP).returncode == 0
    async with running("-m", "reco_sdk.cli", "serve", "--port", "0", cwd=tmp_path, first="serving on") as (process, base):
        async with aiohttp.ClientSession() as session, session.get(f"{base}/v1/items/1/similar") as response:
            assert response.status == 200
        host, port = base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = json.dumps({"kind": "view_item", "item_id": "1", "visitor_id": "v"}).encode()
        writer.write(
            b"POST /v1/interactions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + b"Content-Length: %d\r\n\r\n" % len(body)
            + body[:10]
        )
        await writer.drain()
        await asyncio.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        with pytest.raises(OSError):
            await asyncio.open_connection(host, int(port))
        assert process.returncode is None, "it waits for the request under way"
        writer.write(body[10:])
        await writer.drain()
        try:
            answer = await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()
            await writer.wait_closed()
        assert b"202 Accepted" in answer
        assert await asyncio.wait_for(process.wait(), 10) == 0
        assert (await process.stderr.read()).decode() == ""
    store = SqliteStore(tmp_path / "shop.reco.sqlite3")
    await store.open()
    assert await store.interaction_counts() == {"view_item": 1}
    await store.aclose()


async def test_the_example_service(tmp_path):
    path = str(ROOT / "examples" / "aiohttp_service" / "service.py")
    async with running(path, "--port", "0", "--store", "sqlite:///s.sqlite3", cwd=tmp_path, first="Running on") as (
        process,
        base,
    ):
        async with aiohttp.ClientSession(base) as session:
            async with session.get("/") as response:
                assert "Red linen dress" in await response.text()
            async with session.get("/item/dress-red") as response:
                assert "Blue linen dress" in (await response.text()).partition("You may also like")[2]
            assert (await session.get("/item/none")).status == 404
            async with session.get("/reco/v1/recommend?visitor_id=somebody&strategy=recently_viewed") as response:
                assert [item["id"] for item in (await response.json())["items"]] == ["dress-red"]
            assert (await session.get("/reco/openapi.json")).status == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    store = SqliteStore(tmp_path / "s.sqlite3")
    await store.open()
    assert await store.item_count() == 6
    assert (await store.interaction_counts())["view_item"] == 1
    await store.aclose()
