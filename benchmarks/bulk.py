"""100,000 products made by ``bulk_create``, which tells nobody: how soon they are live everywhere, and what pages feel of it.

A shop on PostgreSQL with 2 gunicorn workers and one ``reco_worker``. Product pages with our row are asked for in an open loop
all the time (timed from the moment when each was due, see :mod:`benchmarks.load`), first while nothing happens, then from
the first insert until every process has every product in memory and every product has its vector (hashing model). The bulk
insert itself runs in a process of its own, as a nightly import does; the pages of the same shop without us are timed beside
an import as well.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks.load import open_loop
from benchmarks.measure import ROOT, p50, p99
from benchmarks.serving import gunicorn, running
from benchmarks.workers import environment
from scripts.postgres import databases

COUNT: Final = 100_000
BEFORE: Final = 2_000
WORKERS: Final = 2
RATE: Final = 20.0
SECONDS: Final = 5.0
QUIET_ROUNDS: Final = 4
PATIENCE_SECONDS: Final = 420.0


def _manage(variables: Mapping[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "django", *arguments], check=True, cwd=ROOT, env=dict(variables))


def _import(variables: Mapping[str, str], first: int, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.bigshop.bulk", str(first), str(count)]
    return subprocess.Popen(command, cwd=ROOT, env=dict(variables))


async def _live(base: str, seen: dict[str, tuple[int, int]]) -> None:
    """Ask who answers how many items and vectors it has in memory."""
    async with aiohttp.ClientSession() as session, session.get(f"{base}/live/") as answer:
        seen[answer.headers["X-Pid"]] = tuple(await answer.json())


async def _everywhere(base: str, count: int) -> bool:
    seen: dict[str, tuple[int, int]] = {}
    for _ in range(8 * WORKERS):
        await _live(base, seen)
    return len(seen) == WORKERS and all(items == vectors == count for items, vectors in seen.values())


async def _rounds(base: str, paths: list[str], rounds: int) -> list[float]:
    return [took for _ in range(rounds) for took in await open_loop(base, paths, RATE, SECONDS)]


async def _with_import(base: str, variables: Mapping[str, str], paths: list[str], *, follow: bool) -> dict[str, list[float]]:
    """Return the pages' milliseconds while the products are inserted and, if asked, until they are live; and the seconds."""
    started = time.perf_counter()
    importing = _import(variables, BEFORE, COUNT)
    inserting: list[float] = []
    following: list[float] = []
    while importing.poll() is None:
        inserting += await open_loop(base, paths, RATE, SECONDS / 2)
    if importing.returncode:
        raise RuntimeError(f"the import ended with {importing.returncode}")
    inserted = time.perf_counter()
    while follow and not await _everywhere(base, BEFORE + COUNT):
        if time.perf_counter() - inserted > PATIENCE_SECONDS:
            raise RuntimeError(f"not everything was live within {PATIENCE_SECONDS:.0f} s after the import")
        following += await open_loop(base, paths, RATE, SECONDS / 2)
    ended = time.perf_counter()
    return {"inserting": inserting, "following": following, "seconds": [inserted - started, ended - inserted, ended - started]}


async def _measure(bases: Mapping[str, str], variables: Mapping[str, Mapping[str, str]]) -> dict[str, float]:
    paths = [f"/p/{pk}/" for pk in range(1, 301)]
    for base in bases.values():
        await _rounds(base, paths, 2)
    deadline = time.monotonic() + 120
    while not await _everywhere(bases["ours"], BEFORE):
        if time.monotonic() > deadline:
            raise RuntimeError("the workers did not take over the first products")
        await asyncio.sleep(0.2)
    quiet = {kind: await _rounds(base, paths, QUIET_ROUNDS) for kind, base in bases.items()}
    bare = await _with_import(bases["bare"], variables["bare"], paths, follow=False)
    ours = await _with_import(bases["ours"], variables["ours"], paths, follow=True)
    busy = ours["inserting"] + ours["following"]
    return {
        "items_per_s": COUNT / ours["seconds"][2],
        "live_after_commit_s": ours["seconds"][1],
        "inserted_in_s": ours["seconds"][0],
        "p99_over_quiet": p99(busy) / p99(quiet["ours"]),
        "bare_p99_over_quiet": p99(bare["inserting"]) / p99(quiet["bare"]),
        "page_quiet_p50_ms": p50(quiet["ours"]),
        "page_quiet_p99_ms": p99(quiet["ours"]),
        "page_inserting_p99_ms": p99(ours["inserting"]),
        "page_following_p50_ms": p50(ours["following"]),
        "page_following_p99_ms": p99(ours["following"]),
        "page_bare_quiet_p99_ms": p99(quiet["bare"]),
        "page_bare_inserting_p99_ms": p99(bare["inserting"]),
        "pages": len(busy),
    }


def run() -> dict[str, float]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as name, databases() as made, ExitStack() as stack:
        bases, variables = {}, {}
        for kind in ("ours", "bare"):
            var = Path(name) / kind
            var.mkdir()
            variables[kind] = {**environment(var, reco=kind == "ours"), "BIGSHOP_DATABASE": made.create()}
            _manage(variables[kind], "migrate", "--verbosity", "0")
            if _import(variables[kind], 0, BEFORE).wait():
                raise RuntimeError("the first products could not be made")
            if kind == "ours":
                _manage(variables[kind], "reco_sync", "--no-progress")
                worker = [sys.executable, "-m", "django", "reco_worker"]
                stack.enter_context(running(worker, variables[kind], var / "worker.log", end_seconds=60.0))
            server = gunicorn("benchmarks.bigshop.wsgi", workers=WORKERS, environment=variables[kind], log=var / "web.log")
            bases[kind] = f"http://127.0.0.1:{stack.enter_context(server)}"
        return asyncio.run(_measure(bases, variables))
