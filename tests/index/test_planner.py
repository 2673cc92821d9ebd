"""Which index answers which query, and neighbour rows and clusters against the exact answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk.errors import VectorIndexError
from reco_sdk.index import neighbours
from reco_sdk.index.clusters import ClusterIndex, ClusterLayout, cluster_order
from reco_sdk.index.exact import ExactIndex
from reco_sdk.index.hnsw import HnswIndex
from reco_sdk.index.neighbours import neighbour_rows
from reco_sdk.index.planner import PlannedIndex
from reco_sdk.testing.index import clustered_vectors, exact_answer, related_mask

COUNT = 4_000


@pytest.fixture(scope="module")
def ordered():
    vectors = clustered_vectors(COUNT, 32, topics=80)
    order, layout = cluster_order(vectors)
    return np.ascontiguousarray(vectors[order]), layout


@pytest.fixture(scope="module")
def graph(ordered):
    pytest.importorskip("hnswlib")
    return HnswIndex.build(ordered[0])


def test_small_catalogues_and_few_matches_are_exact(ordered, graph):
    vectors, layout = ordered
    assert PlannedIndex(vectors, hnsw=graph, clusters=layout).plan(10).steps == ("exact",)
    index = PlannedIndex(vectors, hnsw=graph, clusters=layout, exact_limit=0, exact_matches=100)
    few = np.arange(COUNT) < 100
    assert index.plan(10, few).steps == ("exact",)
    assert index.plan(10, np.zeros(COUNT, dtype=bool)).steps == ("none",)
    assert index.plan(COUNT // 2).steps == ("exact",)


def test_the_graph_answers_where_most_rows_match(ordered, graph):
    vectors, layout = ordered
    index = PlannedIndex(vectors, hnsw=graph, clusters=layout, exact_limit=0, exact_matches=100)
    assert index.plan(10).steps == ("graph",)
    most = np.arange(COUNT) % 20 != 0
    assert index.search_explained(vectors[0], 10, most)[2].steps == ("graph",)


def test_clusters_answer_where_few_match_or_the_filter_contradicts_the_query(ordered, graph):
    vectors, layout = ordered
    index = PlannedIndex(vectors, hnsw=graph, clusters=layout, exact_limit=0, exact_matches=100)
    random = np.random.default_rng(0)
    assert index.plan(10, related_mask(vectors, vectors[0], 0.1, "random", random)).steps == ("clusters",)
    assert index.plan(10, related_mask(vectors, vectors[0], 0.5, "far", random)).steps == ("clusters",)


def test_an_answer_that_falls_short_is_asked_for_again(ordered, graph):
    vectors, _ = ordered
    mask = related_mask(vectors, vectors[0], 0.5, "far", np.random.default_rng(0))
    rows, _, plan = PlannedIndex(vectors, hnsw=graph, exact_limit=0, exact_matches=100).search_explained(vectors[0], 10, mask)
    assert plan.steps == ("graph", "exact")
    np.testing.assert_array_equal(rows, exact_answer(vectors, vectors[0], 10, mask)[0])


def test_the_graph_joins_once_it_is_loaded(ordered, graph):
    vectors, layout = ordered
    loaded = []
    index = PlannedIndex(vectors, hnsw=lambda: loaded[0] if loaded else None, clusters=layout, exact_limit=0)
    assert index.plan(10).steps == ("clusters",)
    loaded.append(graph)
    assert index.plan(10).steps == ("graph",)


def test_parts_that_do_not_belong_together_are_refused(ordered, graph):
    vectors, layout = ordered
    with pytest.raises(VectorIndexError, match="graph holds"):
        PlannedIndex(vectors[:-1], hnsw=graph)
    with pytest.raises(VectorIndexError, match="clusters are not those"):
        PlannedIndex(vectors[:-1], clusters=layout)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 300), st.floats(0, 1), st.sampled_from(["random", "near", "far", "hole"]))
def test_any_mask_and_k_are_met(ordered, seed, k, share, kind):
    vectors, layout = ordered
    random = np.random.default_rng(seed)
    query = random.standard_normal(32).astype(np.float32)
    mask = related_mask(vectors, query, share, kind, random)
    for index in (ExactIndex(vectors), ClusterIndex(vectors, layout), PlannedIndex(vectors, clusters=layout, exact_limit=0)):
        rows, scores = index.search(query, k, mask)
        assert len(rows) == len(set(rows.tolist())) == min(k, np.count_nonzero(mask))
        assert mask[rows].all()
        np.testing.assert_allclose(scores, vectors[rows] @ query, rtol=1e-4, atol=1e-4)
        assert (np.diff(scores) <= 0).all()


def test_cluster_order_is_a_repeatable_permutation_that_brings_like_together():
    vectors = clustered_vectors(3_000)
    calls = []
    order, layout = cluster_order(vectors, progress=lambda *call: calls.append(call))
    again, _ = cluster_order(vectors)
    np.testing.assert_array_equal(order, again)
    assert sorted(order.tolist()) == list(range(3_000))
    assert calls[-1] == (3_000, 3_000)
    inside = [vectors[order[a:b]].mean(axis=0) for a, b in zip(layout.offsets, layout.offsets[1:], strict=False)]
    np.testing.assert_allclose(layout.means, inside, atol=1e-6)
    assert np.linalg.norm(layout.means, axis=1).mean() > 0.7


def test_a_layout_survives_its_arrays():
    _, layout = cluster_order(clustered_vectors(500))
    again = ClusterLayout.from_arrays(layout.to_arrays())
    for name, values in layout.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], values)
    assert ClusterLayout.from_arrays({}) is None


@pytest.mark.parametrize("vectors", [np.ones((50, 3), "f4"), np.zeros((50, 3), "f4"), np.ones((1, 3), "f4")])
def test_clusters_of_equal_rows(vectors):
    order, layout = cluster_order(vectors)
    rows, _ = ClusterIndex(vectors[order], layout).search(np.ones(3, "f4"), 7)
    assert len(rows) == min(7, len(vectors))


@pytest.mark.parametrize("vectors", [np.ones((3, 3)), np.ones(3, "f4"), np.ones((3, 4), "f4").T, np.ones((3, 0), "f4"), "text"])
def test_vectors_of_another_dtype_shape_or_order_are_refused(vectors):
    with pytest.raises(VectorIndexError):
        ExactIndex(vectors)


@pytest.mark.parametrize("query", ["text", None, [object()]])
def test_a_query_that_is_no_vector_is_refused(query):
    with pytest.raises(VectorIndexError):
        ExactIndex(np.eye(3, dtype="f4")).search(query, 1)


@pytest.mark.parametrize("k", [1.5, "3", None])
def test_a_k_that_is_no_integer_is_refused(k):
    with pytest.raises(VectorIndexError, match="integer"):
        ExactIndex(np.eye(3, dtype="f4")).search(np.ones(3, "f4"), k)


@pytest.mark.parametrize("k", [1, 7, 50])
def test_neighbour_rows_are_the_exact_ones(k):
    vectors = clustered_vectors(700)
    rows, scores = neighbour_rows(vectors, k)
    assert (rows.dtype, scores.dtype, rows.shape, scores.shape) == (np.int32, np.float32, (700, k), (700, k))
    for row in range(0, 700, 50):
        mask = np.arange(700) != row
        np.testing.assert_array_equal(rows[row], exact_answer(vectors, vectors[row], k, mask)[0])


def test_neighbour_rows_from_the_graph_are_nearly_the_exact_ones(ordered, graph, monkeypatch):
    vectors, _ = ordered
    right, _ = neighbour_rows(vectors, 10)
    monkeypatch.setattr(neighbours, "EXACT_NEIGHBOURS_LIMIT", 100)
    calls = []
    rows, scores = neighbour_rows(vectors, 10, index=graph, progress=lambda *call: calls.append(call))
    assert np.mean([np.isin(a, b).mean() for a, b in zip(rows, right, strict=True)]) > 0.95
    assert (rows != np.arange(COUNT)[:, None]).all()
    assert (np.diff(scores, axis=1) <= 0).all()
    assert calls[-1] == (COUNT, COUNT)


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_neighbour_rows_are_padded_at_the_end(count):
    rows, scores = neighbour_rows(np.eye(max(count, 1), dtype=np.float32)[:count], 5)
    others = max(count - 1, 0)
    assert (rows[:, others:] == -1).all()
    assert np.isneginf(scores[:, others:]).all()
    assert (rows[:, :others] >= 0).all()


def test_duplicates_are_neighbours_but_never_the_row_itself():
    rows, scores = neighbour_rows(np.ones((60, 1), dtype=np.float32), 5)
    assert (rows != np.arange(60)[:, None]).all()
    assert (scores == 1).all()


def test_an_index_of_other_vectors_is_refused(graph):
    with pytest.raises(VectorIndexError, match="not these"):
        neighbour_rows(clustered_vectors(50), 5, index=graph)
