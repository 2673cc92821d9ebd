"""What every index checks before it answers, and how every index cuts and orders its answer."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import VectorIndexError
from reco_sdk.types import BoolMask, Rows, Scores, Vector, Vectors

__all__ = ["check_k", "check_mask", "check_query", "check_vectors", "empty_answer", "inner_products", "top_k"]

_vecdot: Any = getattr(np, "vecdot", None)  # numpy 2.0


def check_vectors(vectors: Vectors, *, finite: bool = True) -> Vectors:
    """Return ``vectors`` as a plain C-ordered array that shares their memory.

    Parameters
    ----------
    vectors
        float32 ``(n, d)``, ``d`` ≥ 1; may be memory-mapped.
    finite
        Look at every value. Costs one pass over the memory; leave it out for vectors that were checked when
        they were written.

    Raises
    ------
    VectorIndexError
        For another dtype, shape or order, and for NaN or infinite values.
    """
    plain = np.asarray(vectors)
    if plain.ndim != 2 or plain.dtype != np.float32 or plain.shape[1] == 0:
        raise VectorIndexError(f"vectors must be float32 of shape (n, d) with d ≥ 1, got {plain.dtype} {plain.shape}")
    if not plain.flags.c_contiguous:
        raise VectorIndexError("vectors must be C-ordered; pass np.ascontiguousarray(vectors)")
    if finite and len(plain):
        with np.errstate(all="ignore"):
            sums = plain @ np.ones(plain.shape[1], dtype=np.float32)
        bad = np.flatnonzero(~np.isfinite(sums))
        if len(bad):
            raise VectorIndexError(f"vectors hold NaN or infinite values, first in row {bad[0]}; embed those items again")
    return plain


def check_query(query: Vector, dimension: int) -> Vector:
    """Return ``query`` as a contiguous float32 array of shape ``(dimension,)``.

    Raises
    ------
    VectorIndexError
        For another dimension, and for NaN or infinite values.
    """
    try:
        vector = np.ascontiguousarray(query, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise VectorIndexError(f"a query must be {dimension} numbers, got {type(query).__name__}") from error
    if vector.shape != (dimension,):
        raise VectorIndexError(f"a query must have shape ({dimension},), got {vector.shape}")
    # One dot product instead of isfinite().all(): NaN and infinity survive it. Huge finite values overflow, so look again.
    if not np.isfinite(np.dot(vector, vector)) and not np.isfinite(vector).all():
        raise VectorIndexError("a query must be finite; it holds NaN or infinite values")
    return vector


def check_k(k: int) -> int:
    """Return ``k`` as a plain int.

    Raises
    ------
    VectorIndexError
        When it is no integer, or smaller than 1.
    """
    try:
        number = operator.index(k)
    except TypeError as error:
        raise VectorIndexError(f"k must be an integer, got {k!r}") from error
    if number < 1:
        raise VectorIndexError(f"k must be at least 1, got {number}")
    return number


def check_mask(mask: BoolMask | None, count: int) -> BoolMask | None:
    """Return ``mask``, one flag for each of ``count`` rows, or ``None`` when every row may be returned.

    Raises
    ------
    VectorIndexError
        For another dtype or shape.
    """
    if mask is None:
        return None
    flags = np.asarray(mask)
    if flags.dtype != np.bool_ or flags.shape != (count,):
        raise VectorIndexError(f"a mask must be bool of shape ({count},), got {flags.dtype} {flags.shape}")
    return flags


def empty_answer() -> tuple[Rows, Scores]:
    """Return no rows and no scores."""
    return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)


def inner_products(vectors: Vectors, query: Vector, out: Scores | None = None) -> Scores:
    """Return the inner product of ``query`` with each row, in this thread alone.

    As fast as the matrix product with one thread, which it avoids: BLAS shares that out among its threads, and where
    they outnumber the free cores (web workers, a build in the background) a search takes ten times as long. Also, a
    row scores the same wherever it stands, so that equal rows tie.
    """
    if _vecdot is None:
        return np.dot(vectors, query, out=out)
    products: Scores = _vecdot(vectors, query, out=out)
    return products


def top_k(rows: npt.NDArray[np.integer[Any]] | None, scores: Scores, k: int) -> tuple[Rows, Scores]:
    """Cut to the ``k`` best, by descending score and, among equals, by ascending row.

    Parameters
    ----------
    rows
        Row of each score, shape ``(m,)``, any order; ``None`` when the score's position is its row.
    scores
        Finite, shape ``(m,)``.
    k
        At least 1; with fewer scores the answer is shorter.
    """
    count = len(scores)
    if count == 0:
        return empty_answer()
    if k < count:
        cut = np.partition(scores, count - k)[count - k]
        kept = np.flatnonzero(scores >= cut)
    else:
        kept = np.arange(count)
    best = kept if rows is None else rows[kept]
    found = scores[kept]
    # kept may exceed k by the ties at the cut; ordering by (score, row) drops the right ones.
    order = np.lexsort((best, -found))[:k]
    return best[order].astype(np.int32), found[order].astype(np.float32, copy=False)
