"""The graph index: hnswlib behind the :class:`~reco_sdk.ports.VectorIndex` port. The only importer of hnswlib.

References
----------
Malkov, Yashunin: *Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small
World graphs*, IEEE TPAMI 42(4), 2018.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import MissingExtra, VectorIndexError
from reco_sdk.index._checks import check_k, check_mask, check_query, check_vectors, empty_answer, top_k
from reco_sdk.types import BoolMask, Rows, Scores, Vector, Vectors

__all__ = ["HnswIndex", "hnsw_available"]

# hnswlib 0.8 begins a file with: offset of level 0, capacity, count, bytes per element, offset of the label, offset
# of the vector. Read before loading, because hnswlib believes whatever dimension it is told.
_HEADER: Final = struct.Struct("<6Q")
_BUILD_BLOCK: Final = 2_048
_FIRST_FETCH: Final = 64


def hnsw_available() -> bool:
    """Return whether hnswlib is installed; without it callers use the exact index, and say so."""
    return importlib.util.find_spec("hnswlib") is not None


def _hnswlib() -> Any:
    try:
        return importlib.import_module("hnswlib")
    except ImportError as error:
        raise MissingExtra("hnswlib", "hnsw") from error


class HnswIndex:
    """A graph over unit vectors, immutable once built; searches may run in any number of threads.

    hnswlib crashes the process when a graph is resized while it is searched, and its search width ``ef`` is one
    number for the whole object. So there is no way to add to this index, and ``ef`` is set once.

    Use :meth:`build` or :meth:`load`.
    """

    def __init__(self, graph: Any, dimension: int, count: int) -> None:
        self._graph = graph
        self._dimension = dimension
        self._count = count

    @classmethod
    def build(
        cls,
        vectors: Vectors,
        *,
        m: int = 16,
        ef_construction: int = 200,
        ef: int = 100,
        seed: int = 20_180_401,
        threads: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> HnswIndex:
        """Build the graph; minutes for 100,000 rows, so never on the request path or at boot.

        Parameters
        ----------
        vectors
            Unit rows, float32 ``(n, d)``.
        m
            Links a node (``M`` of the paper).
        ef_construction
            Candidates looked at for each insertion.
        ef
            Candidates looked at for each search; larger is slower and finds more.
        seed
            For the levels of the nodes. With more than one thread the links still depend on timing.
        threads
            ``None`` uses every core.
        progress
            Called with (rows done, rows in all).

        Raises
        ------
        MissingExtra
            Without hnswlib.
        VectorIndexError
            For vectors of another dtype or shape, or that are not finite.
        """
        vectors = check_vectors(vectors)
        count, dimension = vectors.shape
        graph = _hnswlib().Index(space="ip", dim=dimension)
        graph.init_index(max_elements=max(count, 1), M=m, ef_construction=ef_construction, random_seed=seed)
        graph.set_ef(ef)
        # Rows that lie in cluster order must not be added in it: clusters would stay islands that no search reaches.
        order = np.random.default_rng(seed).permutation(count)
        for start in range(0, count, _BUILD_BLOCK):
            stop = min(start + _BUILD_BLOCK, count)
            labels = order[start:stop]
            graph.add_items(vectors[labels], labels, num_threads=-1 if threads is None else threads)
            if progress is not None:
                progress(stop, count)
        return cls(graph, dimension, count)

    @classmethod
    def load(cls, path: str | os.PathLike[str], dimension: int, *, ef: int = 100) -> HnswIndex:
        """Read a graph that :meth:`save` wrote. Verify the file's checksum first: hnswlib trusts what it reads.

        Raises
        ------
        MissingExtra
            Without hnswlib.
        VectorIndexError
            When the file is missing, no graph, or of another dimension.
        """
        file = Path(path)
        try:
            with file.open("rb") as stream:
                head = stream.read(_HEADER.size)
            size = file.stat().st_size
        except OSError as error:
            raise VectorIndexError(f"the graph {file} cannot be read: {error}") from error
        if len(head) < _HEADER.size:
            raise VectorIndexError(f"{file} is too short to be a graph")
        _, capacity, count, element_bytes, label_offset, vector_offset = _HEADER.unpack(head)
        if label_offset - vector_offset != 4 * dimension:
            raise VectorIndexError(f"the graph {file} does not hold vectors of dimension {dimension}")
        if not count <= capacity or size < capacity * element_bytes:
            raise VectorIndexError(f"the graph {file} is truncated")
        graph = _hnswlib().Index(space="ip", dim=dimension)
        try:
            graph.load_index(str(file), max_elements=0)
        except RuntimeError as error:
            raise VectorIndexError(f"{file} is no graph: {error}") from error
        graph.set_ef(ef)
        return cls(graph, dimension, int(count))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the graph to one file.

        Raises
        ------
        VectorIndexError
            When it could not be written whole: hnswlib itself does not look, so a full disk shows only in the size.
        """
        file = Path(path)
        try:
            self._graph.save_index(str(file))
            written = file.stat().st_size
        except (RuntimeError, OSError) as error:
            raise VectorIndexError(f"the graph cannot be written to {file}: {error}") from error
        expected = self._graph.index_file_size()
        if written != expected:
            raise VectorIndexError(f"the graph was not written whole to {file}: {written} of {expected} bytes; make room")

    @property
    def count(self) -> int:
        """How many vectors it holds."""
        return self._count

    @property
    def dimension(self) -> int:
        """Length ``d`` of every vector."""
        return self._dimension

    def search(self, query: Vector, k: int, mask: BoolMask | None = None) -> tuple[Rows, Scores]:
        """Return about the ``k`` best rows by descending score, ties by ascending row.

        With a mask it fetches more than ``k``, doubling until enough of them match. What the graph cannot give (few
        matches, a ``k`` near the count, nodes that no path reaches) is scored exactly.
        :class:`~reco_sdk.index.planner.PlannedIndex` chooses better.

        Raises
        ------
        VectorIndexError
            For a query of another dimension, a non-finite query, ``k`` < 1, or a mask of another length.
        """
        query = check_query(query, self._dimension)
        k = check_k(k)
        mask = check_mask(mask, self._count)
        matching = self._count if mask is None else int(np.count_nonzero(mask))
        k = min(k, matching)
        if k == 0:
            return empty_answer()
        fetch = k if mask is None else max(_FIRST_FETCH, k * self._count // matching)
        while 4 * fetch <= self._count or fetch <= _FIRST_FETCH:
            rows, scores = self.nearest(query, fetch)
            if len(rows) < min(fetch, self._count):
                break
            if mask is not None:
                kept = mask[rows]
                rows, scores = rows[kept], scores[kept]
            if len(rows) >= k:
                return rows[:k], scores[:k]
            if fetch >= self._count:
                break
            fetch *= 2
        return self._exact(query, k, mask)

    def nearest(self, query: Vector, k: int) -> tuple[Rows, Scores]:
        """Ask the graph once, unfiltered; ``query`` and ``k`` are taken as checked.

        Returns
        -------
        rows, scores
            Shape ``(min(k, count),)``, descending; shorter, even empty, when the graph cannot reach that many nodes.
        """
        if self._count == 0:
            return empty_answer()
        try:
            labels, distances = self._graph.knn_query(query, k=min(k, self._count), num_threads=1)
        except RuntimeError:
            # "Cannot return the results in a contiguous 2D array": fewer nodes could be reached than were asked for.
            return empty_answer()
        return top_k(labels[0], np.float32(1) - distances[0], k)

    def nearest_many(self, queries: Vectors, k: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]] | None:
        """Ask the graph for many queries with all cores; for building, not for serving.

        Returns
        -------
        rows, scores
            int32 and float32 ``(len(queries), k)``, descending by score; ``None`` when some answer would be shorter.
        """
        try:
            labels, distances = self._graph.knn_query(queries, k=k, num_threads=-1)
        except RuntimeError:
            return None
        return labels.astype(np.int32), np.float32(1) - distances

    def _exact(self, query: Vector, k: int, mask: BoolMask | None) -> tuple[Rows, Scores]:
        rows = np.arange(self._count) if mask is None else np.flatnonzero(mask)
        vectors = np.asarray(self._graph.get_items(rows, return_type="numpy"), dtype=np.float32)
        return top_k(rows, vectors @ query, k)
