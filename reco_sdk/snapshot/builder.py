"""The builder: items, vectors and interactions → the arrays of one snapshot. Never on the request path."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.config import Config
from reco_sdk.index.clusters import cluster_order
from reco_sdk.index.hnsw import HnswIndex, hnsw_available
from reco_sdk.index.neighbours import neighbour_rows
from reco_sdk.items.catalogue import Columns
from reco_sdk.items.item import Item
from reco_sdk.items.tables import IdTable
from reco_sdk.snapshot.elsewhere import Elsewhere
from reco_sdk.snapshot.format import write_snapshot
from reco_sdk.snapshot.log import InteractionLog, LogArrays, popularity, purchases
from reco_sdk.snapshot.sessions import embed_sessions
from reco_sdk.snapshot.whitening import Whitening
from reco_sdk.types import Floats, Rows, Vector, Vectors

__all__ = ["Learn", "Progress", "SnapshotInput", "build_snapshot", "of_log"]

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, how much of it is done, and how much there is."""

Learn = Callable[[LogArrays, int, float, Config, Rows, int], Mapping[str, npt.NDArray[Any]]]
"""What visitors did, how many items there are, the time, the settings, the main category of each, how many those are → arrays."""

logger = logging.getLogger(__name__)

HNSW_FILE: Final = "hnsw.bin"
SESSIONS_FILE: Final = "sessions.bin"
SESSION_EXACT_LIMIT: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotInput:
    """What a snapshot is derived from, as read from the store.

    Parameters
    ----------
    items
        Every item that is not deleted.
    vectors
        Raw (not whitened) vector by item id; items without one are found by category and popularity only.
    fingerprint
        The model the vectors came from, empty for none.
    recipe_version
        Version of the text recipe.
    item_version, sequence
        How far the store's items and interactions were read.
    log
        The interactions.
    extra
        What else the snapshot is to know of itself; goes into its ``meta``.
    """

    items: Sequence[Item]
    vectors: Mapping[str, Vector]
    fingerprint: str
    recipe_version: str
    item_version: int
    sequence: int
    log: InteractionLog
    extra: Mapping[str, str] = field(default_factory=dict)


