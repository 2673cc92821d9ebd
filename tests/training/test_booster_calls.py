"""Scores of trees, asked for directly: those of LightGBM's own wrapper, bit for bit."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from reco_sdk.training.booster_calls import caller


@pytest.fixture(scope="module")
def booster():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(600, 5)).astype(np.float32)
    labels = (features[:, 0] + generator.normal(size=600) > 0).astype(np.int8)
    settings = {"objective": "lambdarank", "verbosity": -1, "num_threads": 1, "seed": 0}
    return lightgbm.train(settings, lightgbm.Dataset(features, labels, group=[20] * 30), 12)


@pytest.mark.parametrize("count", [1, 7, 300])
def test_scores_are_those_of_the_wrapper(booster, count):
    features = np.random.default_rng(1).normal(size=(count, 5)).astype(np.float32)
    features[0, 2] = np.nan
    assert caller(booster)(features).tolist() == booster.predict(features).tolist()
    wide = np.asfortranarray(features)
    assert caller(booster)(wide).tolist() == booster.predict(features).tolist()


def test_only_the_best_rounds_count(booster):
    features = np.random.default_rng(2).normal(size=(9, 5)).astype(np.float32)
    booster.best_iteration = 3
    try:
        assert caller(booster)(features).tolist() == booster.predict(features, num_iteration=3).tolist()
    finally:
        booster.best_iteration = -1


def test_features_of_another_width_are_refused_as_the_wrapper_refuses_them(booster):
    with pytest.raises(lightgbm.basic.LightGBMError):
        caller(booster)(np.zeros((3, 4), np.float32))


class Renamed:
    """A booster of a version that keeps its handle under another name."""

    best_iteration = -1

    def __init__(self, booster):
        self.predict = booster.predict


def test_a_version_that_names_its_parts_otherwise_is_asked_by_its_wrapper(booster):
    features = np.random.default_rng(3).normal(size=(4, 5)).astype(np.float32)
    assert caller(Renamed(booster))(features).tolist() == booster.predict(features).tolist()
