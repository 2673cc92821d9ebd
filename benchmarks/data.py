"""100,000 items with vectors that cluster as texts do, stored and built once, kept for the next run.

The catalogue lies under ``$XDG_CACHE_HOME/reco-sdk-bench`` (or ``.demo/bench``); building its graph takes minutes.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.measure import ROOT
from reco_sdk import Config, Item, Recommender
from reco_sdk.storage.sqlite import SqliteStore

__all__ = [
    "COUNT",
    "DIMENSION",
    "Built",
    "PlantedEmbedder",
    "built",
    "config",
    "graph_loaded",
    "shares",
    "vectors",
    "working_copy",
]

COUNT: Final = 100_000
DIMENSION: Final = 384
CLUSTERS: Final = 1_000
SPREAD: Final = 16  # directions in which the items of a cluster differ
SEED: Final = 20_240_601
VERSION: Final = 2
SHARES: Final = (0.001, 0.01, 0.1, 0.5, 1.0)
BATCH: Final = 5_000


@dataclass(frozen=True, slots=True)
class Built:
    """Where a built catalogue lies."""

    folder: Path

    @property
    def url(self) -> str:
        """Its store."""
        return f"sqlite:///{self.folder / 'bench.sqlite3'}"

    @property
    def state(self) -> Path:
        """Its snapshots."""
        return self.folder / "state"


def config(place: Built) -> Config:
    """Answers are computed each time: the cache is off, nothing is rebuilt or polled meanwhile."""
    return Config(
        store=place.url,
        state_dir=str(place.state),
        cache_ttl_seconds=0,
        delta_limit=10 * COUNT,
        poll_interval_seconds=3_600,
        deadline_ms=10_000,
    )


def cluster_of(count: int = COUNT) -> np.ndarray:
    """Return the cluster of each item, int64 ``(count,)``; sizes differ as those of categories do."""
    random = np.random.default_rng(SEED)
    weights = 1 / np.arange(1, CLUSTERS + 1) ** 0.5
    return random.choice(CLUSTERS, size=count, p=weights / weights.sum())


def vectors(count: int = COUNT) -> np.ndarray:
    """Return unit vectors, float32 ``(count, 384)``: a centre, a few directions of its own, a little noise."""
    random = np.random.default_rng(SEED + 1)
    clusters = cluster_of(count)
    centres = random.standard_normal((CLUSTERS, DIMENSION), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    out = centres[clusters]
    for cluster in range(CLUSTERS):
        rows = np.flatnonzero(clusters == cluster)
        directions = random.standard_normal((SPREAD, DIMENSION), dtype=np.float32) / np.sqrt(DIMENSION)
        where = random.standard_normal((len(rows), SPREAD), dtype=np.float32) * (0.9 / np.sqrt(SPREAD))
        out[rows] += where @ directions
    out += random.standard_normal(out.shape, dtype=np.float32) * (0.15 / np.sqrt(DIMENSION))
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def shares(count: int = COUNT) -> dict[str, np.ndarray]:
    """Return who has which mark, bool ``(count,)`` by mark.

    ``random-1`` marks one percent of the items wherever they are; ``near-1`` one percent that fill whole clusters.
    """
    random = np.random.default_rng(SEED + 2)
    lot = random.permutation(count)
    by_cluster = np.argsort(random.permutation(CLUSTERS)[cluster_of(count)], kind="stable")
    marks = {}
    for share in SHARES:
        size = round(share * count)
        for kind, order in (("random", lot), ("near", by_cluster)):
            marks[f"{kind}-{share * 100:g}"] = mark = np.zeros(count, dtype=bool)
            mark[order[:size]] = True
    return marks


def item_id(row: int) -> str:
    return f"item-{row:06d}"


def items(count: int = COUNT) -> list[Item]:
    """Return the catalogue: prices, brands, categories, variants (a tenth), sold out (a tenth)."""
    random = np.random.default_rng(SEED + 3)
    clusters = cluster_of(count)
    prices = np.round(np.exp(random.normal(3, 1, count)), 2)
    sold_out = random.random(count) < 0.1
    brands = random.integers(0, 300, count)
    marks = shares(count)
    return [
        Item(
            id=item_id(row),
            title=f"Item {row:06d}",
            group_id=f"group-{row // 2 * 2}" if row % 20 < 2 else None,
            categories=(f"Department {clusters[row] % 20} > Shelf {clusters[row]}",),
            brand=f"Brand {brands[row]}",
            price=float(prices[row]),
            currency="EUR",
            availability="out_of_stock" if sold_out[row] else "in_stock",
            tags=(),
            attributes={"mark": tuple(name for name, mark in marks.items() if mark[row])},
        )
        for row in range(count)
    ]


class PlantedEmbedder:
    """An embedder that finds the row number in the text and answers with the vector planted for it."""

    def __init__(self, count: int = COUNT) -> None:
        self._count = count
        self._vectors: np.ndarray | None = None

    @property
    def fingerprint(self) -> str:
        """Of this data."""
        return f"planted:{self._count}:{SEED}:{VERSION}"

    @property
    def dimension(self) -> int:
        """As MiniLM's."""
        return DIMENSION

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Look the rows up."""
        if self._vectors is None:
            self._vectors = vectors(self._count)
        rows = [int(text.partition("Item ")[2][:6]) for text in texts]
        return self._vectors[rows]

    async def aclose(self) -> None:
        """Nothing is held."""


def cache_folder() -> Path:
    """Return where built data is kept."""
    root = os.environ.get("XDG_CACHE_HOME")
    return Path(root) / "reco-sdk-bench" if root else ROOT / ".demo" / "bench"


def built_once(kind: str, digest: str, build: Callable[[Path], None]) -> Path:
    """Return the folder of what was built for a digest, building it first where it is not there yet; older ones go."""
    folder = cache_folder() / f"{kind}-{digest}"
    if not (folder / "done").exists():
        for old in folder.parent.glob(f"{kind}-*"):
            shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(parents=True)
        started = time.monotonic()
        print(f"building {kind} once, in {folder} (minutes)", file=sys.stderr, flush=True)
        build(folder)
        (folder / "done").write_text("")
        print(f"built in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return folder


def sources() -> str:
    """Return a digest of the code that decides what is built, so that nothing is measured on yesterday's files."""
    core = ROOT / "reco_sdk"
    names = ("snapshot/builder.py", "snapshot/format.py", "snapshot/whitening.py", "items/catalogue.py", "items/text.py")
    paths = [*(core / name for name in names), *(core / "index").glob("*.py"), *(ROOT / "migrations").glob("*.sql")]
    digest = hashlib.sha256(f"{SEED} {VERSION}".encode())
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def built(count: int = COUNT) -> Built:
    """Return the built catalogue, building it first where it is not there yet."""
    return Built(built_once(f"items-{count}", sources(), lambda folder: asyncio.run(_build(Built(folder), count))))


async def _build(place: Built, count: int) -> None:
    store = SqliteStore(place.folder / "bench.sqlite3")
    await store.open()
    catalogue = items(count)
    for start in range(0, count, BATCH):
        await store.upsert_items(catalogue[start : start + BATCH])
    await store.aclose()
    async with Recommender.open(place.url, config=config(place), embedder=PlantedEmbedder(count)) as reco:
        await reco.sync()


def working_copy(place: Built, folder: Path) -> Built:
    """Return a copy that may be written to; the snapshot's files, which never change, are linked."""
    copy = Built(folder / "copy")
    copy.folder.mkdir(parents=True)
    shutil.copy(place.folder / "bench.sqlite3", copy.folder / "bench.sqlite3")
    shutil.copytree(place.state, copy.state, copy_function=os.link)
    return copy


async def graph_loaded(reco: Recommender) -> None:
    """Wait until the graph is there: it is read in the background, and searches are exact before."""
    for _ in range(600):
        if reco.engine.state.view.base.graph is not None:
            return
        await asyncio.sleep(0.05)
    raise RuntimeError("the graph was not loaded within 30 seconds")
