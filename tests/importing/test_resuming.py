import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from reco_sdk.errors import StoreError
from reco_sdk.importing import ImportOptions, Progress, import_items
from reco_sdk.storage.memory import MemoryStore
from reco_sdk.storage.sqlite import SqliteStore


class FailsAfter(MemoryStore):
    """A store whose disk is full after some batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches
        self.asked = 0

    async def upsert_items(self, items):
        self.asked += len(items)
        if self.left == 0:
            raise StoreError("disk full")
        self.left -= 1
        return await super().upsert_items(items)


@pytest.fixture
def catalogue(write):
    rows = [f"s{i},Thing {i},{'x' if i % 10 == 7 else i}" for i in range(100)]
    rows[60] = "s3,Again,1"
    return write("items.csv", "id,title,price\n" + "\n".join(rows) + "\n")


async def test_an_interrupted_import_goes_on_after_the_last_stored_batch(catalogue):
    store = FailsAfter(3)
    await store.open()
    with pytest.raises(StoreError):
        await import_items(store, catalogue, ImportOptions(batch_size=10))
    assert await store.item_count() == 27
    store.left, store.asked = -1, 0
    report = await import_items(store, catalogue, ImportOptions(batch_size=10))
    assert report.resumed_at == 30
    assert (report.rows, report.inserted, report.refused) == (100, 62, 11)
    assert store.asked == 62, "what was stored is not sent to the store again"
    assert "continued after row 30" in report.to_text()
    report = await import_items(store, catalogue, ImportOptions(batch_size=10))
    assert (report.resumed_at, report.unchanged) == (0, 89), "a finished import leaves no checkpoint"


@pytest.mark.parametrize("change", ["restart", "content", "mapping"])
async def test_a_checkpoint_is_void_when_content_or_mapping_changed(catalogue, change):
    store = FailsAfter(3)
    await store.open()
    with pytest.raises(StoreError):
        await import_items(store, catalogue, ImportOptions(batch_size=10))
    store.left = -1
    options = ImportOptions(
        batch_size=10, restart=change == "restart", constants={"currency": "EUR"} if change == "mapping" else {}
    )
    if change == "content":
        catalogue.write_text(catalogue.read_text() + "last,Last,1\n")
    report = await import_items(store, catalogue, options)
    assert report.resumed_at == 0
    assert report.accepted == (90 if change == "content" else 89)


async def test_a_dry_run_stores_nothing_and_needs_no_store(catalogue, store):
    for target in (store, None):
        report = await import_items(target, catalogue, ImportOptions(dry_run=True))
        assert (report.rows, report.refused, report.inserted, report.dry_run) == (100, 11, 0, True)
    assert await store.item_count() == 0
    assert "nothing stored" in report.to_text()
    assert json.loads(json.dumps(report.to_dict()))["accepted"] == 89


async def test_progress_goes_from_nothing_to_all_bytes(catalogue, store):
    seen: list[Progress] = []
    await import_items(store, catalogue, ImportOptions(batch_size=10), progress=seen.append)
    assert [p.rows for p in seen][-1] == 100
    assert seen[-1].done_bytes == seen[-1].total_bytes == catalogue.stat().st_size
    assert [p.done_bytes for p in seen] == sorted(p.done_bytes for p in seen)


IMPORT = """
import asyncio, sys
from reco_sdk.importing import ImportOptions, import_items
from reco_sdk.storage.sqlite import SqliteStore
async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    await import_items(store, sys.argv[2], ImportOptions(batch_size=200))
    await store.aclose()
asyncio.run(main())
"""


async def test_a_killed_process_resumes_and_loses_nothing(write, tmp_path):
    path = write("big.csv", "id,title\n" + "".join(f"s{i},Thing {i}\n" for i in range(30_000)))
    database = tmp_path / "shop.sqlite3"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", IMPORT, str(database), str(path), env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    try:
        deadline = time.monotonic() + 30
        stored = 0
        while stored < 1_000 and process.returncode is None and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            if database.exists():
                stored = _count(database)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    assert process.returncode == -signal.SIGKILL, "it was killed on the way"
    store = SqliteStore(str(database))
    await store.open()
    try:
        report = await import_items(store, path, ImportOptions(batch_size=2_000))
        assert report.resumed_at >= 1_000
        assert report.resumed_at + report.inserted + report.unchanged == report.rows == 30_000
        assert await store.item_count() == 30_000
    finally:
        await store.aclose()


def _count(database) -> int:
    with closing(sqlite3.connect(database, timeout=5)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM reco_item").fetchone()[0]
        except sqlite3.OperationalError:
            return 0
