"""What is particular to the graph: files, islands, and a process without hnswlib."""

import sys

import numpy as np
import pytest

from reco_sdk.errors import MissingExtra, VectorIndexError
from reco_sdk.index.hnsw import HnswIndex, hnsw_available
from reco_sdk.testing.index import clustered_vectors

pytest.importorskip("hnswlib")


@pytest.fixture(scope="module")
def vectors():
    return clustered_vectors(2_000)


@pytest.fixture(scope="module")
def graph(vectors):
    return HnswIndex.build(vectors)


@pytest.fixture
def file(graph, tmp_path):
    graph.save(tmp_path / "hnsw.bin")
    return tmp_path / "hnsw.bin"


def test_a_loaded_graph_answers_as_the_saved_one(graph, vectors, file):
    loaded = HnswIndex.load(file, 24)
    assert (loaded.count, loaded.dimension) == (2_000, 24)
    for query in vectors[:20]:
        np.testing.assert_array_equal(loaded.search(query, 10)[0], graph.search(query, 10)[0])


def test_progress_ends_at_all():
    calls = []
    HnswIndex.build(clustered_vectors(5_000, 8), m=4, ef_construction=20, progress=lambda *call: calls.append(call))
    assert calls == sorted(calls)
    assert calls[-1] == (5_000, 5_000)
    assert len(calls) > 1


@pytest.mark.parametrize("dimension", [23, 25, 384, 1])
def test_a_graph_of_another_dimension_is_refused(file, dimension):
    with pytest.raises(VectorIndexError, match="dimension"):
        HnswIndex.load(file, dimension)


def test_a_file_that_is_no_graph_is_refused(file, tmp_path):
    data = file.read_bytes()
    for damaged in (b"", data[:20], data[:5_000], bytes(len(data))):
        (tmp_path / "bad.bin").write_bytes(damaged)
        with pytest.raises(VectorIndexError):
            HnswIndex.load(tmp_path / "bad.bin", 24)
    with pytest.raises(VectorIndexError, match="cannot be read"):
        HnswIndex.load(tmp_path / "missing.bin", 24)


def test_a_graph_that_cannot_be_written_is_a_typed_error(graph, tmp_path):
    with pytest.raises(VectorIndexError, match=r"cannot be written|not written whole"):
        graph.save(tmp_path / "missing" / "hnsw.bin")


def test_rows_in_cluster_order_make_no_islands():
    vectors = clustered_vectors(4_000, 48, topics=200, seed=3)
    topic = np.argmax(vectors @ vectors[:100].T, axis=1)
    vectors = np.ascontiguousarray(vectors[np.argsort(topic, kind="stable")])
    graph = HnswIndex.build(vectors)
    missed = sum(graph.search(vectors[row], 1)[0][0] != row for row in range(0, 4_000, 20))
    assert missed <= 2


def test_it_cannot_grow(graph):
    assert not [name for name in dir(graph) if "add" in name or "resize" in name or "delete" in name]


def test_without_hnswlib_it_says_what_to_install(monkeypatch, vectors, file):
    monkeypatch.setitem(sys.modules, "hnswlib", None)
    for attempt in (lambda: HnswIndex.build(vectors), lambda: HnswIndex.load(file, 24)):
        with pytest.raises(MissingExtra, match=r"pip install 'reco-sdk\[hnsw\]'"):
            attempt()
    assert not hnsw_available()
