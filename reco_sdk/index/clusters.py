"""The cluster index: rows stored cluster by cluster, so that a search reads a few stretches of memory.

It needs nothing but numpy, lives in memory-mapped arrays that all processes share, and filters at no cost, which
are the three things the graph cannot do. It answers until the graph is loaded, and wherever the graph would have to
be asked for too much: filters of middling selectivity, and filters that cut out the query's own neighbourhood.

A search visits clusters in the order in which they promise rows above the ``k``-th score so far, and stops when all
that are left promise less than a hundredth of the answer. What a cluster promises is computed as if the scores of its
rows were normal around the score of its mean: their variance is that of the within-cluster covariance in the
direction of the query, scaled by the cluster's own spread.

References
----------
Jégou, Douze, Schmid: *Product quantization for nearest neighbor search*, IEEE TPAMI 33(1), 2011 (the inverted file,
without its quantizer).
Dhillon, Modha: *Concept decompositions for large sparse text data using clustering*, Machine Learning 42, 2001
(spherical k-means).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import VectorIndexError
from reco_sdk.index._checks import check_k, check_mask, check_query, check_vectors, empty_answer, inner_products, top_k
from reco_sdk.index.exact import score_rows
from reco_sdk.types import BoolMask, Rows, Scores, Vector, Vectors

__all__ = ["ClusterIndex", "ClusterLayout", "cluster_order"]

# clusters = 6 √n. Finer ones foresee better what they hold, which counts where a filter contradicts the query: at 2.5 √n
# such a search read three times as many rows.
_CLUSTERS_PER_ROOT: Final = 6.0
_TRAINING_ROWS_PER_CLUSTER: Final = 32
_BLOCK_ROWS: Final = 8_192
_ARRAYS: Final = ("cluster_offsets", "cluster_means", "cluster_spreads", "cluster_covariance")

# Share of the k best that the clusters left unvisited may be expected to hold.
_TOLERANCE: Final = 0.01
# Looked at before that is believed: near a query the tails are heavier than normal.
_FIRST_CLUSTERS: Final = 80
_FIRST_MATCHES: Final = 512
# Above this share of matching rows a cluster is scored whole; below, its matching rows are gathered.
_DENSE: Final = 0.3


@dataclass(frozen=True, slots=True)
class ClusterLayout:
    """Where the clusters lie once the rows are in cluster order, and how their rows scatter.

    Attributes
    ----------
    offsets
        int64 ``(c + 1,)``: cluster ``i`` holds rows ``offsets[i]`` to ``offsets[i + 1]``, never none.
    means
        float32 ``(c, d)``: mean of each cluster's rows, not normalised.
    spreads
        float32 ``(c,)``: variance of each cluster's rows, summed over the dimensions, over that of all clusters.
    covariance
        float32 ``(d, d)``: pooled within-cluster covariance.
    """

    offsets: npt.NDArray[np.int64]
    means: Vectors
    spreads: npt.NDArray[np.float32]
    covariance: npt.NDArray[np.float32]

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the parts under the names they have in a snapshot."""
        return dict(zip(_ARRAYS, (self.offsets, self.means, self.spreads, self.covariance), strict=True))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> ClusterLayout | None:
        """Return the layout that :meth:`to_arrays` gave, ``None`` when the names are not there."""
        if any(name not in arrays for name in _ARRAYS):
            return None
        return cls(*(arrays[name] for name in _ARRAYS))


