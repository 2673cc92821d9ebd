"""``reco worker`` and ``reco snapshot``: real processes, killed and stopped."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import time
import urllib.request

import pytest

from reco_sdk.snapshot.publisher import SnapshotFolder

from .conftest import ENVIRONMENT, MAP

QUICK = {"RECO_MODEL": "hashing", "RECO_LEASE_SECONDS": "1.5", "PYTHONUNBUFFERED": "1"}


class Worker:
    """A worker process and what it said."""

    def __init__(self, process):
        self.process = process
        self.said = ""

    async def hears(self, text):
        async with asyncio.timeout(40):
            while text not in self.said:
                line = await self.process.stderr.readline()
                assert line, self.said
                self.said += line.decode()

    async def ends(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        async with asyncio.timeout(40):
            self.said += (await self.process.stderr.read()).decode()
            return await self.process.wait()


@contextlib.asynccontextmanager
async def working(cwd, *arguments, **environment):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "reco_sdk.cli", "worker", *arguments, cwd=cwd, env={**ENVIRONMENT, **QUICK, **environment},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Worker(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def database(folder, query):
    connection = sqlite3.connect(folder / "shop.reco.sqlite3")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def shop(reco, catalogue, tmp_path):
    assert reco("import", "products.csv", *MAP).returncode == 0
    return tmp_path


def state(folder):
    return SnapshotFolder(folder / "shop.reco.sqlite3.state")


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310  our own loopback address
        return answer.read().decode()


async def test_it_builds_and_stops_in_good_order(shop, reco):
    async with working(shop, "--health", "127.0.0.1:0") as worker:
        await worker.hears("/healthz")
        base = next(word.removesuffix("/healthz,") for word in worker.said.split() if word.endswith("/healthz,"))
        await worker.hears("built snapshot-000001-")
        assert json.loads(await asyncio.to_thread(get, f"{base}/healthz")) == {"status": "ok", "problems": []}
        figures = await asyncio.to_thread(get, f"{base}/metrics")
        assert "reco_worker_leads 1\n" in figures
        assert "reco_snapshot_items 3\n" in figures
        assert 'reco_recorder_lost_total{class="views"} 0\n' in figures
        assert "# TYPE reco_snapshots_built_total counter\n" in figures
        assert await worker.ends() == 0
        assert "stopped in good order" in worker.said
    assert database(shop, "SELECT holder FROM reco_lease") == [("",)]  # nobody waits for it to run out
    assert "Traceback" not in worker.said
    assert json.loads(reco("similar", "1", "--json").stdout)["items"][0]["id"] == "2"


@pytest.mark.skipif(not hasattr(os, "nice"), reason="this system knows no priorities")
async def test_it_gives_way_to_pages(shop):
    own = os.nice(0)
    async with (
        working(shop, "--health", "127.0.0.1:0") as usual,
        working(shop, "--health", "127.0.0.1:0", "--nice", "0") as equal,
    ):
        for worker, expected in ((usual, max(own, 5)), (equal, own)):
            await worker.hears("/healthz")
            assert os.getpriority(os.PRIO_PROCESS, worker.process.pid) == expected


async def test_killed_the_hard_way_another_goes_on_after_a_moment(shop):
    async with working(shop) as first:
        await first.hears("this worker leads now")
        async with working(shop) as second:
            await second.hears("another worker builds") if "builds the snapshots" in second.said else None
            os.kill(first.process.pid, signal.SIGKILL)
            killed = time.monotonic()
            await second.hears("this worker leads now")
            assert time.monotonic() - killed < 15  # the lease is 1.5 s; the machine may be busy
            await second.hears("builds the snapshots in")
            assert await second.ends() == 0


async def test_killed_in_the_middle_of_its_work_it_goes_on_from_there(shop, reco):
    rows = "".join(f'{{"id": "t{n}", "title": "Thing number {n} of many"}}\n' for n in range(3_000))
    (shop / "many.jsonl").write_text(rows)
    assert reco("import", "many.jsonl").returncode == 0
    async with working(shop, RECO_EXACT_LIMIT="500") as worker:
        await worker.hears("builds a snapshot")
        os.kill(worker.process.pid, signal.SIGKILL)
        await worker.process.wait()
    assert state(shop).current() is None
    async with working(shop, RECO_EXACT_LIMIT="500") as worker:
        await worker.hears("3003 items, 3003 with a vector")
        assert await worker.ends(signal.SIGINT) == 0
    state(shop).open_latest().verify()
    assert not [path.name for path in state(shop).root.iterdir() if path.name.startswith(".tmp")]


def test_once_and_dry_run(shop, reco):
    done = reco("worker", "--dry-run", "--json", **QUICK)
    assert json.loads(done.stdout) == {"to_embed": 3, "build": "there is none"}
    assert "would be built" in reco("worker", "--dry-run", **QUICK).stdout
    assert state(shop).current() is None
    done = reco("worker", "--once", **QUICK)
    assert (done.returncode, done.stdout) == (0, "3 texts embedded, 1 snapshot(s) built, 0 old rows deleted\n"), done.stderr
    done = reco("worker", "--once", "--json", **QUICK)
    assert json.loads(done.stdout) == {"embedded": 0, "snapshots": 0, "pruned": 0}
    assert "good enough" in reco("worker", "--dry-run", **QUICK).stdout


async def test_once_beside_a_worker_says_who_does_it(shop, reco):
    async with working(shop) as worker:
        await worker.hears("this worker leads now")
        done = await asyncio.to_thread(lambda: reco("worker", "--once", **QUICK))
        assert done.returncode == 1
        assert f":{worker.process.pid}:" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--store", "memory://"), "other processes"),
        (("--store", "sqlite:///nowhere.sqlite3"), "there is no store"),
        (("--health", "nonsense"), "HOST:PORT"),
    ],
)
def test_what_cannot_work(shop, reco, arguments, says):
    done = reco("worker", *arguments, **QUICK)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_snapshot_goes_to_another_host(shop, reco):
    done = reco("snapshot", "export", "x.tar")
    assert done.returncode == 1
    assert "start a worker" in done.stderr
    reco("worker", "--once", **QUICK)
    assert "3 items, 3 with a vector" in reco("snapshot", "export", "x.tar").stdout
    done = reco("snapshot", "import", "x.tar", "--state-dir", "other", "--json")
    assert json.loads(done.stdout)["items"] == 3, done.stderr
    assert SnapshotFolder(shop / "other").current() is not None
    found = json.loads(reco("similar", "1", "--json", RECO_STATE_DIR="other").stdout)
    assert found["items"][0]["id"] == "2"
    os.utime(shop / "x.tar")
    reco("sync", **QUICK)
    done = reco("snapshot", "import", "x.tar")
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert reco("snapshot", "import", "x.tar", "--force").returncode == 0
    assert reco("import", "products.csv", *MAP, "--store", "sqlite:///second.sqlite3").returncode == 0
    assert reco("sync", "--store", "sqlite:///second.sqlite3", **QUICK).returncode == 0
    done = reco("snapshot", "import", "x.tar", "--store", "sqlite:///second.sqlite3")
    assert done.returncode == 1
    assert "another store" in done.stderr
