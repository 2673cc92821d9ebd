"""Factors, item-based and user-based neighbours, the item matrix: against what they stand for, and by eye."""

from __future__ import annotations

import numpy as np
import pytest

from reco_sdk.evaluation.dataset import make_log
from reco_sdk.sources.history import History
from reco_sdk.sources.item_matrix import ItemMatrix
from reco_sdk.training import linear
from reco_sdk.training.factors import fit_factors
from reco_sdk.training.item_cf import fit_item_cf
from reco_sdk.training.linear import fit_linear, linear_weights
from reco_sdk.training.model import Items, Log
from reco_sdk.training.user_neighbours import fit_user_knn


def log_of(matrix: np.ndarray) -> Log:
    users, items = (part.astype(np.int32) for part in np.nonzero(matrix))
    times = np.arange(len(users), dtype=float)
    log, _ = make_log(users, items, times, users, kinds="view_item", n_users=matrix.shape[0], n_items=matrix.shape[1])
    return log


def twice(log: Log) -> Log:
    both = np.r_[np.arange(len(log)), np.arange(len(log))]
    out, _ = make_log(
        log.users[both],
        log.items[both],
        log.times[both],
        log.sessions[both],
        kinds="view_item",
        n_users=log.n_users,
        n_items=log.n_items,
    )
    return out


def checkerboard() -> np.ndarray:
    matrix = np.add.outer(np.arange(12), np.arange(8)) % 2 == 0
    matrix[0, [4, 6]] = False
    return matrix


@pytest.mark.parametrize("fit", [fit_factors, fit_item_cf, fit_user_knn, fit_linear])
def test_a_checkerboard_is_seen(fit):
    model = fit(log_of(checkerboard()), Items(8))
    history = np.asarray([0, 2], np.int32)
    mask = np.ones(8, np.bool_)
    mask[history] = False
    assert sorted(model.scores(history, np.arange(2.0), 2, mask).rows.tolist()) == [4, 6]


@pytest.mark.parametrize("fit", [fit_factors, fit_item_cf, fit_user_knn])
def test_twice_is_once(fit):
    log = log_of(np.random.default_rng(3).random((9, 5)) < 0.5)
    history = np.asarray([1, 2], np.int32)
    once, again = (fit(part, Items(5)).scores(history, np.arange(2.0), 5) for part in (log, twice(log)))
    assert once.rows.tolist() == again.rows.tolist()
    np.testing.assert_allclose(once.scores, again.scores, rtol=1e-5)


def test_each_side_of_the_factors_minimises_what_it_should():
    matrix = (np.random.default_rng(1).random((40, 7)) < 0.4).astype(float)
    model = fit_factors(log_of(matrix), Items(7), factors=3, confidence=2.0, ridge=0.5, rounds=4)
    vectors = model.items.astype(float)
    chosen = np.asarray([0, 3], np.int32)
    weights = np.ones(7)
    weights[chosen] += 2.0
    wanted = np.zeros(7)
    wanted[chosen] = 1.0
    ridge = 0.5 * np.sqrt(2 + 0.01 * (matrix.sum(axis=0) > 0).sum())
    by_hand = np.linalg.solve(vectors.T @ (weights[:, None] * vectors) + ridge * np.eye(3), vectors.T @ (weights * wanted))
    np.testing.assert_allclose(model.vector(chosen), by_hand, rtol=1e-5)


def test_rows_of_any_length_are_solved_alike():
    # One user with all items beside many with one each: solved together or alone, the same.
    matrix = np.eye(60, 40) + 0
    matrix[0] = 1
    log = log_of(matrix)
    model, again = fit_factors(log, Items(40), rounds=2), fit_factors(log, Items(40), rounds=2)
    np.testing.assert_array_equal(model.items, again.items)
    assert np.isfinite(model.items).all()


def test_items_nobody_chose_have_no_factors():
    matrix = np.ones((6, 4))
    matrix[:, 3] = 0
    model = fit_factors(log_of(matrix), Items(4))
    assert not model.items[3].any()
    assert 3 not in model.propose(History.of(np.asarray([0], np.int32), np.zeros(1))).rows


def test_the_cosine_of_users_by_hand():
    # Users chose {0, 1}, {0, 1}, {0, 2}: of equal length, so that weighing them changes nothing.
    model = fit_item_cf(log_of(np.asarray([[1, 1, 0], [1, 1, 0], [1, 0, 1]])), Items(3))
    found = model.scores(np.asarray([0], np.int32), np.zeros(1), 5)
    assert found.rows.tolist() == [1, 2]
    np.testing.assert_allclose(found.scores, [2 / np.sqrt(3 * 2), 1 / np.sqrt(3)], rtol=1e-6)


def test_near_users_vote_by_hand():
    model = fit_user_knn(log_of(np.asarray([[1, 1, 1, 0], [0, 1, 0, 1]])), Items(4))
    found = model.scores(np.asarray([0, 1], np.int32), np.arange(2.0), 5, np.asarray([False, False, True, True]))
    near = np.asarray([2 / np.sqrt(3 * 2), 1 / np.sqrt(2 * 2)])
    assert found.rows.tolist() == [2, 3]
    np.testing.assert_allclose(found.scores, near / near.sum(), rtol=1e-6)


def test_a_small_catalogue_keeps_every_weight(monkeypatch):
    log = log_of(np.random.default_rng(5).random((30, 6)) < 0.5)
    whole = fit_linear(log, Items(6))
    assert isinstance(whole, ItemMatrix)
    history = History.of(np.asarray([2, 4], np.int32), np.arange(2.0))
    told = whole.propose(history)
    np.testing.assert_allclose(told.columns[0], linear_weights(log)[[4, 2]].sum(axis=0), rtol=1e-5)
    monkeypatch.setattr(linear, "DENSE_ITEMS", 5)
    rows = fit_linear(log, Items(6)).propose(history)
    assert (np.bincount(rows.rows, rows.columns[0], 6) >= 0).all()
