"""Dense scores, block by block, to the best rows of each item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.sources.item_rows import RowTable
from reco_sdk.types import Vectors

__all__ = ["best_of_blocks", "neighbour_table"]

BLOCK: Final = 512

Block = Callable[[int, int], npt.NDArray[np.float32]]


def best_of_blocks(n: int, block: Block, limit: int, *, above: float = 0.0) -> RowTable:
    """Return for each item the ``limit`` others with the greatest score.

    Parameters
    ----------
    block
        ``(start, stop)`` → float32 ``(stop - start, n)``: scores of all items for some; it may be overwritten.
    above
        Only scores greater than this.
    """
    limit = min(limit, max(n - 1, 0))
    sizes = np.zeros(n, np.int64)
    all_rows: list[npt.NDArray[np.int32]] = []
    all_weights: list[npt.NDArray[np.float32]] = []
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        scores = block(start, stop)
        scores[np.arange(stop - start), np.arange(start, stop)] = -np.inf
        best = np.argpartition(-scores, limit - 1, axis=1)[:, :limit] if limit < n - 1 else np.argsort(-scores, axis=1)[:, :limit]
        found = np.take_along_axis(scores, best, axis=1)
        order = np.lexsort((best, -found), axis=1)
        best, found = np.take_along_axis(best, order, axis=1), np.take_along_axis(found, order, axis=1)
        kept = found > above
        sizes[start:stop] = kept.sum(axis=1)
        all_rows.append(best[kept].astype(np.int32))
        all_weights.append(found[kept].astype(np.float32))
    offsets = np.zeros(n + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    empty = np.empty(0, np.int32)
    return RowTable(
        offsets,
        np.concatenate(all_rows) if all_rows else empty,
        np.concatenate(all_weights) if all_weights else empty.astype(np.float32),
    )


def neighbour_table(vectors: Vectors, limit: int) -> RowTable:
    """Return the nearest rows of each row by inner product, exactly."""
    return best_of_blocks(len(vectors), lambda a, b: vectors[a:b] @ vectors.T, limit)
