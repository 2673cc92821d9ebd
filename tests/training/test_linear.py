"""The linear model against the regression it stands for, and tables against a plain sort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk.errors import InvalidInput
from reco_sdk.evaluation.dataset import make_log
from reco_sdk.sources.history import History
from reco_sdk.sources.item_rows import ItemRows, RowTable
from reco_sdk.training import linear
from reco_sdk.training.linear import fit_linear, linear_weights
from reco_sdk.training.model import Items, Log
from reco_sdk.training.row_tables import best_of_blocks, neighbour_table


def log_of(matrix: np.ndarray) -> Log:
    users, items = (part.astype(np.int32) for part in np.nonzero(matrix))
    times = np.arange(len(users), dtype=float)
    log, _ = make_log(users, items, times, users, kinds="view_item", n_users=matrix.shape[0], n_items=matrix.shape[1])
    return log


def test_each_item_is_regressed_on_the_others():
    matrix = (np.random.default_rng(3).random((30, 6)) < 0.4).astype(float)
    weights = linear_weights(log_of(matrix), ridge=2.0)
    ridge = 2.0 * matrix.sum() / 6
    for item in range(6):
        others = [other for other in range(6) if other != item]
        x = matrix[:, others]
        wanted = np.linalg.solve(x.T @ x + ridge * np.eye(5), x.T @ matrix[:, item])
        np.testing.assert_allclose(weights[others, item], wanted, atol=1e-5)
        assert weights[item, item] == 0


def test_a_checkerboard_is_seen():
    matrix = np.add.outer(np.arange(12), np.arange(8)) % 2 == 0
    matrix[0, [4, 6]] = False
    model = fit_linear(log_of(matrix), Items(8))
    history = np.asarray([0, 2], np.int32)
    mask = np.ones(8, np.bool_)
    mask[history] = False
    assert sorted(model.scores(history, np.arange(2.0), 2, mask).rows.tolist()) == [4, 6]


def test_twice_is_once():
    matrix = (np.random.default_rng(3).random((9, 5)) < 0.5).astype(float)
    log = log_of(matrix)
    both = np.r_[np.arange(len(log)), np.arange(len(log))]
    twice, _ = make_log(
        log.users[both], log.items[both], log.times[both], log.sessions[both], kinds="view_item", n_users=9, n_items=5
    )
    np.testing.assert_array_equal(linear_weights(log), linear_weights(twice))


def test_more_items_than_fit_are_refused(monkeypatch):
    monkeypatch.setattr(linear, "MAX_ITEMS", 4)
    with pytest.raises(InvalidInput, match="are 5"):
        linear_weights(log_of(np.ones((2, 5))))


@given(st.integers(0, 9), st.integers(1, 12), st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_a_table_holds_the_head_of_a_plain_sort(n, limit, seed):
    scores = np.random.default_rng(seed).integers(-3, 4, (n, n)).astype(np.float32) + np.linspace(0, 0.5, n * n).reshape(n, n)
    scores = scores.astype(np.float32)
    table = best_of_blocks(n, lambda start, stop: scores[start:stop].copy(), limit)
    assert table.n == n
    for row in range(n):
        part = slice(table.offsets[row], table.offsets[row + 1])
        wanted = sorted((o for o in range(n) if o != row and scores[row, o] > 0), key=lambda o: -scores[row, o])[:limit]
        assert table.rows[part].tolist() == wanted
        assert table.weights[part].tolist() == scores[row, wanted].tolist()


def test_neighbours_are_the_nearest():
    vectors = np.asarray([[1, 0], [0.8, 0.6], [0.6, 0.8], [-1, 0], [0, 0]], np.float32)
    table = neighbour_table(vectors, 2)
    rows = [table.rows[table.offsets[i] : table.offsets[i + 1]].tolist() for i in range(5)]
    assert rows == [[1, 2], [2, 0], [1, 0], [], []]


def test_rows_of_the_history_are_summed_each_column_with_its_decay():
    table = RowTable(np.asarray([0, 1, 3, 3, 3]), np.asarray([2, 2, 3], np.int32), np.asarray([1, 4, 2], np.float32))
    source = ItemRows("rows", table, decays=(1.0, 0.5), max_items=10)
    told = source.propose(History.of(np.asarray([0, 1], np.int32), np.arange(2.0)))
    by_row = {row: [float(c[told.rows == row].sum()) for c in told.columns] for row in (2, 3)}
    assert by_row == {2: [5.0, 4.5], 3: [2.0, 2.0]}
    assert source.columns == ("rows", "rows_1")
    found = source.scores(np.asarray([0, 1], np.int32), np.arange(2.0), 5)
    assert (found.rows.tolist(), found.scores.tolist()) == ([2, 3], [5.0, 2.0])


def test_a_table_comes_back_from_its_arrays():
    table = neighbour_table(np.eye(3, dtype=np.float32) + np.float32(0.1), 2)
    arrays = table.to_arrays("t")
    again = RowTable.from_arrays(arrays.__getitem__, "t")
    assert again.rows.tolist() == table.rows.tolist()
    assert again.weights.tolist() == table.weights.tolist()
