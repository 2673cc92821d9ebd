"""The request path at 100,000 items: item pages, and slates for a visitor with five views behind them."""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from pathlib import Path
from typing import Any, Final

import hnswlib
import numpy as np

from benchmarks.data import (
    COUNT,
    DIMENSION,
    Built,
    PlantedEmbedder,
    built,
    cluster_of,
    config,
    graph_loaded,
    item_id,
    working_copy,
)
from benchmarks.measure import p50, p99, time_each, time_each_async
from reco_sdk import Interaction, Recommender
from reco_sdk.index.hnsw import HnswIndex
from reco_sdk.snapshot.format import Snapshot
from reco_sdk.snapshot.publisher import SnapshotFolder

ROUNDS: Final = 20
PER_ROUND: Final = 50
VIEWS: Final = 5


def run() -> dict[str, float]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_run(working_copy(built(), Path(folder))))


async def _run(place: Built) -> dict[str, float]:
    random = np.random.default_rng(7)
    raw_search, raw_queries = _raw(place, random)
    async with Recommender.open(place.url, config=config(place), embedder=PlantedEmbedder()) as reco:
        await graph_loaded(reco)
        visitors = await visitors_with_views(reco, random)
        seeds = [item_id(int(row)) for row in random.choice(COUNT, ROUNDS * PER_ROUND, replace=False)]
        similar: list[float] = []
        recommend: list[float] = []
        raw: list[float] = []
        await time_each_async(lambda seed: reco.similar_items(seed, n=8), seeds[:20])
        await time_each_async(lambda visitor: reco.recommend(visitor_id=visitor, n=8), visitors[:20])
        for number in range(ROUNDS):
            part = slice(number * PER_ROUND, (number + 1) * PER_ROUND)
            similar += await time_each_async(lambda seed: reco.similar_items(seed, n=8), seeds[part])
            raw += time_each(raw_search, raw_queries[part])
            recommend += await time_each_async(lambda visitor: reco.recommend(visitor_id=visitor, n=8), visitors[part])
        lengths = [len(await reco.recommend(visitor_id=visitor, n=8)) for visitor in visitors[:50]]
    return {
        "similar_items_p50_ms": p50(similar),
        "similar_items_p99_ms": p99(similar),
        "recommend_p50_ms": p50(recommend),
        "recommend_p99_ms": p99(recommend),
        "raw_knn_50_p50_ms": p50(raw),
        "recommend_over_raw": (p50(recommend) - 0.3) / p50(raw),
        "shortest_slate": min(lengths),
    }


async def visitors_with_views(reco: Recommender, random: np.random.Generator) -> list[str]:
    """Return visitors who each viewed five items of two clusters."""
    clusters = cluster_of()
    visitors = [f"visitor-{number}" for number in range(ROUNDS * PER_ROUND)]
    views = []
    for visitor in visitors:
        first, second = random.choice(clusters, 2)
        rows = [*random.choice(np.flatnonzero(clusters == first), 3), *random.choice(np.flatnonzero(clusters == second), 2)]
        views += [Interaction.view_item(item_id(int(row)), visitor_id=visitor) for row in rows[:VIEWS]]
    await reco.record_many(views)
    await reco.flush()
    return visitors


def _raw(place: Built, random: np.random.Generator) -> tuple[Any, np.ndarray]:
    """Return hnswlib itself over the same graph, and queries that lie as session vectors do: between items."""
    current = SnapshotFolder(place.state).current()
    if current is None:
        raise RuntimeError(f"{place.state} holds no snapshot")
    snapshot = Snapshot.open(current)
    graph = hnswlib.Index(space="ip", dim=DIMENSION)
    graph.load_index(str(snapshot.file("hnsw.bin")))
    graph.set_ef(inspect.signature(HnswIndex.load).parameters["ef"].default)
    graph.set_num_threads(1)
    stored = snapshot.array("vectors")
    queries = np.stack([stored[random.choice(COUNT, 2)].sum(axis=0) for _ in range(ROUNDS * PER_ROUND)])
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return (lambda query: graph.knn_query(query, k=50, num_threads=1)), queries
