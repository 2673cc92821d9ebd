"""The gift shop on PostgreSQL under open-loop load: product pages with our row, with a plain row, and with none, in turn.

The plain row is a "same category" query of as many cards through the same template. Requests start when their time has
come, whether those before them were answered or not, and are timed from that moment: a slow answer cannot hide the waiting
of those behind it (coordinated omission). Each round gives every kind the same pages at the same rate; the figure is the
median over the rounds of the ratio within a round. Throughput is taken apart, with as many clients as keep both workers busy.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

import aiohttp

from benchmarks.measure import p50, p99
from benchmarks.serving import gunicorn
from benchmarks.shop import environment, manage, prepare_postgres
from scripts.postgres import databases

WORKERS: Final = 2
ROUNDS: Final = 7
SECONDS: Final = 7.0
CLIENTS: Final = 4
LOAD: Final = 0.35
"""The open-loop rate, as a part of what the shop with the plain row can do at most."""

KINDS: Final[dict[str, dict[str, str]]] = {
    "ours": {"GIFTSHOP_RECO": "1", "BENCH_TEMPLATES": "templates"},
    "plain": {"GIFTSHOP_RECO": "0", "BENCH_TEMPLATES": "templates_plain"},
    "none": {"GIFTSHOP_RECO": "0"},
}
HEADERS: Final = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0", "Accept-Encoding": "identity"}
COOKIES: Final = {"consent": "accepted"}


async def _fetch(session: aiohttp.ClientSession, address: str) -> None:
    async with session.get(address) as answer:
        await answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{address} answered {answer.status}")


def browser() -> aiohttp.ClientSession:
    """Return what asks for pages, as a visitor's browser that consented."""
    # gunicorn's sync workers close each connection, and nobody waits for a place in a pool.
    return aiohttp.ClientSession(headers=HEADERS, cookies=COOKIES, connector=aiohttp.TCPConnector(limit=0, force_close=True))


async def open_loop(base: str, paths: list[str], rate: float, seconds: float) -> list[float]:
    """Return the milliseconds of each page from the moment when it was due."""
    took: list[float] = []

    async def one(due: float, path: str) -> None:
        await asyncio.sleep(max(due - time.perf_counter(), 0.0))
        await _fetch(session, base + path)
        took.append((time.perf_counter() - due) * 1_000.0)

    async with browser() as session:
        start = time.perf_counter() + 0.1
        chosen = Random(len(paths))
        await asyncio.gather(
            *(one(start + number / rate, chosen.choice(paths)) for number in range(int(rate * seconds))),
        )
    return took


async def closed_loop(base: str, paths: list[str], seconds: float) -> float:
    """Return pages per second with as many clients as keep the workers busy."""
    done = 0

    async def client(number: int) -> None:
        nonlocal done
        chosen = Random(number)
        while time.perf_counter() < end:
            await _fetch(session, base + chosen.choice(paths))
            done += 1

    async with browser() as session:
        started = time.perf_counter()
        end = started + seconds
        await asyncio.gather(*(client(number) for number in range(CLIENTS)))
        return done / (time.perf_counter() - started)


async def _wait_for(base: str, path: str, wanted: str) -> None:
    deadline = time.monotonic() + 90
    async with browser() as session:
        while time.monotonic() < deadline:
            try:
                async with session.get(base + path) as answer:
                    if wanted in await answer.text():
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)
    raise RuntimeError(f"{base}{path} showed no {wanted!r} within 90 s")


def product_paths(var: Path, database: str, count: int = 300) -> list[str]:
    """Return the addresses of the best-sold products' pages."""
    code = f"from benchmarks.shop_process import paths; print(*paths({count}), sep='\\n')"
    return [line for line in manage(var, "shell", "-c", code, database=database).splitlines() if line.startswith("/")]


def run() -> dict[str, float]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as name, databases() as made:
        var = Path(name)
        database = made.create()
        prepare_postgres(var, database)
        paths = product_paths(var, database)
        with ExitStack() as stack:
            bases: dict[str, str] = {}
            for kind, chosen in KINDS.items():
                variables = {**environment(var, reco=True), "GIFTSHOP_DATABASE": database, **chosen}
                server = gunicorn("benchmarks.shop_wsgi", workers=WORKERS, environment=variables, log=var / f"{kind}.log")
                bases[kind] = f"http://127.0.0.1:{stack.enter_context(server)}"
            return asyncio.run(_measure(bases, paths))


async def _measure(bases: dict[str, str], paths: list[str]) -> dict[str, float]:
    await _wait_for(bases["ours"], paths[0], "data-reco-item")
    await _wait_for(bases["plain"], paths[0], "More like this")
    await _wait_for(bases["none"], paths[0], "</html>")
    for base in bases.values():
        await closed_loop(base, paths, 4.0)
    throughput: dict[str, list[float]] = {kind: [] for kind in bases}
    for number in range(3):
        for kind in sorted(bases, reverse=number % 2 == 1):
            throughput[kind].append(await closed_loop(bases[kind], paths, 4.0))
    rate = LOAD * median(throughput["plain"])
    took: dict[str, list[list[float]]] = {kind: [] for kind in bases}
    for number in range(ROUNDS):
        for kind in sorted(bases, reverse=number % 2 == 1):
            took[kind].append(await open_loop(bases[kind], paths, rate, SECONDS))
    ratios = [p99(ours) / p99(plain) for ours, plain in zip(took["ours"], took["plain"], strict=True)]
    return {
        "p99_over_plain": median(ratios),
        "throughput_over_plain": median(throughput["ours"]) / median(throughput["plain"]),
        "rate_per_s": rate,
        **{f"page_{kind}_p50_ms": median(p50(part) for part in parts) for kind, parts in took.items()},
        **{f"page_{kind}_p99_ms": median(p99(part) for part in parts) for kind, parts in took.items()},
        **{f"pages_{kind}_per_s": median(values) for kind, values in throughput.items()},
        "worst_ratio_of_a_round": max(ratios),
    }