def build_snapshot(
    root: Path,
    source: SnapshotInput,
    config: Config,
    *,
    learn: Learn,
    now: float | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a snapshot folder under ``root`` and return it; publishing is the caller's.

    Parameters
    ----------
    learn
        Makes the arrays of what is learned from behaviour; it is given items by row, then those that the catalogue lacks.

    Raises
    ------
    SnapshotError
        When it cannot be written; nothing half-written stays.
    """
    now = time.time() if now is None else now
    report = progress or _silent
    cleaning = source.log.clean(config.session_gap_minutes * 60.0)
    if cleaning.kept < cleaning.read:
        logger.info("%s", cleaning)

    raw, has_vector = _matrix(source)
    whitening = Whitening.fit(raw[has_vector]) if has_vector.any() else None
    vectors = np.zeros_like(raw)
    if whitening is not None:
        vectors[has_vector] = whitening.transform(raw[has_vector])
    arrays: dict[str, npt.NDArray[Any]] = {}
    order = np.arange(len(source.items))
    if len(source.items) > config.exact_limit:
        # Rows of a cluster lie together, so that a filtered search reads contiguous pages.
        order, layout = cluster_order(vectors, progress=lambda done, total: report("clusters", done, total))
        arrays |= layout.to_arrays()
    items = [source.items[int(place)] for place in order]
    vectors, has_vector = np.ascontiguousarray(vectors[order]), has_vector[order]

    report("columns", 0, 1)
    columns = Columns.of(items)
    arrays |= columns.to_arrays()
    arrays |= {"vectors": vectors, "has_vector": has_vector}
    arrays["group_order"] = np.argsort(columns.group, kind="stable").astype(np.int32)
    arrays["group_sorted"] = columns.group[arrays["group_order"]]
    if whitening is not None:
        arrays |= whitening.to_arrays()
    report("columns", 1, 1)

    files: dict[str, Callable[[Path], None]] = {}
    if len(items) > config.exact_limit:
        arrays |= Elsewhere.of(columns.main_category, vectors, has_vector).to_arrays()
    graph = _graph(vectors, config.exact_limit, "index", report)
    if graph is not None:
        files[HNSW_FILE] = graph.save
    neighbours, scores = neighbour_rows(
        vectors, config.neighbours_per_item, index=graph, progress=lambda done, total: report("neighbours", done, total)
    )
    arrays |= _only_with_vectors(neighbours, scores, has_vector)

    report("learn", 0, 1)
    log, learnt = of_log(source.log, [item.id for item in items], columns, learn, now, config)
    arrays |= learnt
    report("learn", 1, 1)
    sessions = embed_sessions(
        log, vectors, has_vector, gap_seconds=config.session_gap_minutes * 60.0, limit=config.sessions_indexed
    )
    arrays |= sessions.to_arrays()
    session_graph = _graph(sessions.vectors, SESSION_EXACT_LIMIT, "sessions", report)
    if session_graph is not None:
        files[SESSIONS_FILE] = session_graph.save

    meta = {
        **source.extra,
        "fingerprint": source.fingerprint,
        "recipe_version": source.recipe_version,
        "item_version": source.item_version,
        "sequence": source.sequence,
        "reference": now,
        "items": len(items),
        "with_vector": int(has_vector.sum()),
        "interactions": len(log),
        "left_out": dict(cleaning.dropped),
        "sessions": len(sessions),
        "dimension": int(vectors.shape[1]),
        "whitened": whitening is not None,
        "index": "hnsw" if graph is not None else "exact",
    }
    report("write", 0, 1)
    path = write_snapshot(root, arrays, meta, files)
    report("write", 1, 1)
    return path


def of_log(
    log: InteractionLog, item_ids: Sequence[str], columns: Columns, learn: Learn, now: float, config: Config
) -> tuple[LogArrays, dict[str, npt.NDArray[Any]]]:
    """Return a log joined with a catalogue, and the arrays of a snapshot that derive from it.

    Parameters
    ----------
    item_ids
        By row.
    columns
        The catalogue.
    learn
        As of :func:`build_snapshot`.
    now
        Epoch seconds.
    """
    row_of = {item_id: row for row, item_id in enumerate(item_ids)}
    known = log.arrays(row_of)
    arrays: dict[str, npt.NDArray[Any]] = dict(
        zip(("popular", "trending", "sold"), _weights(known, len(row_of), now, config), strict=True)
    )
    arrays |= _purchases(known)
    absent = log.absent(row_of)
    arrays |= _absent(log, absent, now, config)
    places = {**row_of, **{item_id: place for place, item_id in enumerate(absent, len(row_of))}}
    everything = log.arrays(places, everything=True)
    categories = np.append(columns.main_category, np.full(len(absent), -1, np.int32))
    arrays |= learn(everything, len(row_of) + len(absent), now, config, categories, len(columns.facets.vocabulary))
    return known, arrays


def _silent(_stage: str, _done: int, _total: int) -> None:
    return None


def _matrix(source: SnapshotInput) -> tuple[Vectors, npt.NDArray[np.bool_]]:
    dimension = next((len(v) for v in source.vectors.values()), 1)
    raw = np.zeros((len(source.items), dimension), np.float32)
    has_vector = np.zeros(len(source.items), np.bool_)
    for row, item in enumerate(source.items):
        vector = source.vectors.get(item.id)
        if vector is not None:
            raw[row] = vector
            has_vector[row] = True
    return raw, has_vector


def _graph(vectors: Vectors, exact_limit: int, stage: str, report: Progress) -> HnswIndex | None:
    if len(vectors) <= exact_limit:
        return None
    if not hnsw_available():
        logger.warning(
            "hnswlib is not installed: %d vectors are searched without a graph; pip install 'reco-sdk[hnsw]'", len(vectors)
        )
        return None
    return HnswIndex.build(vectors, progress=lambda done, total: report(stage, done, total))


def _only_with_vectors(
    neighbours: npt.NDArray[np.int32], scores: npt.NDArray[np.float32], has_vector: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[Any]]:
    """Blank what points at, or starts from, an item without a vector (a zero row is near to nothing)."""
    if neighbours.size and not has_vector.all():
        bad = (neighbours < 0) | ~has_vector[neighbours] | ~has_vector[:, None]
        keep_order = np.argsort(bad, axis=1, kind="stable")
        neighbours = np.take_along_axis(np.where(bad, np.int32(-1), neighbours), keep_order, axis=1)
        scores = np.take_along_axis(np.where(bad, np.float32(-np.inf), scores), keep_order, axis=1)
    return {"neighbours": neighbours.astype(np.int32), "neighbour_scores": scores.astype(np.float32)}


def _absent(whole: InteractionLog, absent: Sequence[str], now: float, config: Config) -> dict[str, npt.NDArray[Any]]:
    """Return what was done to items that are not in the catalogue (yet); one that arrives later is joined with it."""
    log = whole.arrays({item_id: place for place, item_id in enumerate(absent)})
    bought = purchases(log)
    return {
        **IdTable.of(absent).to_arrays("absent"),
        "absent_weights": np.stack(_weights(log, len(absent), now, config)),
        "absent_bought_keys": bought.keys,
        "absent_bought_offsets": bought.offsets,
        "absent_bought_rows": bought.rows,
    }


def _weights(log: LogArrays, n: int, now: float, config: Config) -> tuple[Floats, Floats, Floats]:
    """Return popular, trending and sold."""
    # What was given back was not sold.
    sales = log.take(log.bought != 0)
    return (
        popularity(log, n, now, config.popular_half_life_days),
        popularity(log, n, now, config.trending_half_life_days),
        popularity(sales, n, now, config.popular_half_life_days),
    )


def _purchases(log: LogArrays) -> dict[str, npt.NDArray[Any]]:
    bought = purchases(log)
    return {"bought_keys": bought.keys, "bought_offsets": bought.offsets, "bought_rows": bought.rows}
