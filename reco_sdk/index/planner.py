"""The index that serves: exact, graph or clusters, chosen for each query by how many rows match.

========================  ==========================================================================
few matches               their rows are gathered and scored: exact, and fastest
nearly all match          the graph is asked for more than ``k`` and its answer is filtered. When ``k``
                          of it match, those are the ``k`` best that match, as surely as the graph is right
otherwise, or when the    clusters, which read only rows that match and go on until they have enough;
graph's answer fell short without clusters, everything is scored
========================  ==========================================================================

So every answer has ``min(k, matching)`` rows, whatever the mask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from reco_sdk.errors import VectorIndexError
from reco_sdk.index._checks import check_k, check_mask, check_query, empty_answer
from reco_sdk.index.clusters import ClusterIndex, ClusterLayout
from reco_sdk.index.exact import ExactIndex
from reco_sdk.index.hnsw import HnswIndex
from reco_sdk.types import BoolMask, Rows, Scores, Vector, Vectors

__all__ = ["Plan", "PlannedIndex", "Step"]

Step: TypeAlias = Literal["none", "exact", "graph", "clusters"]
"""What answers: nothing matches, the exact index, the graph, the clusters."""

_SPARE_FETCH: Final = 16
# The far end of a long answer of the graph is less right than its beginning, and a filter that contradicts the query makes
# it walk in vain. So with clusters at hand the graph is asked only where at least this share matches.
_GRAPH_SHARE: Final = 0.7
_MAX_FETCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How one query was, or would be, answered.

    Attributes
    ----------
    steps
        What is asked, in order; a second step means that the first fell short.
    matching
        How many rows the mask lets through.
    fetch
        How many rows the graph is asked for; 0 when it is not asked.
    """

    steps: tuple[Step, ...]
    matching: int
    fetch: int = 0


class PlannedIndex:
    """Search that gives ``min(k, matching)`` rows at every selectivity.

    Parameters
    ----------
    vectors
        Unit rows, float32 ``(n, d)``, C order; memory-mapped arrays are used in place.
    hnsw
        A graph over the same rows, or a callable that returns one once it is loaded and ``None`` before.
    clusters
        Layout of the same rows, which must then be in cluster order; see
        :func:`~reco_sdk.index.clusters.cluster_order`.
    exact_limit
        Up to this many rows in all, everything is exact.
    exact_matches
        Up to this many matching rows, they are gathered and scored, which for 384 dimensions takes 0.3 ms.
    finite
        Whether to look for NaN and infinity in ``vectors``; ``False`` for those of a verified snapshot.

    Raises
    ------
    VectorIndexError
        When vectors, graph and clusters do not belong together.
    """

    def __init__(
        self,
        vectors: Vectors,
        *,
        hnsw: HnswIndex | Callable[[], HnswIndex | None] | None = None,
        clusters: ClusterLayout | None = None,
        exact_limit: int = 20_000,
        exact_matches: int = 2_000,
        finite: bool = True,
    ) -> None:
        self._exact = ExactIndex(vectors, finite=finite)
        self._clusters = None if clusters is None else ClusterIndex(vectors, clusters, finite=False)
        self._exact_limit = exact_limit
        self._exact_matches = exact_matches
        if isinstance(hnsw, HnswIndex) and (hnsw.count, hnsw.dimension) != (self.count, self._exact.dimension):
            raise VectorIndexError(f"the graph holds {hnsw.count} vectors, not these {self.count}; build it again")
        self._hnsw = hnsw

    @property
    def count(self) -> int:
        """How many vectors it holds."""
        return self._exact.count

    @property
    def dimension(self) -> int:
        """Length ``d`` of every vector."""
        return self._exact.dimension

    def plan(self, k: int, mask: BoolMask | None = None) -> Plan:
        """Return how a search for ``k`` rows under ``mask`` would begin."""
        return self._plan(check_k(k), check_mask(mask, self.count), self._graph())

    def search(self, query: Vector, k: int, mask: BoolMask | None = None) -> tuple[Rows, Scores]:
        """Return the ``k`` best rows by descending score, ties by ascending row.

        Parameters
        ----------
        query
            float32 ``(d,)``.
        k
            At least 1.
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
        rows, scores, _ = self.search_explained(query, k, mask)
        return rows, scores

    def search_explained(self, query: Vector, k: int, mask: BoolMask | None = None) -> tuple[Rows, Scores, Plan]:
        """Search, and say how; see :meth:`search`."""
        query = check_query(query, self.dimension)
        k = check_k(k)
        mask = check_mask(mask, self.count)
        graph = self._graph()
        plan = self._plan(k, mask, graph)
        step = plan.steps[0]
        if step == "none":
            return *empty_answer(), plan
        if step == "graph" and graph is not None:
            rows, scores = graph.nearest(query, plan.fetch)
            if mask is not None:
                kept = mask[rows]
                rows, scores = rows[kept], scores[kept]
            if len(rows) >= k:
                return rows[:k], scores[:k], plan
            step = "exact" if self._clusters is None else "clusters"
            plan = Plan(("graph", step), plan.matching, plan.fetch)
        if step == "clusters" and self._clusters is not None:
            return *self._clusters.search(query, k, mask), plan
        return *self._exact.search(query, k, mask), plan

    def _graph(self) -> HnswIndex | None:
        return self._hnsw() if callable(self._hnsw) else self._hnsw

    def _plan(self, k: int, mask: BoolMask | None, graph: HnswIndex | None) -> Plan:
        matching = self.count if mask is None else int(np.count_nonzero(mask))
        if matching == 0:
            return Plan(("none",), 0)
        if self.count <= self._exact_limit or matching <= self._exact_matches or 4 * k >= matching:
            return Plan(("exact",), matching)
        # Half as much again as a mask that has nothing to do with the query would need.
        fetch = k if matching == self.count else _SPARE_FETCH + 3 * k * self.count // (2 * matching)
        suits = self._clusters is None or matching >= _GRAPH_SHARE * self.count
        if graph is not None and suits and fetch <= _MAX_FETCH:
            return Plan(("graph",), matching, fetch)
        return Plan(("exact" if self._clusters is None else "clusters",), matching)
