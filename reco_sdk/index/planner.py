"""The index that serves: exact, graph or clusters, chosen for each query by how many rows match."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from reco_sdk.index._checks import check_k, check_mask, check_query, empty_answer
from reco_sdk.index.exact import ExactIndex
from reco_sdk.index.hnsw import HnswIndex
from reco_sdk.types import BoolMask, Rows, Scores, Vector, Vectors

__all__ = ["Plan", "PlannedIndex"]

_log = logging.getLogger(__name__)

Step: TypeAlias = Literal["none", "exact", "graph"]

_EXACT_MATCHES: Final = 4_000
_MAX_FETCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query would be answered, for logs, tests and the curious.

    Attributes
    ----------
    step
        What is asked first.
    matching
        How many rows the mask lets through.
    fetch
        How many rows the graph is asked for; 0 when it is not asked.
    """

    step: Step
    matching: int
    fetch: int = 0


class PlannedIndex:
    """Search that meets ``min(k, matching)`` at every selectivity.

    Parameters
    ----------
    vectors
        Unit rows, float32 ``(n, d)``, C order; may be memory-mapped.
    hnsw
        A graph over the same rows, or a callable that returns one once it is loaded and ``None`` before.
    exact_limit
        Up to this many rows in all, everything is exact.
    finite
        Whether to look for NaN and infinity in ``vectors``.
    """

    def __init__(
        self,
        vectors: Vectors,
        *,
        hnsw: HnswIndex | Callable[[], HnswIndex | None] | None = None,
        exact_limit: int = 20_000,
        finite: bool = True,
    ) -> None:
        self._exact = ExactIndex(vectors, finite=finite)
        self._hnsw = hnsw
        self._exact_limit = exact_limit

    @property
    def count(self) -> int:
        """How many vectors it holds."""
        return self._exact.count

    def _graph(self) -> HnswIndex | None:
        return self._hnsw() if callable(self._hnsw) else self._hnsw

    def plan(self, k: int, mask: BoolMask | None = None) -> Plan:
        """Return how a search for ``k`` rows under ``mask`` would be answered."""
        k = check_k(k)
        mask = check_mask(mask, self.count)
        return self._plan(k, mask, self._graph())

    def _plan(self, k: int, mask: BoolMask | None, graph: HnswIndex | None) -> Plan:
        matching = self.count if mask is None else int(np.count_nonzero(mask))
        if matching == 0:
            return Plan("none", 0)
        if graph is None or self.count <= self._exact_limit or matching <= _EXACT_MATCHES:
            return Plan("exact", matching)
        fetch = k if mask is None or matching == self.count else 16 + k * self.count * 3 // (2 * matching)
        return Plan("graph", matching, fetch) if fetch <= _MAX_FETCH else Plan("exact", matching)

    def search(self, query: Vector, k: int, mask: BoolMask | None = None) -> tuple[Rows, Scores]:
        """Return the ``k`` best rows by descending score, ties by ascending row.

        Raises
        ------
        VectorIndexError
            For a query of another dimension, a non-finite query, ``k`` < 1, or a mask of another length.
        """
        query = check_query(query, self._exact.dimension)
        k = check_k(k)
        mask = check_mask(mask, self.count)
        graph = self._graph()
        plan = self._plan(k, mask, graph)
        if plan.step == "none":
            return empty_answer()
        if plan.step == "graph" and graph is not None:
            rows, scores = graph.nearest(query, plan.fetch)
            if mask is not None:
                kept = mask[rows]
                rows, scores = rows[kept], scores[kept]
            if len(rows) >= k:
                return rows[:k], scores[:k]
        return self._exact.search(query, k, mask)
