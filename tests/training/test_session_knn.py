"""Session neighbours on logs whose answer is seen by eye."""

from __future__ import annotations

import numpy as np
import pytest

from reco_sdk.evaluation.dataset import make_log
from reco_sdk.sources.history import History
from reco_sdk.training.model import Items, Log
from reco_sdk.training.session_knn import fit_session_knn, visitors_stay

N = 8


def log_of(*sessions: list[int]) -> Log:
    users = np.repeat(np.arange(len(sessions), dtype=np.int32), [len(session) for session in sessions])
    items = np.asarray([item for session in sessions for item in session], np.int32)
    log, _ = make_log(
        users, items, np.arange(len(items), dtype=float), users, kinds="view_item", n_users=len(sessions), n_items=N
    )
    return log


def answer(log: Log, *history: int) -> list[int]:
    model = fit_session_knn(log, Items(N))
    return model.scores(np.asarray(history, np.int32), np.arange(len(history), dtype=float), N).rows.tolist()


def test_what_came_next_leads_and_what_came_before_follows():
    assert answer(log_of([1, 2, 3], [5, 6]), 2) == [3, 1]


def test_nearer_items_lead():
    assert answer(log_of([0, 1, 2, 3, 4]), 0) == [1, 2, 3, 4]


def test_the_session_that_shares_more_speaks_louder():
    assert answer(log_of([0, 1, 2], [5, 1, 3], [6, 7]), 0, 1)[0] == 2


def test_a_rare_item_says_more_than_a_common_one_even_a_step_earlier():
    assert answer(log_of([0, 2], [0, 2], [1, 3], [6, 7]), 1, 0)[0] == 2
    assert answer(log_of([0, 2], [0, 4], [0, 5], [0, 6], [1, 3]), 1, 0)[0] == 3


@pytest.mark.parametrize(("sessions", "stays"), [([[1, 1, 2], [3, 4]], True), ([[1, 2, 1], [3, 4]], False), ([], False)])
def test_visitors_stay_where_an_item_follows_itself(sessions, stays):
    assert visitors_stay(log_of(*sessions)) is stays


def test_the_item_at_hand_comes_again_only_where_visitors_stay():
    assert 1 in answer(log_of([1, 1, 2], [3, 1, 1]), 1)
    assert answer(log_of([1, 1, 2], [3, 1, 1]), 1)[0] == 1
    assert 1 not in answer(log_of([1, 2], [3, 1]), 1)


def test_one_interleaved_with_others_is_still_one_session():
    users = np.asarray([0, 1, 0, 1], np.int32)
    log, _ = make_log(users, np.asarray([4, 5, 4, 6], np.int32), np.arange(4.0), users, kinds="view_item", n_users=2, n_items=N)
    assert visitors_stay(log)


@pytest.mark.parametrize(
    ("sessions", "history", "nothing"),
    [
        ([[1, 2], [3, 4]], [1, 2], True),  # as a rule it is the visitor's own
        ([[1, 2], [3, 4]], [1, 2, 5], True),
        ([[1, 2, 5], [3, 4]], [1, 2], False),
        ([[1, 2], [2, 1]], [1, 2], False),
        ([[1, 2], [3, 4]], [1, 2, 3], False),
        ([[1, 2]], [], True),
        ([], [1], True),
    ],
)
def test_a_session_that_holds_nothing_else_adds_nothing(sessions, history, nothing):
    model = fit_session_knn(log_of(*sessions), Items(N))
    assert model.adds_nothing(History.of(np.asarray(history, np.int32), np.arange(float(len(history))))) is nothing
