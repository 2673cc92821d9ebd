"""Baselines: what they answer is known by eye, and the rules of a model hold for all of them."""

from __future__ import annotations

import numpy as np
import pytest

from reco_sdk.evaluation.baselines import (
    fit_content,
    fit_mean_ratings,
    fit_popularity,
    fit_random,
    fit_recent_popularity,
)
from reco_sdk.evaluation.dataset import make_log
from reco_sdk.training.model import Items

from .folders import DAY

NONE = np.empty(0, np.int32)
NO_TIMES = np.empty(0)


def log(items, times=None, users=None, ratings=None, n_items=6):
    items = np.asarray(items, np.int32)
    users = np.zeros(len(items), np.int32) if users is None else np.asarray(users, np.int32)
    times = np.arange(len(items), dtype=np.float64) if times is None else np.asarray(times, np.float64)
    ratings = None if ratings is None else np.asarray(ratings, np.float32)
    n_users = int(users.max(initial=0)) + 1
    return make_log(users, items, times, users, kinds="view_item", n_users=n_users, n_items=n_items, ratings=ratings)[0]


VECTORS = np.zeros((6, 3), np.float32)
VECTORS[:5] = [[1, 0, 0], [0.8, 0.6, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0]]
ITEMS = Items(6, vectors=VECTORS)
LOG = log([3, 3, 3, 1, 1, 0])
FITS = [fit_random, fit_popularity, fit_recent_popularity, fit_content]


@pytest.mark.parametrize("fit", FITS)
class TestAsAModel:
    def test_answers_are_distinct_allowed_and_no_longer_than_asked(self, fit):
        model = fit(LOG, ITEMS)
        mask = np.asarray([True, False, True, True, True, True])
        for history in (NONE, np.asarray([1], np.int32), np.asarray([0, 1, 5, 1], np.int32)):
            for k in (1, 3, 20):
                for allowed in (None, mask, np.zeros(6, np.bool_)):
                    found = model.scores(history, np.arange(len(history), dtype=np.float64), k, allowed)
                    assert len(found.rows) == len(found.scores) <= k
                    assert len(set(found.rows.tolist())) == len(found.rows)
                    assert found.rows.dtype == np.int32
                    assert found.scores.dtype == np.float32
                    assert np.all(np.diff(found.scores) <= 0)
                    assert np.all((found.scores >= 0) & (found.scores <= 1))
                    assert allowed is None or allowed[found.rows].all()

    def test_an_empty_log_is_no_error(self, fit):
        fit(log([]), ITEMS).scores(np.asarray([2], np.int32), np.zeros(1), 5)

    def test_it_has_a_name(self, fit):
        assert fit(LOG, ITEMS).name == fit.__name__.removeprefix("fit_")


def test_popularity_counts():
    assert fit_popularity(LOG, ITEMS).scores(NONE, NO_TIMES, 9).rows.tolist() == [3, 1, 0]
    assert fit_popularity(LOG, ITEMS).scores(NONE, NO_TIMES, 9).scores.tolist() == pytest.approx([1, 2 / 3, 1 / 3])


def test_what_was_popular_lately_comes_first():
    old_and_new = log([3, 3, 3, 1, 1], [0, 0, 0, 90 * DAY, 90 * DAY])
    assert fit_popularity(old_and_new, ITEMS).scores(NONE, NO_TIMES, 2).rows.tolist() == [3, 1]
    recent = fit_recent_popularity(old_and_new, ITEMS).scores(NONE, NO_TIMES, 2)
    assert recent.rows.tolist() == [1, 3]
    assert recent.scores.tolist() == pytest.approx([1, 3 / 8 / 2])


def test_a_popular_item_may_be_left_out_however_many_are():
    items = np.repeat(np.arange(300), np.arange(300, 0, -1))
    model = fit_popularity(log(items, n_items=300), Items(300))
    mask = np.zeros(300, np.bool_)
    mask[[250, 290]] = True
    assert model.scores(NONE, NO_TIMES, 5, mask).rows.tolist() == [250, 290]


def test_content_is_near_to_the_last_items():
    model = fit_content(LOG, ITEMS)
    assert model.scores(np.asarray([0], np.int32), np.zeros(1), 3).rows.tolist() == [0, 1, 2]
    last_counts_most = model.scores(np.asarray([3, 0], np.int32), np.zeros(2), 6).rows.tolist()
    assert last_counts_most == [0, 3, 1, 2, 4], "the item without text is never told apart, and never proposed"
    assert len(model.scores(np.asarray([5], np.int32), np.zeros(1), 3).rows) == 0, "nothing is known of it"


def test_content_needs_vectors():
    with pytest.raises(ValueError, match="no vectors"):
        fit_content(LOG, Items(6))


def test_chance_is_even():
    model = fit_random(LOG, Items(200))
    mask = np.ones(6, np.bool_)
    small = fit_random(LOG, ITEMS)
    seen = np.zeros(200)
    of_few = np.zeros(6)
    for _ in range(4_000):
        seen[model.scores(NONE, NO_TIMES, 5).rows] += 1
        of_few[small.scores(NONE, NO_TIMES, 2, mask).rows] += 1
    assert seen.sum() == 20_000
    assert 50 < seen.min() < 100 < seen.max() < 150
    np.testing.assert_allclose(of_few / of_few.sum(), 1 / 6, atol=0.02)


class TestMeanRatings:
    def test_the_mean_and_what_lies_above_it(self):
        rated = log([0] * 10 + [1] * 10, users=[0] * 10 + [1] * 10, ratings=[5] * 10 + [1] * 10)
        model = fit_mean_ratings(rated, ITEMS)
        # Mean 3; item 0: (10 · 2) / (10 + 10) = 1; of what is left, 1 a rating, user 0: 10 / (5 + 10).
        assert model.predict(0, 0) == pytest.approx(3 + 1 + 10 / 15)
        assert model.predict(1, 0) == pytest.approx(3 + 1 - 10 / 15)
        assert model.predict(0, 4) == pytest.approx(3 + 10 / 15), "nothing is known of the item"

    def test_it_keeps_to_the_scale(self):
        rated = log([0] * 50, ratings=[4.0] * 49 + [5.0])
        assert fit_mean_ratings(rated, ITEMS).predict(0, 0) <= 5.0

    def test_it_needs_ratings(self):
        with pytest.raises(ValueError, match="no ratings"):
            fit_mean_ratings(LOG, ITEMS)