def cluster_order(
    vectors: Vectors,
    *,
    clusters: int | None = None,
    iterations: int = 6,
    seed: int = 20_110_101,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[npt.NDArray[np.int64], ClusterLayout]:
    """Cluster unit rows by spherical k-means and say how to put the rows of a cluster beside each other.

    Deterministic for one seed and one number of BLAS threads.

    Parameters
    ----------
    vectors
        Unit rows, float32 ``(n, d)``.
    clusters
        How many; ``None`` for 6 √n, at most a fourth of the rows. Those that end empty are dropped.
    iterations
        Of k-means, over a sample of 32 rows a cluster.
    progress
        Called with (rows done, rows in all) of the final assignment.

    Returns
    -------
    order, layout
        int64 ``(n,)``, a permutation: store ``vectors[order]``, and with it every other column of the catalogue;
        and the layout of the rows so ordered.

    Raises
    ------
    VectorIndexError
        For vectors of another dtype or shape, or that are not finite, and for ``clusters`` < 1.
    """
    vectors = check_vectors(vectors)
    count, dimension = vectors.shape
    wanted = check_k(clusters if clusters is not None else max(1, min(round(_CLUSTERS_PER_ROOT * count**0.5), count // 4)))
    wanted = max(1, min(wanted, count))
    random = np.random.default_rng(seed)
    centroids = _train(vectors, wanted, iterations, random)
    labels = np.empty(count, dtype=np.int64)
    for start in range(0, count, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, count)
        labels[start:stop] = np.argmax(vectors[start:stop] @ centroids.T, axis=1)
        if progress is not None:
            progress(stop, count)
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels, minlength=wanted)
    sizes = sizes[sizes > 0]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return order, _describe(vectors, order, offsets, dimension)


def _train(vectors: Vectors, wanted: int, iterations: int, random: np.random.Generator) -> Vectors:
    count, dimension = vectors.shape
    if count == 0:
        return np.zeros((1, dimension), dtype=np.float32)
    chosen = random.choice(count, size=min(count, wanted * _TRAINING_ROWS_PER_CLUSTER), replace=False)
    sample = vectors[np.sort(chosen)]
    centroids: Vectors = sample[random.choice(len(sample), size=wanted, replace=False)].copy()
    for _ in range(iterations):
        labels = np.empty(len(sample), dtype=np.int64)
        fit = np.empty(len(sample), dtype=np.float32)
        for start in range(0, len(sample), _BLOCK_ROWS):
            products = sample[start : start + _BLOCK_ROWS] @ centroids.T
            labels[start : start + _BLOCK_ROWS] = np.argmax(products, axis=1)
            fit[start : start + _BLOCK_ROWS] = products.max(axis=1)
        order = np.argsort(labels, kind="stable")
        filled, starts = np.unique(labels[order], return_index=True)
        centroids[filled] = np.add.reduceat(sample[order], starts, axis=0)
        empty = np.setdiff1d(np.arange(wanted), filled)
        # An empty cluster starts again at one of the rows that fit worst.
        centroids[empty] = sample[np.argsort(fit, kind="stable")[: len(empty)]]
        norms = np.linalg.norm(centroids, axis=1, keepdims=True)
        np.divide(centroids, norms, out=centroids, where=norms > 0)
    return centroids


def _describe(vectors: Vectors, order: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], dimension: int) -> ClusterLayout:
    clusters = len(offsets) - 1
    means = np.zeros((clusters, dimension), dtype=np.float32)
    scatter = np.zeros(clusters, dtype=np.float64)
    covariance = np.zeros((dimension, dimension), dtype=np.float64)
    for cluster in range(clusters):
        rows = vectors[order[offsets[cluster] : offsets[cluster + 1]]]
        means[cluster] = rows.mean(axis=0)
        residual = rows - means[cluster]
        scatter[cluster] = float(np.einsum("ij,ij->", residual, residual)) / len(rows)
        covariance += residual.T @ residual
    covariance /= max(1, int(offsets[-1]))
    # A cluster of few rows underestimates its own scatter, so it is drawn towards that of all clusters.
    sizes = np.diff(offsets)
    pooled = float(np.trace(covariance))
    shrunk = (scatter * sizes + pooled * 4) / (sizes + 4)
    spreads = shrunk / pooled if pooled > 0 else np.ones(clusters)
    return ClusterLayout(offsets, means, spreads.astype(np.float32), covariance.astype(np.float32))


def _exceedance(z: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the chance that a standard normal number exceeds ``z``, within 0.3 % for ``z`` ≥ 0; a half below.

    Börjesson, Sundberg: *Simple approximations of the error function Q(x)*, IEEE TCOM 27(3), 1979.
    """
    z = np.maximum(z, 0)
    square = z * z
    chance = np.exp(-0.5 * square) / (2.50663 * (0.661 * z + 0.339 * np.sqrt(square + 5.51)))
    return np.asarray(chance, dtype=np.float32)


class ClusterIndex:
    """Search over rows in cluster order.

    Parameters
    ----------
    vectors
        Unit rows in the order of ``layout``, float32 ``(n, d)``, C order; memory-mapped arrays are used in place.
    layout
        From :func:`cluster_order`.
    tolerance
        Share of the answer that may be expected among what is not looked at; smaller is slower.
    finite
        Whether to look for NaN and infinity in ``vectors``.

    Raises
    ------
    VectorIndexError
        When vectors and layout do not belong together.
    """

    def __init__(self, vectors: Vectors, layout: ClusterLayout, *, tolerance: float = _TOLERANCE, finite: bool = True) -> None:
        self._vectors = check_vectors(vectors, finite=finite)
        count, dimension = self._vectors.shape
        clusters = len(layout.means)
        if (
            layout.means.shape != (clusters, dimension)
            or layout.offsets.shape != (clusters + 1,)
            or layout.spreads.shape != (clusters,)
            or layout.covariance.shape != (dimension, dimension)
            or layout.offsets[0] != 0
            or layout.offsets[-1] != count
            or (np.diff(layout.offsets) < 1).any()
        ):
            raise VectorIndexError(f"the clusters are not those of these vectors {self._vectors.shape}; cluster them again")
        self._tolerance = tolerance
        self._offsets = np.asarray(layout.offsets)
        self._sizes = np.diff(self._offsets)
        self._means = np.ascontiguousarray(layout.means)
        self._spreads = np.asarray(layout.spreads)
        self._covariance = np.ascontiguousarray(layout.covariance)

    @property
    def count(self) -> int:
        """How many vectors it holds."""
        return len(self._vectors)

    def search(self, query: Vector, k: int, mask: BoolMask | None = None) -> tuple[Rows, Scores]:
        """Return about the ``k`` best rows by descending score, ties by ascending row; always ``min(k, matching)``.

        Raises
        ------
        VectorIndexError
            For a query of another dimension, a non-finite query, ``k`` < 1, or a mask of another length.
        """
        query = check_query(query, self._vectors.shape[1])
        k = check_k(k)
        mask = check_mask(mask, self.count)
        if self.count == 0:
            return empty_answer()
        # Counted cluster by cluster, because a cluster without matches must cost nothing.
        matches = self._sizes
        if mask is not None:
            matches = np.add.reduceat(mask.view(np.uint8), self._offsets[:-1], dtype=np.int64)
        expected = inner_products(self._means, query)
        variance = max(float(np.dot(query, inner_products(self._covariance, query))), 0.0)
        deviation = np.sqrt(self._spreads * np.float32(variance)) + np.float32(1e-9)
        left = np.flatnonzero(matches)
        rows, scores = empty_answer()
        bar = -np.inf
        # Before the first visit the bar is where the best cluster's mean lies: any will do that orders by promise.
        promise = expected[left] + 2 * deviation[left]
        goal = max(_FIRST_MATCHES, 2 * k)
        spare = 0
        while len(left):
            best = np.argsort(-promise, kind="stable")
            reached = np.cumsum(matches[left[best]])
            taken = int(np.searchsorted(reached, goal)) + 1
            taken = min(taken, len(left) - spare) if len(scores) >= k else max(taken, _FIRST_CLUSTERS)
            visited, left = left[best[:taken]], left[best[taken:]]
            more_rows, more_scores = self._scan(np.sort(visited), matches, query, mask, bar)
            rows, scores = np.concatenate([rows, more_rows]), np.concatenate([scores, more_scores])
            if len(scores) < k:
                promise = expected[left] + 2 * deviation[left]
                continue
            bar = np.partition(scores, len(scores) - k)[len(scores) - k]
            kept = scores >= bar
            rows, scores = rows[kept], scores[kept]
            promise = matches[left] * _exceedance((bar - expected[left]) / deviation[left])
            cheapest = np.sort(promise)
            spare = int(np.searchsorted(np.cumsum(cheapest), self._tolerance * k, side="right"))
            if spare == len(left):
                break
            # Visit what promises most, but raise the bar now and then: it may spare the rest.
            goal *= 8
        return top_k(rows, scores, k)

    def _scan(
        self, clusters: npt.NDArray[np.int64], matches: npt.NDArray[np.int64], query: Vector, mask: BoolMask | None, bar: float
    ) -> tuple[Rows, Scores]:
        """Score the matching rows of some clusters, given ascending; return those that reach the bar."""
        starts, sizes = self._offsets[clusters], self._sizes[clusters]
        ends = np.cumsum(sizes)
        total = int(ends[-1])
        if mask is not None and int(matches[clusters].sum()) < _DENSE * total:
            rows = np.repeat(starts - (ends - sizes), sizes) + np.arange(total)
            rows = rows[mask[rows]]
            return rows.astype(np.int32), score_rows(self._vectors, rows, query)
        scores = np.empty(total, dtype=np.float32)
        end = 0
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
            inner_products(self._vectors[start : start + size], query, scores[end : end + size])
            end += size
        # Few reach the bar, so that only these are looked up.
        places = np.flatnonzero(scores >= bar)
        scores = scores[places]
        cluster = np.searchsorted(ends, places, side="right")
        rows = places + (starts - (ends - sizes))[cluster]
        if mask is not None:
            kept = mask[rows]
            rows, scores = rows[kept], scores[kept]
        return rows.astype(np.int32), scores
