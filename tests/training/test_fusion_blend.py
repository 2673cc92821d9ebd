"""Which blend questions speak for, and which of them are held back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from reco_sdk.sources.fused import Blend
from reco_sdk.training.fusion_blend import best_blend
from reco_sdk.training.fusion_trees import Groups

NAMES = ("a", "b", "a_share", "b_share", "popularity")
POOL = SimpleNamespace(names=NAMES, sources=(SimpleNamespace(name="a"), SimpleNamespace(name="b")))


def groups_of(count: int, weights: dict[str, float], noise: float = 0.0, per_unit: int = 1) -> Groups:
    """Questions of 20 candidates; what comes is the one that a blend ranks first."""
    generator = np.random.default_rng(0)
    blend = np.asarray([weights.get(name, 0.0) for name in NAMES])
    features, labels = [], []
    for _ in range(count):
        values = generator.random((20, len(NAMES))).astype(np.float32)
        of_all = values @ blend + noise * generator.random(20)
        features.append(values)
        labels.append((of_all == of_all.max()).astype(np.int8))
    return Groups(NAMES, tuple(features), tuple(labels), count, np.arange(count, dtype=np.int32) // per_unit)


@pytest.mark.parametrize(
    ("weights", "named"), [({"a_share": 1.0}, "a"), ({"b_share": 1.0}, "b"), ({"popularity": 1.0}, "popularity")]
)
def test_the_source_that_answers_is_chosen(weights, named):
    assert best_blend(groups_of(50, weights), POOL)[1] == named


def test_what_pays_is_added():
    blend, choice = best_blend(groups_of(600, {"a_share": 1.0, "b_share": 0.4}, noise=0.1), POOL)
    assert "+" in choice
    assert 0.2 < blend.weights[3] / blend.weights[2] < 0.8


def test_what_does_not_pay_is_not_added():
    assert best_blend(groups_of(600, {"a_share": 1.0}), POOL)[1] == "a"


def test_nothing_is_added_where_little_was_asked():
    assert "+" not in best_blend(groups_of(60, {"a_share": 1.0, "b_share": 0.5}), POOL)[1]


def test_nobody_is_held_back_in_part():
    groups, held = groups_of(100, {"a_share": 1.0}, per_unit=3).some_held(0.2)
    assert 0 < held <= 20
    assert not set(groups.units[:held]) & set(groups.units[held:])


def test_of_one_alone_nothing_is_held_back():
    groups, held = groups_of(10, {"a_share": 1.0}, per_unit=10).some_held(0.2)
    assert (len(groups), held) == (10, 0)


def test_no_questions_have_no_quality():
    groups = groups_of(0, {})
    assert groups.quality(Blend(np.zeros(len(NAMES))), 0) == 0.0
    assert groups.and_then(groups_of(3, {})).asked == 3
