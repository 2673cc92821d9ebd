"""Explanations at 100,000 items: of slates of ten, and of why an item is not in one, whatever stage dropped it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.data import COUNT, Built, PlantedEmbedder, built, cluster_of, config, graph_loaded, item_id, working_copy
from benchmarks.engine import visitors_with_views
from benchmarks.measure import p50, p99, time_each
from reco_sdk import Filters, Recommender, Request
from reco_sdk.explaining import explain, why_not
from reco_sdk.ranking.rules import Rule

N: Final = 10
EACH: Final = 40


def run() -> dict[str, float]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_run(working_copy(built(), Path(folder))))


async def _run(place: Built) -> dict[str, float]:
    random = np.random.default_rng(11)
    clusters = cluster_of()
    async with Recommender.open(place.url, config=config(place), embedder=PlantedEmbedder()) as reco:
        await graph_loaded(reco)
        visitors = (await visitors_with_views(reco, random))[: 4 * EACH]
        await reco.put_rule(Rule(id="hidden", action="hide", where="price between 40 and 45"))
        await reco.put_rule(Rule(id="pinned", action="pin", items=(item_id(5),), slot=2, placements=("item",)))
        asked = [Request(n=N, visitor_id=visitor) for visitor in visitors]
        asked += [
            Request(strategy="you_may_also_like", placement="item", n=N, visitor_id=visitor, seeds=(item_id(int(row)),))
            for visitor, row in zip(visitors, random.choice(COUNT, len(visitors), replace=False), strict=True)
        ]
        random.shuffle(asked)  # type: ignore[arg-type]  # a list may be shuffled

        def explained(request: Request) -> None:
            told = explain(reco.engine, request)
            short.append(N - len(told.items))

        short: list[int] = []
        time_each(explained, asked[:20])
        slates = time_each(explained, asked)
        # What is missed: something near, something anywhere, something that a filter leaves out.
        missed = []
        for number, request in enumerate(asked):
            near = clusters == clusters[int(random.integers(COUNT))]
            if request.seeds:
                near = clusters == clusters[int(request.seeds[0].removeprefix("item-"))]
            row = int(random.choice(np.flatnonzero(near) if number % 2 else np.arange(COUNT)))
            filters = Filters(price_max=15.0) if number % 4 == 3 else Filters()
            missed.append((item_id(row), Request(**{**_fields(request), "filters": filters})))
        stages: dict[str, list[float]] = {}

        def ask(pair: tuple[str, Request]) -> None:
            found = why_not(reco.engine, *pair)
            stages.setdefault(found.stage, []).append(found.timings_ms["total"])

        time_each(ask, missed[:10])
        stages.clear()
        took = time_each(ask, missed)
    return {
        "why_p50_ms": p50(slates),
        "why_p99_ms": p99(slates),
        "places_missing": sum(short) / len(short),
        "why_not_p50_ms": p50(took),
        "why_not_p99_ms": p99(took),
        **{f"why_not_{stage}_p50_ms": p50(times) for stage, times in sorted(stages.items())},
    }


def _fields(request: Request) -> dict[str, object]:
    return {name: getattr(request, name) for name in ("strategy", "placement", "n", "visitor_id", "seeds")}
