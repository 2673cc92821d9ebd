"""Every index of the package under the same tests."""

import numpy as np
import pytest

from reco_sdk.index.clusters import ClusterIndex, cluster_order
from reco_sdk.index.exact import ExactIndex
from reco_sdk.index.hnsw import HnswIndex, hnsw_available
from reco_sdk.index.planner import PlannedIndex
from reco_sdk.testing.index import VectorIndexContract

needs_hnswlib = pytest.mark.skipif(not hnsw_available(), reason="hnswlib is not installed")


class InOriginalOrder:
    """A cluster index whose rows are named as they were before they were ordered."""

    def __init__(self, vectors, make):
        self.order, layout = cluster_order(vectors)
        self.index = make(np.ascontiguousarray(vectors[self.order]), layout)

    @property
    def count(self):
        return self.index.count

    def search(self, query, k, mask=None):
        if isinstance(mask, np.ndarray) and mask.shape == self.order.shape:
            mask = mask[self.order]
        rows, scores = self.index.search(query, k, mask)
        rows = self.order[rows].astype(np.int32)
        again = np.lexsort((rows, -scores))
        return rows[again], scores[again]


class TestExact(VectorIndexContract):
    least_recall = 1.0

    def build(self, vectors):
        return ExactIndex(vectors)


@needs_hnswlib
class TestHnsw(VectorIndexContract):
    def build(self, vectors):
        return HnswIndex.build(vectors)


class TestClusters(VectorIndexContract):
    def build(self, vectors):
        return InOriginalOrder(vectors, ClusterIndex)


class TestPlannedExact(VectorIndexContract):
    least_recall = 1.0

    def build(self, vectors):
        return PlannedIndex(vectors)


class TestPlannedClusters(VectorIndexContract):
    def build(self, vectors):
        return InOriginalOrder(vectors, lambda rows, layout: PlannedIndex(rows, clusters=layout, exact_limit=0, exact_matches=20))


@needs_hnswlib
class TestPlannedGraph(VectorIndexContract):
    def build(self, vectors):
        return PlannedIndex(vectors, hnsw=HnswIndex.build(vectors), exact_limit=0, exact_matches=20)


@needs_hnswlib
class TestPlannedEverything(VectorIndexContract):
    def build(self, vectors):
        def make(rows, layout):
            graph = HnswIndex.build(rows)
            return PlannedIndex(rows, hnsw=lambda: graph, clusters=layout, exact_limit=0, exact_matches=20)

        return InOriginalOrder(vectors, make)
