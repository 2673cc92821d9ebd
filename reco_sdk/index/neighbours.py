"""Precomputed neighbour rows: item to its most similar items, so that item-to-item needs no search at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import VectorIndexError
from reco_sdk.index._checks import check_k, check_vectors, top_k
from reco_sdk.index.hnsw import HnswIndex
from reco_sdk.types import Vectors

__all__ = ["EXACT_NEIGHBOURS_LIMIT", "neighbour_rows"]

EXACT_NEIGHBOURS_LIMIT: Final = 30_000
"""Above this many rows a graph is asked, where there is one."""

_BLOCK_CELLS: Final = 16_000_000  # 64 MB of float32 scores at a time


def neighbour_rows(
    vectors: Vectors,
    k: int = 50,
    *,
    index: HnswIndex | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return the ``k`` rows most similar to each row, itself left out.

    Parameters
    ----------
    vectors
        Unit rows, float32 ``(n, d)``.
    k
        Neighbours a row.
    index
        A graph over the same vectors, asked above :data:`EXACT_NEIGHBOURS_LIMIT` rows; without one the rows are
        exact whatever it takes.
    progress
        Called with (rows done, rows in all).

    Returns
    -------
    rows, scores
        int32 and float32 ``(n, k)``, descending by score, ties by ascending row; where there are fewer than ``k``
        others, the end is padded with -1 and -inf.

    Raises
    ------
    VectorIndexError
        For vectors of another dtype or shape, or that are not finite; for ``k`` < 1; for an index of another count.
    """
    vectors = check_vectors(vectors)
    k = check_k(k)
    count = len(vectors)
    if index is not None and (index.count != count or index.dimension != vectors.shape[1]):
        raise VectorIndexError(f"the index holds {index.count} vectors, not these {count}")
    rows = np.full((count, k), -1, dtype=np.int32)
    scores = np.full((count, k), -np.inf, dtype=np.float32)
    wanted = min(k, count - 1)
    if wanted < 1:
        return rows, scores
    graph = index if count > EXACT_NEIGHBOURS_LIMIT else None
    block = max(1, min(count, _BLOCK_CELLS // count if graph is None else 4_096))
    for start in range(0, count, block):
        stop = min(start + block, count)
        own = np.arange(start, stop)
        answer = None if graph is None else graph.nearest_many(vectors[start:stop], wanted + 1)
        if answer is None:
            _exact_block(vectors, start, stop, wanted, rows, scores)
        else:
            _drop_own(own, *answer, wanted, rows[start:stop], scores[start:stop])
        if progress is not None:
            progress(stop, count)
    return rows, scores


def _exact_block(
    vectors: Vectors, start: int, stop: int, wanted: int, rows: npt.NDArray[np.int32], scores: npt.NDArray[np.float32]
) -> None:
    step = max(1, _BLOCK_CELLS // len(vectors))
    for low in range(start, stop, step):
        high = min(low + step, stop)
        products = vectors[low:high] @ vectors.T
        products[np.arange(high - low), np.arange(low, high)] = -np.inf
        for offset, row in enumerate(range(low, high)):
            rows[row, :wanted], scores[row, :wanted] = top_k(None, products[offset], wanted)


def _drop_own(
    own: npt.NDArray[np.int64],
    found: npt.NDArray[np.int32],
    found_scores: npt.NDArray[np.float32],
    wanted: int,
    rows: npt.NDArray[np.int32],
    scores: npt.NDArray[np.float32],
) -> None:
    """Leave out each row itself; where the graph did not find it (duplicates), leave out the last one."""
    others = found != own[:, None]
    others[others.all(axis=1), -1] = False
    kept = found[others].reshape(len(own), wanted)
    kept_scores = found_scores[others].reshape(len(own), wanted)
    order = np.lexsort((kept, -kept_scores), axis=-1)
    rows[:, :wanted] = np.take_along_axis(kept, order, axis=-1)
    scores[:, :wanted] = np.take_along_axis(kept_scores, order, axis=-1)
