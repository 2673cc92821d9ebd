"""Intervals: they hold what they should, and units stay together."""

from __future__ import annotations

import numpy as np
import pytest

from reco_sdk.evaluation.intervals import Bootstrap


def units(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int32)


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    values = np.random.default_rng(0).normal(3.0, 2.0, (4_000, 1))
    low, high = Bootstrap(units(4_000)).of(values)[0]
    half = 1.96 * values.std() / np.sqrt(4_000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    generator = np.random.default_rng(1)
    held = 0
    for trial in range(200):
        low, high = Bootstrap(units(150), replicates=300, seed=trial).of((generator.random((150, 1)) < 0.3).astype(float))[0]
        held += low <= 0.3 <= high
    assert 0.88 <= held / 200 <= 0.99


def test_cases_of_one_user_are_no_further_evidence():
    values = np.random.default_rng(0).normal(size=(100, 1))
    alone = Bootstrap(units(100)).of(values)[0]
    repeated = Bootstrap(np.repeat(units(100), 20)).of(np.repeat(values, 20, axis=0))[0]
    assert repeated == pytest.approx(alone)


def test_the_paired_difference_is_narrower_than_the_two_alone():
    generator = np.random.default_rng(2)
    hard = generator.normal(size=(500, 1))
    ours, theirs = hard + 0.1 + 0.05 * generator.normal(size=(500, 1)), hard
    bootstrap = Bootstrap(units(500))
    low, high = bootstrap.of(ours - theirs)[0]
    assert 0.09 < low < 0.1 < high < 0.11
    assert bootstrap.of(ours)[0][0] < bootstrap.of(theirs)[0][1]


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).random((50, 3))
    assert Bootstrap(units(50), seed=4).of(values) == Bootstrap(units(50), seed=4).of(values)
    assert Bootstrap(units(50), seed=4).of(values) != Bootstrap(units(50), seed=5).of(values)


def test_what_is_not_known_is_passed_over():
    values = np.asarray([[1.0, np.nan], [3.0, np.nan]])
    (low, high), nothing = Bootstrap(units(2)).of(values)
    assert 1.0 <= low <= high <= 3.0
    assert np.isnan(nothing).all()


def test_a_ratio_of_means():
    values = np.asarray([[2.0, 1.0]] * 30)
    assert Bootstrap(units(30)).of(values, lambda means: means[:, :1] / means[:, 1:]) == [(2.0, 2.0)]
