"""Metrics: known answers of the field, and a plain oracle for everything else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk.evaluation.beyond import coverage, diversity, mean_popularity, novelty, popularity_bias, taste_vectors
from reco_sdk.evaluation.dataset import make_log
from reco_sdk.evaluation.metrics import CUTOFFS, RANKING, find_hits, ranking_metrics, relevant
from reco_sdk.evaluation.ratings import Confusion, decision_metrics, liked_from, rating_metrics

from . import oracle

N_ITEMS = 30


def padded(lists: list[list[int]], width: int = max(CUTOFFS)) -> np.ndarray:
    rows = np.full((len(lists), width), -1, np.int32)
    for place, row in enumerate(lists):
        rows[place, : len(row)] = row
    return rows


def measure(lists: list[list[int]], targets: list[list[int]]) -> dict[str, list[float]]:
    cases = np.repeat(np.arange(len(targets)), [len(t) for t in targets])
    keys, sizes = relevant(np.concatenate([np.asarray(t, np.int32) for t in targets]), cases, len(targets), N_ITEMS)
    hits = find_hits(padded(lists), keys, N_ITEMS)
    return {name: values.tolist() for name, values in ranking_metrics(hits, sizes).items()}


ITEMS = st.integers(0, N_ITEMS - 1)
CASES = st.lists(
    st.tuples(st.lists(ITEMS, max_size=20, unique=True), st.lists(ITEMS, min_size=1, max_size=25)), min_size=1, max_size=8
)


@given(CASES)
@settings(max_examples=300, deadline=None)
def test_every_metric_is_the_oracle_s(cases):
    measured = measure([rows for rows, _ in cases], [targets for _, targets in cases])
    assert set(measured) == {f"{name}@{k}" for name in RANKING for k in CUTOFFS}
    for place, (rows, targets) in enumerate(cases):
        for k in CUTOFFS:
            for name, value in oracle.ranking(rows, set(targets), k).items():
                assert measured[f"{name}@{k}"][place] == pytest.approx(value, abs=1e-12), (name, k)


def test_a_worked_example():
    # Of [a b c d e], b and e are relevant, and so is one that is not there.
    found = {name: values[0] for name, values in measure([[0, 1, 2, 3, 4]], [[1, 4, 9]]).items()}
    assert found["HitRate@5"] == 1
    assert found["Precision@5"] == 2 / 5
    assert found["Recall@5"] == pytest.approx(2 / 3)
    assert found["F1@5"] == pytest.approx(0.5)
    assert found["MRR@5"] == 1 / 2
    assert found["MAP@5"] == pytest.approx((1 / 2 + 2 / 5) / 3)
    dcg, ideal = 1 / math.log2(3) + 1 / math.log2(6), 1 + 1 / math.log2(3) + 1 / 2
    assert found["NDCG@5"] == pytest.approx(dcg / ideal)


@pytest.mark.parametrize("place", [1, 2, 5, 6, 10, 11, 20])
def test_one_target_at_each_place(place):
    rows = list(range(1, 21))
    found = {name: values[0] for name, values in measure([rows], [[place]]).items()}
    for k in CUTOFFS:
        inside = place <= k
        assert found[f"HitRate@{k}"] == found[f"Recall@{k}"] == float(inside)
        assert found[f"MRR@{k}"] == found[f"MAP@{k}"] == (1 / place if inside else 0)
        assert found[f"NDCG@{k}"] == pytest.approx(1 / math.log2(place + 1) if inside else 0)
        assert found[f"Precision@{k}"] == (1 / k if inside else 0)


def test_the_perfect_and_the_empty_list():
    perfect = measure([list(range(20))], [list(range(20))])
    assert {name for name, values in perfect.items() if values != [1.0]} == {"Recall@5", "F1@5", "Recall@10", "F1@10"}
    assert all(values == [0.0] for values in measure([[]], [[3]]).values())


def test_a_target_that_stands_twice_counts_once():
    assert measure([[1, 2]], [[2, 2, 5]]) == measure([[1, 2]], [[2, 5]])


def test_a_checkerboard():
    # Everybody likes the items of their own colour: a list of these is all right, one of the others all wrong.
    black, white = list(range(0, 20, 2)), list(range(1, 20, 2))
    found = measure([black, white, black, white], [black, black, white, white])
    assert found["Precision@10"] == found["Recall@10"] == found["NDCG@10"] == [1.0, 0.0, 0.0, 1.0]


VECTORS = np.random.default_rng(0).normal(size=(N_ITEMS, 6)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
VECTORS[::7] = 0


@given(
    st.lists(st.lists(ITEMS, max_size=10, unique=True), min_size=1, max_size=6),
    st.lists(st.integers(0, 50), min_size=30, max_size=30),
)
@settings(max_examples=200, deadline=None)
def test_beyond_accuracy_is_the_oracle_s(lists, popularity):
    rows, counts = padded(lists, 10), np.asarray(popularity)
    np.testing.assert_allclose(diversity(rows, VECTORS), [oracle.diversity(row, VECTORS) for row in lists], atol=1e-5)
    np.testing.assert_allclose(novelty(rows, counts), [oracle.novelty(row, popularity) for row in lists], atol=1e-9)
    means = [np.mean([popularity[i] for i in row]) if row else np.nan for row in lists]
    np.testing.assert_allclose(mean_popularity(rows, counts), means)
    assert coverage(rows, N_ITEMS) == pytest.approx(len({item for row in lists for item in row}) / N_ITEMS)


def test_known_diversities():
    axes = np.eye(3, dtype=np.float32)
    assert diversity(np.asarray([[0, 1, 2]], np.int32), axes).tolist() == [1.0]
    same = np.repeat(axes[:1], 3, axis=0)
    assert diversity(np.asarray([[0, 1, 2]], np.int32), same).tolist() == [0.0]
    assert np.isnan(diversity(np.asarray([[0, -1, -1]], np.int32), axes)).all()


def test_popularity_bias_is_neutral_where_lists_are_as_popular_as_choices():
    assert popularity_bias(np.asarray(4.0), np.asarray(4.0)) == 0
    assert popularity_bias(np.asarray(6.0), np.asarray(4.0)) == 0.5
    assert np.isnan(popularity_bias(np.asarray(6.0), np.asarray(0.0)))


def test_taste_vectors_have_the_cosines_of_the_users_sets():
    users, items = np.repeat(np.arange(400), 2), np.tile([0, 1], 400)
    users, items = np.append(users, np.arange(400, 800)), np.append(items, np.full(400, 2))
    log, _ = make_log(
        users.astype(np.int32), items.astype(np.int32), np.arange(len(users)), users, kinds="view_item", n_users=800, n_items=4
    )
    vectors = taste_vectors(log)
    assert vectors[0] @ vectors[1] == pytest.approx(1.0, abs=1e-5)
    assert abs(float(vectors[0] @ vectors[2])) < 0.4
    assert not vectors[3].any()


class TestDecisions:
    def test_the_worked_confusion(self):
        confusion = Confusion(tp=2, fn=1, fp=1, tn=1)
        assert decision_metrics(confusion) == pytest.approx({"accuracy": 0.6, "precision": 2 / 3, "recall": 2 / 3, "F1": 2 / 3})

    def test_the_same_counted_from_decisions(self):
        predicted = np.asarray([True, True, False, True, False])
        actual = np.asarray([True, True, True, False, False])
        assert Confusion.of(predicted, actual) == Confusion(tp=2, fn=1, fp=1, tn=1)

    def test_nothing_decided_is_nothing_divided(self):
        assert decision_metrics(Confusion(0, 0, 0, 0)) == {"accuracy": 0.0, "precision": 0.0, "recall": 0.0, "F1": 0.0}

    @pytest.mark.parametrize(
        ("scale", "liked"),
        [([1, 2, 3, 4, 5], {4, 5}), (range(1, 11), {7, 8, 9, 10}), ([0.5, 3.0, 3.5, 5.0], {3.5, 5.0}), ([0, 1], {1})],
    )
    def test_liked_by_the_scale(self, scale, liked):
        threshold = liked_from(np.asarray(scale, np.float32))
        assert {value for value in scale if value >= threshold} == liked

    def test_errors_of_ratings(self):
        values, names = rating_metrics(np.asarray([4.0, 2.0, 3.0]), np.asarray([5.0, 2.0, 1.0]), 3.5)
        means = dict(zip(names, values.mean(axis=0), strict=True))
        assert means["ae"] == pytest.approx(1.0)
        assert means["se"] ** 0.5 == pytest.approx(math.sqrt(5 / 3))
        assert (means["tp"], means["fn"], means["fp"], means["tn"]) == pytest.approx((1 / 3, 0, 0, 2 / 3))
