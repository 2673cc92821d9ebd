"""Filters that let through 0.1 to 100 percent of 100,000 items: how many results, how right, how fast.

*random* marks lie anywhere in the catalogue; *near* marks fill whole clusters, and the seeds are then taken once from
inside (the filter agrees with the query) and once from outside (*far*: it contradicts it, which is where a filtered
graph search loses its way).
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.data import SHARES, Built, PlantedEmbedder, built, config, graph_loaded, item_id, shares, working_copy
from benchmarks.measure import p50, time_each_async
from reco_sdk import Filters, Recommender
from reco_sdk.items.catalogue import Columns
from reco_sdk.snapshot.format import Snapshot
from reco_sdk.snapshot.publisher import SnapshotFolder

N: Final = 10
SEEDS: Final = 100
TOLERANCE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Case:
    """One filter with seeds to ask it with."""

    name: str
    mark: str
    seeds: np.ndarray


class Oracle:
    """The exact answer: every item that the filter lets through, scored."""

    def __init__(self, place: Built) -> None:
        current = SnapshotFolder(place.state).current()
        if current is None:
            raise RuntimeError(f"{place.state} holds no snapshot")
        snapshot = Snapshot.open(current)
        self.vectors = np.array(snapshot.array("vectors"))
        columns = Columns.from_arrays(snapshot.array)
        self.available = np.array(columns.available)
        self.group = np.array(columns.group)
        ids = [columns.ids[row] for row in range(len(columns))]
        self.row_of = {name: row for row, name in enumerate(ids)}
        self.number = np.array([int(name[-6:]) for name in ids])

    def best(self, seed: str, marked: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
        """Return how many items could be shown, the scores of the N best that are alike, and the score of every row.

        What points away from the seed (a cosine of 0 or less) is not alike: a slate may show something popular instead.
        """
        row = self.row_of[seed]
        scores = self.vectors @ self.vectors[row]
        rows = np.flatnonzero(self.available & marked[self.number] & (self.group != self.group[row]))
        rows = rows[np.argsort(-scores[rows], kind="stable")]
        _, first = np.unique(self.group[rows], return_index=True)
        kept = rows[np.sort(first)]
        alike = scores[kept[:N]]
        return len(kept), alike[alike > 0], scores


def cases(random: np.random.Generator) -> list[Case]:
    """Return every share, at random, near the seeds and far from them."""
    marks = shares()
    out = []
    for share in SHARES:
        for kind in ("random", "near") if share < 1 else ("random",):
            mark = f"{kind}-{share * 100:g}"
            everyone = np.arange(len(marks[mark]))
            places = (
                {"near": np.flatnonzero(marks[mark]), "far": np.flatnonzero(~marks[mark])}
                if kind == "near"
                else {"random": everyone}
            )
            out += [Case(f"{where}-{share * 100:g}", mark, random.choice(rows, SEEDS)) for where, rows in places.items()]
    return out


def run() -> dict[str, float]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_run(working_copy(built(), Path(folder))))


async def _run(place: Built) -> dict[str, float]:
    oracle = Oracle(place)
    marks = shares()
    figures: dict[str, float] = {}
    missing = 0
    async with Recommender.open(place.url, config=config(place), embedder=PlantedEmbedder()) as reco:
        await graph_loaded(reco)
        for case in cases(np.random.default_rng(11)):
            filters = Filters(attributes=(("mark", case.mark),))
            seeds = [item_id(int(row)) for row in case.seeds]
            # Once before it counts: a filter's mask may be kept, and a shop's filters repeat.
            await reco.similar_items(seeds[0], n=N, filters=filters)
            took = await time_each_async(lambda seed, f=filters: reco.similar_items(seed, n=N, filters=f), seeds)  # type: ignore[misc]
            recalls = []
            for seed in seeds:
                slate = await reco.similar_items(seed, n=N, filters=filters)
                matching, alike, scores = oracle.best(seed, marks[case.mark])
                missing += min(N, matching) - len(slate)
                if len(alike):
                    right = sum(scores[oracle.row_of[item.id]] >= alike[-1] - TOLERANCE for item in slate)
                    recalls.append(min(right, len(alike)) / len(alike))
            figures[f"{case.name}_p50_ms"] = p50(took)
            figures[f"{case.name}_recall"] = float(np.mean(recalls))
    return {
        "results_missing": missing,
        "recall_at_10_worst": min(value for name, value in figures.items() if name.endswith("_recall")),
        "p50_worst_ms": max(value for name, value in figures.items() if name.endswith("_ms")),
        **figures,
    }
