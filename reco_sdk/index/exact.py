"""The exact index: every row is scored. The default for small catalogues, and the oracle of every test."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.index._checks import check_k, check_mask, check_query, check_vectors, empty_answer, inner_products, top_k
from reco_sdk.types import BoolMask, Rows, Scores, Vector, Vectors

__all__ = ["ExactIndex", "score_rows"]

# Below this share of matching rows, gathering them is cheaper than scanning all (a scan reads memory in order).
_GATHER_SHARE: Final = 0.25
# Gathered rows go through one buffer that stays in the cache.
_GATHER_BLOCK: Final = 2_048


def score_rows(vectors: Vectors, rows: npt.NDArray[np.integer[Any]], query: Vector) -> Scores:
    """Return the inner product of ``query`` with some rows.

    Parameters
    ----------
    vectors
        float32 ``(n, d)``.
    rows
        Integers in ``[0, n)``, shape ``(m,)``; ascending order reads memory fastest.
    query
        float32 ``(d,)``.

    Returns
    -------
    Scores
        float32 ``(m,)``, in the order of ``rows``.
    """
    count = len(rows)
    scores = np.empty(count, dtype=np.float32)
    buffer = np.empty((min(count, _GATHER_BLOCK), vectors.shape[1]), dtype=np.float32)
    for start in range(0, count, _GATHER_BLOCK):
        stop = min(start + _GATHER_BLOCK, count)
        block = buffer[: stop - start]
        # mode="clip" because "raise" makes numpy copy through another buffer.
        np.take(vectors, rows[start:stop], axis=0, out=block, mode="clip")
        inner_products(block, query, scores[start:stop])
    return scores


class ExactIndex:
    """Search by scoring every row that may be returned.

    Parameters
    ----------
    vectors
        Unit rows, float32 ``(n, d)``, C order; memory-mapped arrays are used in place.
    finite
        Whether to look for NaN and infinity; see :func:`reco_sdk.index._checks.check_vectors`.

    Raises
    ------
    VectorIndexError
        For vectors of another dtype, shape or order, or that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> index = ExactIndex(np.eye(3, dtype=np.float32))
    >>> rows, scores = index.search(np.array([0.8, 0.6, 0.0], dtype=np.float32), k=2)
    >>> rows.tolist()
    [0, 1]
    """

    def __init__(self, vectors: Vectors, *, finite: bool = True) -> None:
        self._vectors = check_vectors(vectors, finite=finite)

    @property
    def count(self) -> int:
        """How many vectors it holds."""
        return len(self._vectors)

    @property
    def dimension(self) -> int:
        """Length ``d`` of every vector."""
        return int(self._vectors.shape[1])

    @property
    def vectors(self) -> Vectors:
        """The vectors, float32 ``(n, d)``; not a copy."""
        return self._vectors

    def search(self, query: Vector, k: int, mask: BoolMask | None = None) -> tuple[Rows, Scores]:
        """Return the ``k`` best rows by descending score, ties by ascending row.

        Parameters
        ----------
        query
            float32 ``(d,)``.
        k
            At least 1; the answer is shorter when fewer rows match.
        mask
            bool ``(n,)``; only rows whose flag is True are returned.

        Returns
        -------
        rows, scores
            int32 and float32, shape ``(min(k, matching),)``.

        Raises
        ------
        VectorIndexError
            For a query of another dimension, a non-finite query, ``k`` < 1, or a mask of another length.
        """
        query = check_query(query, self.dimension)
        k = check_k(k)
        mask = check_mask(mask, self.count)
        if self.count == 0:
            return empty_answer()
        if mask is None:
            return top_k(None, inner_products(self._vectors, query), k)
        rows = np.flatnonzero(mask)
        if len(rows) < _GATHER_SHARE * self.count:
            return top_k(rows, score_rows(self._vectors, rows, query), k)
        return top_k(rows, inner_products(self._vectors, query)[rows], k)
