"""Two steps, on chains whose ends never met, and against a product of whole matrices."""

from __future__ import annotations

import numpy as np
import pytest

from reco_sdk.evaluation.dataset import make_log
from reco_sdk.training.model import Items, Log
from reco_sdk.training.row_tables import neighbour_table
from reco_sdk.training.two_steps import fit_co_then_co, fit_co_then_text, fit_text_then_co

N = 6


def log_of(*sessions: list[int]) -> Log:
    users = np.repeat(np.arange(len(sessions), dtype=np.int32), [len(session) for session in sessions])
    items = np.asarray([item for session in sessions for item in session], np.int32)
    times = np.arange(len(items), dtype=float)
    log, _ = make_log(users, items, times, users, kinds="view_item", n_users=len(sessions), n_items=N)
    return log


def rows(model, item: int) -> list[int]:
    table = model.table
    return table.rows[table.offsets[item] : table.offsets[item + 1]].tolist()


def test_items_that_never_met_are_reached_over_a_third():
    model = fit_co_then_co(log_of([0, 1], [1, 2], [4, 5]), Items(N))
    assert rows(model, 0) == [2]
    assert rows(model, 2) == [0]
    assert rows(model, 3) == rows(model, 4) == []


def test_a_new_item_borrows_from_its_like_and_is_lent_to():
    vectors = np.eye(N, dtype=np.float32)
    vectors[3] = vectors[0]
    texts = neighbour_table(vectors, 2)
    log = log_of([0, 1], [1, 2])
    assert rows(fit_text_then_co(log, texts), 3) == [1]
    assert rows(fit_co_then_text(log, texts), 1) == [3]


def test_the_product_is_that_of_whole_matrices():
    generator = np.random.default_rng(0)
    log = log_of(*[generator.integers(0, N, 4).tolist() for _ in range(5)])
    whole = np.zeros((N, N))
    items = log.items.reshape(5, 4)
    for session in items.tolist():
        kept = [item for place, item in enumerate(session) if place == 0 or item != session[place - 1]]
        for place, later in enumerate(kept):
            for back, earlier in enumerate(kept[:place]):
                if earlier != later:
                    weight = round(64 / (place - back) ** 0.5)
                    whole[earlier, later] += weight
                    whole[later, earlier] += weight / 2
    root = np.sqrt(np.maximum(np.bincount(log.items, minlength=N), 1))
    steps = whole / root[:, None] / root[None, :]
    wanted = steps @ steps
    np.fill_diagonal(wanted, 0)
    table = fit_co_then_co(log, Items(N)).table
    got = np.zeros((N, N))
    got[np.repeat(np.arange(N), np.diff(table.offsets)), table.rows] = table.weights
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("fit", [fit_co_then_co])
def test_an_empty_log_says_nothing(fit):
    assert len(fit(log_of(), Items(N)).table.rows) == 0
