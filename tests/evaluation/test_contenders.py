"""Every source that is evaluated keeps the rules of a model, however little it was fitted on."""

from __future__ import annotations

import numpy as np
import pytest

from reco_sdk.evaluation.contenders import contenders
from reco_sdk.evaluation.dataset import Dataset, make_log, session_numbers
from reco_sdk.training.model import Items

from .folders import DAY

N_ITEMS = 12


def made(count: int) -> Dataset:
    generator = np.random.default_rng(count)
    users = generator.integers(0, 5, count).astype(np.int32)
    items = generator.integers(0, N_ITEMS - 2, count).astype(np.int32)
    times = np.sort(generator.integers(0, 50, count)) * DAY / 4
    vectors = generator.normal(size=(N_ITEMS, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[0] = 0
    sessions = session_numbers(users, times)
    log, _ = make_log(users, items, times, sessions, kinds="view_item", n_users=5, n_items=N_ITEMS)
    texts = tuple(f"{('red', 'blue')[item % 2]} thing {item // 3}" for item in range(N_ITEMS))
    return Dataset("made", tuple(map(str, range(N_ITEMS))), Items(N_ITEMS, vectors=vectors), texts, log, timed=True)


NAMES = [contender.name for contender in contenders(made(200))]


def test_the_names_are_each_their_own():
    assert len(set(NAMES)) == len(NAMES)
    assert {"popularity", "content", "random", "co_occurrence", "history", "session_knn", "lexical", "additive"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [0, 1, 2, 10, 200])
def test_a_source_keeps_the_rules(name, count):
    data = made(200)
    fit = next(contender.fit for contender in contenders(data) if contender.name == name)
    log = data.log.take(np.arange(200) < count)
    model = fit(log, data.items, 60.0)
    assert model.name == name
    mask = np.ones(N_ITEMS, np.bool_)
    mask[[1, 2, 3]] = False
    for history in ([], [0], [11], [1, 2, 2, 4], list(range(N_ITEMS)) * 20):
        items = np.asarray(history, np.int32)
        times = np.arange(len(history), dtype=np.float64)
        before = items.copy()
        for k in (1, 5, 50):
            for allowed in (None, mask, np.zeros(N_ITEMS, np.bool_)):
                found = model.scores(items, times, k, allowed)
                rows = found.rows.tolist()
                assert len(rows) == len(found.scores) <= k
                assert len(set(rows)) == len(rows)
                assert all(0 <= row < N_ITEMS for row in rows)
                assert allowed is None or allowed[rows].all()
                assert np.isfinite(found.scores).all()
                assert np.all(np.diff(found.scores) <= 0)
        np.testing.assert_array_equal(items, before)


def test_without_sessions_of_their_own_histories_are_not_counted_twice():
    data = made(200)
    log, _ = make_log(
        data.log.users, data.log.items, data.log.times, data.log.users, kinds="view_item", n_users=5, n_items=N_ITEMS
    )
    alone = Dataset("made", data.item_ids, data.items, None, log, timed=True)
    assert "history" not in {contender.name for contender in contenders(alone)}
