"""What every vector index does, as tests: subclass, say how to build one, and collect the class with pytest.

::

    class TestMine(VectorIndexContract):
        def build(self, vectors):
            return MyIndex(vectors)

Answers are held against :class:`~reco_sdk.index.exact.ExactIndex`, itself held against a plain sort here.
"""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, Final

import numpy as np
import pytest

from reco_sdk.errors import VectorIndexError
from reco_sdk.ports import VectorIndex
from reco_sdk.types import BoolMask, Rows, Scores, Vector, Vectors

__all__ = ["VectorIndexContract", "clustered_vectors", "exact_answer", "recall"]

DIMENSION: Final = 24


def clustered_vectors(count: int, dimension: int = DIMENSION, *, topics: int = 20, seed: int = 0) -> Vectors:
    """Return unit rows that lie around ``topics`` centres, float32 ``(count, dimension)``."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((topics, dimension))
    rows = centres[random.integers(topics, size=count)] + 0.6 * random.standard_normal((count, dimension))
    unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def exact_answer(vectors: Vectors, query: Vector, k: int, mask: BoolMask | None = None) -> tuple[Rows, Scores]:
    """Return what any index ought to answer, by sorting everything in float64."""
    scores = vectors.astype(np.float64) @ query.astype(np.float64)
    rows = np.arange(len(vectors)) if mask is None else np.flatnonzero(mask)
    rows = rows[np.lexsort((rows, -scores[rows]))][:k]
    return rows.astype(np.int32), scores[rows].astype(np.float32)


def recall(vectors: Vectors, query: Vector, rows: Rows, right: Rows) -> float:
    """Return which share of the right answer was found; a row that ties with the worst right one counts."""
    if len(right) == 0:
        return 1.0
    scores = vectors.astype(np.float64) @ query.astype(np.float64)
    return float(np.mean(scores[rows] >= scores[right[-1]] - 1e-6))


class VectorIndexContract:
    """Behaviour of :class:`reco_sdk.ports.VectorIndex`."""

    least_recall: ClassVar[float] = 0.99
    """Mean recall@10 that must be reached; 1.0 for an index that claims to be exact."""

    @abstractmethod
    def build(self, vectors: Vectors) -> VectorIndex:
        """Return an index over ``vectors``, float32 ``(n, d)``, ``n`` ≥ 0."""

    _built: ClassVar[VectorIndex | None] = None

    @pytest.fixture
    def vectors(self) -> Vectors:
        return clustered_vectors(3_000)

    @pytest.fixture
    def index(self, vectors: Vectors) -> VectorIndex:
        cls = type(self)
        if cls._built is None:
            cls._built = self.build(vectors)
        return cls._built

    @pytest.fixture
    def queries(self) -> Vectors:
        return clustered_vectors(30, seed=0)

    def test_it_is_a_vector_index(self, index: VectorIndex, vectors: Vectors) -> None:
        assert index.count == len(vectors)

    @pytest.mark.parametrize("k", [1, 10, 50])
    def test_it_finds_the_nearest(self, index: VectorIndex, vectors: Vectors, queries: Vectors, k: int) -> None:
        found = []
        for query in queries:
            rows, scores = index.search(query, k)
            right, _ = exact_answer(vectors, query, k)
            assert len(rows) == k
            np.testing.assert_allclose(scores, vectors[rows] @ query, atol=1e-5)
            found.append(recall(vectors, query, rows, right))
        assert np.mean(found) >= self.least_recall

    @pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.5, 1.0])
    @pytest.mark.parametrize("kind", ["random", "near", "far", "hole"])
    def test_a_filter_of_any_share_is_met(
        self, index: VectorIndex, vectors: Vectors, queries: Vectors, share: float, kind: str
    ) -> None:
        """Masks that have nothing to do with the query, agree with it, contradict it, and cut its neighbourhood out."""
        random = np.random.default_rng(7)
        found = []
        for query in queries:
            mask = related_mask(vectors, query, share, kind, random)
            rows, scores = index.search(query, 10, mask)
            right, _ = exact_answer(vectors, query, 10, mask)
            assert len(rows) == len(scores) == min(10, np.count_nonzero(mask))
            assert mask[rows].all()
            found.append(recall(vectors, query, rows, right))
        assert np.mean(found) >= self.least_recall

    def test_answers_are_ordered_typed_and_free_of_repeats(self, index: VectorIndex, queries: Vectors) -> None:
        for query in queries:
            rows, scores = index.search(query, 40)
            assert rows.dtype == np.int32
            assert scores.dtype == np.float32
            assert len(set(rows.tolist())) == len(rows)
            order = np.lexsort((rows, -scores))
            assert (order == np.arange(len(rows))).all()

    @pytest.mark.parametrize("k", [2_999, 3_000, 3_001, 10**6])
    def test_more_than_there_is_gives_all_there_is(self, index: VectorIndex, vectors: Vectors, queries: Vectors, k: int) -> None:
        rows, _ = index.search(queries[0], k)
        assert len(rows) == min(k, len(vectors))
        mask = np.zeros(len(vectors), dtype=bool)
        mask[[5, 17, 2_000]] = True
        assert sorted(index.search(queries[0], k, mask)[0].tolist()) == [5, 17, 2_000]

    def test_equal_scores_come_by_ascending_row(self) -> None:
        vectors = np.zeros((40, DIMENSION), dtype=np.float32)
        vectors[np.arange(40), np.arange(40) % 4] = 1.0
        query = vectors[2]
        rows, scores = self.build(vectors).search(query, 10)
        assert rows.tolist() == list(range(2, 40, 4))
        assert (scores == 1.0).all()

    def test_an_empty_index_answers_with_nothing(self, queries: Vectors) -> None:
        index = self.build(np.empty((0, DIMENSION), dtype=np.float32))
        assert index.count == 0
        for mask in (None, np.empty(0, dtype=bool)):
            rows, scores = index.search(queries[0], 10, mask)
            assert len(rows) == len(scores) == 0
            assert rows.dtype == np.int32
            assert scores.dtype == np.float32

    def test_an_index_of_one_answers_with_it(self, queries: Vectors) -> None:
        rows, scores = self.build(queries[:1]).search(queries[0], 10)
        assert rows.tolist() == [0]
        assert scores[0] == pytest.approx(1, abs=1e-5)

    @pytest.mark.parametrize("k", [0, -1, -(10**6)])
    def test_it_refuses_to_return_fewer_than_one(self, index: VectorIndex, queries: Vectors, k: int) -> None:
        with pytest.raises(VectorIndexError, match="at least 1"):
            index.search(queries[0], k)

    def test_it_refuses_another_dimension(self, index: VectorIndex) -> None:
        for shape in ((DIMENSION + 1,), (DIMENSION - 1,), (1, DIMENSION), (0,)):
            with pytest.raises(VectorIndexError, match="shape"):
                index.search(np.ones(shape, dtype=np.float32), 3)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_it_refuses_a_query_that_is_not_finite(self, index: VectorIndex, queries: Vectors, bad: float) -> None:
        query = queries[0].copy()
        query[3] = bad
        with pytest.raises(VectorIndexError, match="finite"):
            index.search(query, 3)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_it_refuses_vectors_that_are_not_finite(self, vectors: Vectors, bad: float) -> None:
        damaged = vectors[:100].copy()
        damaged[42, 7] = bad
        with pytest.raises(VectorIndexError, match="42"):
            self.build(damaged)

    def test_it_refuses_a_mask_of_another_length_or_dtype(self, index: VectorIndex, queries: Vectors) -> None:
        for mask in (np.ones(2_999, dtype=bool), np.ones(3_001, dtype=bool), np.ones((3_000, 1), dtype=bool), np.ones(3_000)):
            with pytest.raises(VectorIndexError, match="mask"):
                index.search(queries[0], 3, mask)  # type: ignore[arg-type]

    def test_it_leaves_query_and_mask_as_they_were(self, index: VectorIndex, vectors: Vectors, queries: Vectors) -> None:
        query, mask = queries[0].copy(), np.arange(len(vectors)) % 3 == 0
        before = query.copy(), mask.copy()
        index.search(query, 10, mask)
        np.testing.assert_array_equal(query, before[0])
        np.testing.assert_array_equal(mask, before[1])

    def test_threads_get_the_answers_that_one_gets(self, index: VectorIndex, vectors: Vectors, queries: Vectors) -> None:
        masks = [None, np.arange(len(vectors)) % 2 == 0, np.arange(len(vectors)) % 50 == 0]
        jobs = [(query, k, mask) for query in queries for k in (3, 200) for mask in masks]
        alone = [index.search(*job) for job in jobs]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda job: index.search(*job), jobs * 2))
        for (rows, _), (others, _) in zip(alone * 2, together, strict=True):
            np.testing.assert_array_equal(rows, others)


def related_mask(vectors: Vectors, query: Vector, share: float, kind: str, random: np.random.Generator) -> BoolMask:
    """Return a mask over ``share`` of the rows.

    Parameters
    ----------
    vectors, query
        What is searched, and for what.
    share
        Of the rows, in [0, 1].
    kind
        ``"random"``; ``"near"``, the most similar rows; ``"far"``, the least similar; ``"hole"``, at random but
        for the tenth that is most similar.
    random
        Where chance comes from.
    """
    count = len(vectors)
    size = round(share * count)
    nearest = np.argsort(-(vectors @ query), kind="stable")
    chosen = {
        "random": random.permutation(count),
        "near": nearest,
        "far": nearest[::-1],
        "hole": random.permutation(nearest[min(count // 10, count - size) :]),
    }[kind][:size]
    mask = np.zeros(count, dtype=bool)
    mask[chosen] = True
    return mask
