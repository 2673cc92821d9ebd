"""Rows at 100,000 items with 200 rules, caps and a filter expression, against the same without; and how soon a rule is live.

Asked by visitors of whom nothing is known, and by some with five views, as the figure ``engine`` asks ``recommend``.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.data import COUNT, Built, PlantedEmbedder, built, config, graph_loaded, item_id, working_copy
from benchmarks.engine import visitors_with_views
from benchmarks.measure import p50, p99, time_each
from reco_sdk import Filters, Recommender, Request
from reco_sdk.ranking.diversity import Diversity
from reco_sdk.ranking.rules import Rule

RULES: Final = 200
ROUNDS: Final = 10
PER_ROUND: Final = 50
WORKERS: Final = 4
CHANGES: Final = 10
ROW: Final = "you_may_also_like"
CAPS: Final = Diversity(mmr=0.9, category_share=0.5, brand_share=0.5, price_share=0.5, fatigue=0.1)
WHERE: Final = 'price between 0.2*seed.price and 5*seed.price and not (tag in ["sample"]) and rating_count >= 0'


def rules(random: np.random.Generator) -> list[Rule]:
    """Return rules of every kind, some of them over much of the catalogue."""
    out: list[Rule] = []
    for number in range(RULES):
        ids = tuple(item_id(int(row)) for row in random.choice(COUNT, 20))
        low = float(random.uniform(0, 80))
        out.append(
            [
                Rule(id=f"hide-{number}", action="hide", items=ids),
                Rule(id=f"boost-{number}", action="boost", where=f"price between {low} and {low + 20}"),
                Rule(id=f"bury-{number}", action="bury", items=ids, where=f"price > {low + 90}"),
                Rule(id=f"pin-{number}", action="pin", items=ids[:1], slot=1 + number % 8, placements=("home",)),
                Rule(id=f"hide-by-{number}", action="hide", where=f"price between {low} and {low + 0.1}", segments=("none",)),
            ][number % 5]
        )
    return out


def run() -> dict[str, float]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        place = working_copy(built(), Path(folder))
        return {**asyncio.run(_timed(place)), **asyncio.run(_live(place))}


async def _timed(place: Built) -> dict[str, float]:
    random = np.random.default_rng(5)
    async with Recommender.open(place.url, config=config(place), embedder=PlantedEmbedder()) as reco:
        await graph_loaded(reco)
        seeds = [item_id(int(row)) for row in random.choice(COUNT, ROUNDS * PER_ROUND, replace=False)]
        known = (await visitors_with_views(reco, random))[: len(seeds)]
        bare = reco.engine.state
        for rule in rules(random):
            await reco.store.put_rule(rule.stored())
        await reco.refresh()
        steered = reco.engine.state
        filters = Filters(where=WHERE)

        def ask(asked: tuple[str, str]) -> None:
            seed, visitor = asked
            reco.engine.recommend(Request(strategy=ROW, placement="item", seeds=(seed,), visitor_id=visitor))

        def ask_all(asked: tuple[str, str]) -> None:
            seed, visitor = asked
            reco.engine.recommend(
                Request(strategy=ROW, placement="item", seeds=(seed,), visitor_id=visitor, filters=filters, diversity=CAPS)
            )

        took: dict[str, list[float]] = {name: [] for name in ("without", "with", "known_without", "known_with")}
        new = [f"new-{number}" for number in range(len(seeds))]
        for number in range(-1, ROUNDS):  # the first round warms up
            part = slice(max(number, 0) * PER_ROUND, (max(number, 0) + 1) * PER_ROUND)
            for name, visitors in (("", new), ("known_", known)):
                asked = list(zip(seeds[part], visitors[part], strict=True))
                for end, state, call in (("without", bare, ask), ("with", steered, ask_all)):
                    reco.engine.state = state
                    times = time_each(call, asked)
                    took[name + end] += times if number >= 0 else []
        for rule in await reco.rules():
            await reco.store.delete_rule(rule.id)
    return {
        "p50_over_without": p50(took["with"]) / p50(took["without"]),
        "with_p99_ms": p99(took["with"]),
        "with_p50_ms": p50(took["with"]),
        "without_p50_ms": p50(took["without"]),
        "session_p50_over_without": p50(took["known_with"]) / p50(took["known_without"]),
        "session_with_p99_ms": p99(took["known_with"]),
        "session_with_p50_ms": p50(took["known_with"]),
        "session_without_p50_ms": p50(took["known_without"]),
    }


def _worker(place: Built, pipe: Connection) -> None:
    """Follow the store, and say when each number of a rule's change is live."""

    async def follow() -> None:
        async with Recommender.open(place.url, config=replace(config(place), poll_interval_seconds=0.25), embedder=None) as reco:
            pipe.send(0.0)
            seen = 0
            while not pipe.poll():
                active = reco.engine.state.rules
                if active is not None and active.version > seen:
                    seen = active.version
                    pipe.send((seen, time.time()))
                await asyncio.sleep(0.002)

    asyncio.run(follow())


@contextmanager
def _workers(place: Built) -> Iterator[list[Connection]]:
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(WORKERS)]
    processes = [context.Process(target=_worker, args=(place, theirs), daemon=True) for _, theirs in pairs]
    for process in processes:
        process.start()
    try:
        yield [ours for ours, _ in pairs]
    finally:
        for ours, _ in pairs:
            ours.send("stop")
        for process in processes:
            process.join(20)


async def _live(place: Built) -> dict[str, float]:
    waits: list[float] = []
    async with Recommender.open(place.url, config=config(place), embedder=None) as reco:
        with _workers(place) as pipes:
            for pipe in pipes:
                await asyncio.to_thread(pipe.recv)
            for number in range(CHANGES):
                started = time.time()
                version = await reco.store.put_rule(Rule(id="live", action="hide", items=(item_id(number),)).stored())
                for pipe in pipes:
                    told = await asyncio.to_thread(pipe.recv)
                    while told[0] < version:
                        told = await asyncio.to_thread(pipe.recv)
                    waits.append(told[1] - started)
    return {"live_s": max(waits), "live_p50_s": p50(waits)}
