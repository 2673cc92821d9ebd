"""Models of ratings: the worked numbers of the field."""

from __future__ import annotations

import numpy as np
import pytest

from reco_sdk.evaluation.dataset import make_log
from reco_sdk.evaluation.rating_models import BiasedFactors, fit_biased_factors, fit_item_neighbours, fit_user_neighbours
from reco_sdk.training.model import Items

# Alice and four others (Jannach, Zanker, Felfernig, Friedrich: Recommender Systems, 2010, chapter 2); 0 is missing.
ALICE = np.asarray([[5, 3, 4, 4, 0], [3, 1, 2, 3, 3], [4, 3, 4, 3, 5], [3, 3, 1, 5, 4], [1, 5, 5, 2, 1]])


def log_of(matrix):
    users, items = np.nonzero(matrix)
    ratings = matrix[users, items].astype(np.float32)
    order = np.arange(len(users), dtype=np.float64)
    n_users, n_items = matrix.shape
    log, _ = make_log(
        users.astype(np.int32),
        items.astype(np.int32),
        order,
        users,
        kinds="rate",
        n_users=n_users,
        n_items=n_items,
        ratings=ratings,
    )
    return log, Items(n_items)


class TestUserNeighbours:
    def test_alice_by_hand(self):
        model = fit_user_neighbours(*log_of(ALICE), k=2, shrinkage=0)
        # Over the four items that both rated: (3/4 + 5/4) / sqrt(2 · 11/4), and (1/2 + 1/2) / sqrt(2 · 1).
        first, second = 2 / np.sqrt(2 * 2.75), 1 / np.sqrt(2)
        assert model.similarity[0, 1:].tolist() == pytest.approx([first, second, 0.0, -0.7921], abs=1e-4)
        assert (first, second) == pytest.approx((0.85, 0.71), abs=0.005)
        # Alice's mean is 4; the two gave 3 and 5, their means being 2.4 and 3.8.
        by_hand = 4 + (first * (3 - 2.4) + second * (5 - 3.8)) / (first + second)
        assert model.predict(0, 4) == pytest.approx(by_hand)
        assert by_hand == pytest.approx(4.87, abs=0.005)

    def test_nobody_alike_leaves_the_mean(self):
        matrix = np.asarray([[5, 1, 0], [0, 0, 3]])
        assert fit_user_neighbours(*log_of(matrix)).predict(0, 2) == 3.0

    def test_little_in_common_counts_less(self):
        log = log_of(ALICE)
        sure, doubtful = fit_user_neighbours(*log, shrinkage=0), fit_user_neighbours(*log, shrinkage=4)
        assert doubtful.similarity[0, 1] == pytest.approx(sure.similarity[0, 1] * 4 / 8)


class TestItemNeighbours:
    def test_alice_by_hand(self):
        model = fit_item_neighbours(*log_of(ALICE), shrinkage=0)
        # The others' ratings less their means 2.4, 3.8, 3.2, 2.8; of the four items, the first and the fourth are alike.
        fifth = np.asarray([0.6, 1.2, 0.8, -1.8])
        first, fourth = np.asarray([0.6, 0.2, -0.2, -1.8]), np.asarray([0.6, -0.8, 1.8, -0.8])
        cosines = [a @ fifth / np.sqrt((a @ a) * (fifth @ fifth)) for a in (first, fourth)]
        assert model.similarity[4, [0, 3]].tolist() == pytest.approx(cosines)
        assert cosines == pytest.approx([0.80, 0.43], abs=0.01)
        assert (model.similarity[4, [1, 2]] < 0).all()
        by_hand = (cosines[0] * 5 + cosines[1] * 4) / sum(cosines)
        assert model.predict(0, 4) == pytest.approx(by_hand)
        assert by_hand == pytest.approx(4.65, abs=0.005)

    def test_nothing_alike_leaves_the_users_mean(self):
        matrix = np.asarray([[5, 1, 0], [0, 0, 3]])
        assert fit_item_neighbours(*log_of(matrix)).predict(0, 2) == 3.0


class TestBiasedFactors:
    def test_the_worked_prediction(self):
        model = BiasedFactors(
            mean=-0.1,
            user_biases=np.asarray([0.2]),
            item_biases=np.asarray([0.1]),
            users=np.asarray([[1.2, 0.8]]),
            items=np.asarray([[0.6, 1.2]]),
            low=0.0,
            high=5.0,
        )
        assert float(model.users[0] @ model.items[0]) == pytest.approx(1.68)
        assert model.predict(0, 0) == pytest.approx(1.88)

    def test_no_prediction_leaves_the_scale(self):
        one = np.ones((1, 1))
        assert BiasedFactors(9.0, np.zeros(1), np.zeros(1), one, one, 1.0, 5.0).predict(0, 0) == 5.0
        assert BiasedFactors(-9.0, np.zeros(1), np.zeros(1), one, one, 1.0, 5.0).predict(0, 0) == 1.0

    def test_biases_by_eye(self):
        # Each row is 1 above the one before it, each column too: what is missing can be read off.
        matrix = np.add.outer(np.arange(5), np.arange(5)) + 1.0
        hidden = [(0, 4), (2, 2), (4, 0)]
        for user, item in hidden:
            matrix[user, item] = 0
        model = fit_biased_factors(*log_of(matrix), factors=1, rounds=300, regularisation=1e-3)
        for user, item in hidden:
            assert model.predict(user, item) == pytest.approx(user + item + 1, abs=0.1)

    def test_a_checkerboard_by_eye(self):
        # Black squares 5, white ones 1: no bias tells it, one factor does.
        board = np.where(np.add.outer(np.arange(8), np.arange(8)) % 2 == 0, 5, 1)
        seen = board.copy()
        hidden = [(0, 0), (1, 4), (3, 3), (5, 2), (7, 6)]
        for user, item in hidden:
            seen[user, item] = 0
        model = fit_biased_factors(*log_of(seen), factors=1, rounds=100, regularisation=1e-3)
        for user, item in hidden:
            assert model.predict(user, item) == pytest.approx(board[user, item], abs=0.2)
        assert np.abs(model.user_biases).max() < 0.5

    def test_alice_is_between_the_ends(self):
        model = fit_biased_factors(*log_of(ALICE), factors=2, regularisation=0.05)
        assert 3.5 < model.predict(0, 4) <= 5.0

    def test_the_same_seed_fits_the_same(self):
        log, items = log_of(ALICE)
        first, again = (fit_biased_factors(log, items, seed=2) for _ in range(2))
        np.testing.assert_array_equal(first.users, again.users)

    def test_users_and_items_without_ratings_are_the_mean(self):
        matrix = np.zeros((3, 3))
        matrix[0, :2], matrix[1, :2] = [4, 2], [4, 2]
        log, items = log_of(matrix)
        model = fit_biased_factors(log, items)
        assert model.predict(2, 2) == 3.0

    def test_time_that_is_over_ends_the_rounds(self):
        log, items = log_of(ALICE)
        short = fit_biased_factors(log, items, 0.0)
        one = fit_biased_factors(log, items, rounds=1)
        np.testing.assert_array_equal(short.users, one.users)


@pytest.mark.parametrize("fit", [fit_user_neighbours, fit_item_neighbours, fit_biased_factors])
def test_ratings_are_needed(fit):
    log, items = log_of(np.asarray([[1, 0]]))
    none, _ = make_log(log.users, log.items, log.times, log.sessions, kinds="view_item", n_users=1, n_items=2)
    with pytest.raises(ValueError, match="no ratings"):
        fit(none, items)
