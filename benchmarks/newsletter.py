"""A newsletter to 100,000 users: eight items each from all that is learnt, from the log in the store to the file."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.data import BATCH, Built, PlantedEmbedder, built_once, cluster_of, config, item_id, items, sources, working_copy
from reco_sdk import Interaction, Recommender
from reco_sdk.newsletter import write_newsletter
from reco_sdk.storage.sqlite import SqliteStore

USERS: Final = 100_000
ITEMS: Final = 20_000
N: Final = 8
VIEWS: Final = 5


def run() -> dict[str, float]:
    """Return the figures."""
    place = Built(built_once("newsletter", sources(), lambda folder: asyncio.run(_build(Built(folder)))))
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_run(working_copy(place, Path(folder)), Path(folder)))


async def _run(place: Built, folder: Path) -> dict[str, float]:
    # Without the graph, as in a shop's processes; what is searched is the same.
    async with Recommender.open(
        place.url, config=config(place).with_settings(graph=False), embedder=PlantedEmbedder(ITEMS)
    ) as reco:
        used, started = time.process_time(), time.perf_counter()
        report = await write_newsletter(reco, folder / "rows.parquet", n=N)
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
        return {
            "users_per_s": report.users / cpu,
            "users": report.users,
            "rows_missing": report.users * N - report.rows,
            "seconds": seconds,
            "cpu_seconds": cpu,
        }


async def _build(place: Built) -> None:
    store = SqliteStore(place.folder / "bench.sqlite3")
    await store.open()
    catalogue = items(ITEMS)
    for start in range(0, ITEMS, BATCH):
        await store.upsert_items(catalogue[start : start + BATCH])
    random = np.random.default_rng(20_261_124)
    clusters = cluster_of(ITEMS)
    members = [rows for cluster in range(clusters.max() + 1) if len(rows := np.flatnonzero(clusters == cluster)) > 1]
    now = datetime.now(UTC)
    batch: list[Interaction] = []
    for user in range(USERS):
        at = now - timedelta(days=float(random.uniform(0.1, 25.0)))
        liked = random.integers(0, len(members), 2)
        for step in range(VIEWS + 1):
            row = int(random.choice(members[liked[step % 2]]))
            kind = "purchase" if step == VIEWS and user % 2 else "view_item"
            moment = at + timedelta(seconds=20 * step)
            batch.append(Interaction(kind=kind, item_id=item_id(row), user_id=f"user-{user:06d}", at=moment))
        if len(batch) >= 20_000:
            await store.append_interactions(batch)
            batch = []
    await store.append_interactions(batch)
    await store.aclose()
    async with Recommender.open(place.url, config=config(place), embedder=PlantedEmbedder(ITEMS)) as reco:
        await reco.sync()
