"""PostgreSQL is stopped, and started again, under open-loop load of pages that the shop can serve without it.

The same pages with our row and with none are asked for in turn, at the same rate, each round with an outage in its midst. A page
is timed from the moment when it was due. What the row adds is the difference of the 99th percentiles of the pages that were due
while the server was away, within a round; a row has failed when its page shows no card.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

import aiohttp
import psycopg

from benchmarks.load import browser
from benchmarks.measure import p50, p99
from benchmarks.serving import gunicorn
from benchmarks.shop import environment, manage, prepare_postgres
from scripts.postgres import Server

WORKERS: Final = 2
PAGES: Final = 100
ROUNDS: Final = 3
BEFORE: Final = 2.0
AWAY: Final = 10.0
AFTER: Final = 4.0
LOAD: Final = 0.35
"""The rate, as a part of what the shop with our row can do at most while all is well."""
CARD: Final = "data-reco-item"
KINDS: Final = ("ours", "none")


@dataclass(slots=True)
class Round:
    """What one round of one kind of page saw."""

    healthy_ms: list[float] = field(default_factory=list)
    away_ms: list[float] = field(default_factory=list)
    broken: int = 0
    bare: int = 0


class Load:
    """Asks for pages."""

    def __init__(self, session: aiohttp.ClientSession, paths: list[str]) -> None:
        self._session = session
        self._paths = paths
        self.failures: Counter[str] = Counter()

    async def page(self, base: str, path: str) -> tuple[bool, bool]:
        """Return whether the page was there, and whether its row was."""
        try:
            async with self._session.get(base + path) as answer:
                text = await answer.text()
        except aiohttp.ClientError as error:
            self.failures[f"{base}: {type(error).__name__} {error}"] += 1
            return False, False
        if answer.status != 200:
            self.failures[f"{base}: {answer.status}"] += 1
        return answer.status == 200, CARD in text

    async def all_pages(self, base: str, times: int) -> float:
        """Ask for each page, a few at once; return pages per second."""
        coming = iter([path for _ in range(times) for path in self._paths])
        started = time.perf_counter()

        async def client() -> None:
            for path in coming:
                await self.page(base, path)

        await asyncio.gather(*(client() for _ in range(2 * WORKERS)))
        return times * len(self._paths) / (time.perf_counter() - started)

    async def round(self, base: str, rate: float, server: Server) -> Round:
        """Load one shop while the server stops, stays away, and comes back."""
        seen, chosen = Round(), Random(len(self._paths))
        start = time.perf_counter() + 0.1
        away_from, away_until = start + BEFORE, start + BEFORE + AWAY

        async def one(due: float, path: str) -> None:
            await asyncio.sleep(max(due - time.perf_counter(), 0.0))
            there, row = await self.page(base, path)
            took = (time.perf_counter() - due) * 1_000.0
            (seen.away_ms if away_from <= due < away_until else seen.healthy_ms).append(took)
            seen.broken += not there
            seen.bare += there and not row

        async def outage() -> None:
            await asyncio.sleep(away_from - time.perf_counter())
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(away_until - time.perf_counter())
            await asyncio.to_thread(server.start)

        count = int(rate * (BEFORE + AWAY + AFTER))
        await asyncio.gather(outage(), *(one(start + number / rate, chosen.choice(self._paths)) for number in range(count)))
        return seen


def _stored(dsn: str) -> int:
    with psycopg.connect(dsn) as database:
        found = database.execute("SELECT count(*) FROM reco_interaction WHERE kind = 'view_item'").fetchone()
    return int(found[0]) if found else 0


async def _lost(dsn: str, recorded: int) -> int:
    """Wait until what was recorded is stored; return how much of it never is."""
    lost = recorded
    for _ in range(150):
        lost = recorded - await asyncio.to_thread(_stored, dsn)
        if lost <= 0:
            break
        await asyncio.sleep(0.2)
    return lost


async def _wait_for_rows(load: Load, base: str, path: str) -> None:
    deadline = time.monotonic() + 60.0
    while (await load.page(base, path))[1] is False:
        if time.monotonic() > deadline:
            raise RuntimeError("no row was shown within 60 s")
        await asyncio.sleep(0.2)


async def _measure(bases: dict[str, str], paths: list[str], server: Server, dsn: str) -> dict[str, float]:
    async with browser() as session:
        load = Load(session, paths)
        await _wait_for_rows(load, bases["ours"], paths[0])
        for kind in KINDS:
            await load.all_pages(bases[kind], 3)  # each worker has shown each product
        rate = LOAD * await load.all_pages(bases["ours"], 2)
        await asyncio.sleep(2.0)
        before = await asyncio.to_thread(_stored, dsn)
        rounds: dict[str, list[Round]] = {kind: [] for kind in KINDS}
        for number in range(ROUNDS):
            for kind in sorted(KINDS, reverse=number % 2 == 1):
                rounds[kind].append(await load.round(bases[kind], rate, server))
        ours, none = rounds["ours"], rounds["none"]
        asked = sum(len(one.healthy_ms) + len(one.away_ms) - one.broken for one in ours)
        added = [p99(one.away_ms) - p99(other.away_ms) for one, other in zip(ours, none, strict=True)]
        for failure, count in load.failures.items():
            print(f"outage: {count} x {failure}", file=sys.stderr)
        return {
            "failed_rows": sum(one.bare for one in ours),
            "failed_pages": sum(one.broken for one in ours),
            "failed_pages_none": sum(one.broken for one in none),
            "added_p99_ms": median(added),
            "views_lost": await _lost(dsn, before + asked),
            "rate_per_s": rate,
            "pages_while_away": sum(len(one.away_ms) for one in ours),
            **{
                f"{kind}_{when}_{name}_ms": median(of(getattr(one, f"{when}_ms")) for one in rounds[kind])
                for kind in KINDS
                for when in ("healthy", "away")
                for name, of in (("p50", p50), ("p99", p99))
            },
            "added_p99_worst_round_ms": max(added),
        }


def _lines(log: Path) -> int:
    return sum(not line.startswith("[") for line in log.read_text().splitlines())  # gunicorn's own begin so


def run() -> dict[str, float]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as name, Server() as server, ExitStack() as stack:
        var, dsn = Path(name), server.dsn()
        prepare_postgres(var, dsn)
        code = (
            f"from shop.models import Product; print(*(one.stock_code for one in Product.objects.filter(stock__gt=0)[:{PAGES}]))"
        )
        paths = [f"/kept/{word}/" for word in manage(var, "shell", "--no-imports", "-c", code, database=dsn).split()]
        bases: dict[str, str] = {}
        for kind in KINDS:
            shop = environment(var, reco=kind == "ours")
            variables = {**shop, "GIFTSHOP_DATABASE": dsn, "BENCH_ROW": kind}
            port = stack.enter_context(gunicorn("benchmarks.outage_wsgi", workers=WORKERS, environment=variables, log=var / kind))
            bases[kind] = f"http://127.0.0.1:{port}"
        figures = asyncio.run(_measure(bases, paths, server, dsn))
        return {**figures, "lines_logged": _lines(var / "ours")}
