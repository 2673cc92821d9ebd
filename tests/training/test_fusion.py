"""The fusion: what it is asked about its own log, what it knows of candidates, and that it follows the better source."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk.evaluation.dataset import make_log
from reco_sdk.sources.fused import Fused
from reco_sdk.sources.history import History
from reco_sdk.training import fusion as fusion_module
from reco_sdk.training.co_occurrence import fit_co_occurrence, fit_history
from reco_sdk.training.fusion import fit_fusion, make_pool
from reco_sdk.training.fusion_slice import recent_slice
from reco_sdk.training.fusion_trees import Trees, fit_trees
from reco_sdk.training.linear import fit_linear
from reco_sdk.training.model import Items, Log
from reco_sdk.training.session_knn import fit_session_knn

FITS = (fit_co_occurrence, fit_session_knn)


def log_of(users, items, times, n_items=40) -> Log:
    users = np.asarray(users, np.int32)
    log, _ = make_log(
        users,
        np.asarray(items, np.int32),
        np.asarray(times, float),
        users,
        kinds="view_item",
        n_users=int(users.max(initial=0)) + 1,
        n_items=n_items,
    )
    return log


def chains(count: int, length: int = 4, n_items: int = 40) -> Log:
    """Sessions, one after the other, in which item i is followed by i + 1."""
    starts = np.random.default_rng(0).integers(0, n_items, count)
    items = (starts[:, None] + np.arange(length)) % n_items
    return log_of(np.repeat(np.arange(count), length), items.ravel(), np.arange(count * length), n_items)


logs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 12)), max_size=60)


@given(logs, st.booleans(), st.integers(0, 1))
@settings(deadline=None, max_examples=150)
def test_sources_are_never_fitted_on_what_is_asked(rows, ordered, back):
    log = log_of(*([row[c] for row in rows] for c in range(3)), n_items=10)
    part = recent_slice(log, ordered=ordered, back=back)
    for question in part.questions:
        assert len(question.shown)
        assert len(question.targets)
        users = set(log.users[question.shown].tolist())
        assert len(users) == 1
        if ordered:
            later = np.arange(question.shown[-1] + 1, len(log))
            of_user = later[log.users[later] == next(iter(users))]
            targets = of_user[: len(question.targets)]
            assert log.items[targets].tolist() == question.targets.tolist()
            assert not part.fit[targets].any()
            assert not part.fit[of_user].any()
        else:
            assert part.fit[question.shown].all()
    if ordered and part.kind == "the last tenth" and part.questions:
        assert log.times[part.fit].max(initial=-1) < log.times[~part.fit].min()


def test_time_over_all_users_asks_the_last_tenth():
    part = recent_slice(chains(100))
    assert (part.kind, int(part.fit.sum()), len(part.questions), part.repeats) == ("the last tenth", 360, 30, False)


def test_positions_ask_the_last_of_each_user():
    log = log_of([0, 0, 0, 1, 1, 2], [1, 2, 3, 4, 5, 6], [1, 2, 3, 1, 2, 1])
    part = recent_slice(log)
    assert part.kind == "the last of each user"
    asked = {(tuple(log.items[q.shown].tolist()), tuple(q.targets.tolist())) for q in part.questions}
    assert asked == {((1, 2), (3,)), ((4,), (5,))}


def test_what_bears_one_time_is_asked_at_once():
    log = log_of([0, 1, 0, 0], [1, 5, 2, 3], [0, 1, 9, 9])
    assert [q.targets.tolist() for q in recent_slice(log).questions] == [[2, 3]]


def test_candidates_are_described():
    log = chains(200)
    vectors = np.eye(40, dtype=np.float32)
    items = Items(40, vectors=vectors, categories=np.arange(40, dtype=np.int32) % 2)
    pool = make_pool(log, items, FITS)
    history = History.of(np.asarray([7, 3, 7], np.int32), np.arange(3.0))
    rows, features = pool.draw(history, None)
    assert sorted(rows.tolist()) == sorted(set(rows.tolist()))
    assert features.shape == (len(rows), len(pool.names))
    of = {name: dict(zip(rows.tolist(), features[:, c].tolist(), strict=True)) for c, name in enumerate(pool.names)}
    assert of["seen_before"][7] == 0
    assert of["seen_before"][3] == 1
    assert of["seen_before"][8] == -1
    assert (of["seen_times"][7], of["seen_times"][3], of["seen_times"][8]) == (2, 1, 0)
    assert (of["text_last"][7], of["text_best"][3], of["text_best"][8]) == (1, 1, 0)
    assert of["category"][9] == 1
    assert of["category"][8] == 0
    assert max(of["co_occurrence_share"].values()) == 1
    alone = fit_co_occurrence(log, items)
    found = alone.scores(np.asarray([7, 3, 7], np.int32), np.arange(3.0), 40)
    for row, score in zip(found.rows.tolist(), found.scores.tolist(), strict=True):
        assert of["co_occurrence"][row] == pytest.approx(score, rel=1e-6)


def test_names_of_features_are_each_their_own():
    pool = make_pool(chains(20), Items(40), (*FITS, fit_history, fit_linear))
    assert len(set(pool.names)) == len(pool.names)


def test_only_what_is_allowed_is_a_candidate():
    pool = make_pool(chains(200), Items(40), FITS)
    mask = np.zeros(40, np.bool_)
    mask[[8, 20]] = True
    rows, _ = pool.draw(History.of(np.asarray([7], np.int32), np.zeros(1)), mask)
    assert set(rows.tolist()) <= {8, 20}
    assert 8 in rows


def test_of_many_candidates_those_stay_of_which_most_is_said(monkeypatch):
    log, history = chains(400), History.of(np.asarray([3, 7], np.int32), np.arange(2.0))
    whole = make_pool(log, Items(40), FITS)
    rows, features = whole.draw(history, None)
    shares = [place for place, name in enumerate(whole.names) if name.endswith("_share")]
    said = dict(zip(rows.tolist(), features[:, shares].sum(axis=1).tolist(), strict=True))
    monkeypatch.setattr(fusion_module, "MOST", 6)
    kept, of_kept = make_pool(log, Items(40), FITS).draw(history, None)
    assert len(kept) == 6 < len(rows)
    assert min(said[row] for row in kept.tolist()) >= max(said[row] for row in said if row not in kept)
    at = [rows.tolist().index(row) for row in kept.tolist()]
    assert of_kept.tolist() == features[at].tolist()


def answer(model: Fused, *history: int) -> list[int]:
    return model.scores(np.asarray(history, np.int32), np.arange(len(history), dtype=float), 5).rows.tolist()


def test_trees_learn_what_comes_next(monkeypatch):
    monkeypatch.setattr(fusion_module, "LEAST_QUESTIONS", 100)
    model = fit_fusion(chains(900), Items(40), 60.0, FITS)
    assert [answer(model, item)[0] for item in range(40)] == [(item + 1) % 40 for item in range(40)]
    again = fit_fusion(chains(900), Items(40), 60.0, FITS)
    assert isinstance(model.ranker, Trees) == isinstance(again.ranker, Trees)
    assert answer(model, 3, 9) == answer(again, 3, 9)


def test_without_evidence_content_answers_and_with_a_little_what_it_speaks_for():
    vectors = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    items = Items(40, vectors=vectors)
    little = fit_fusion(chains(60), items, 60.0, FITS)
    assert "content" not in little.choice
    assert answer(little, 9)[0] == 10
    nothing = fit_fusion(log_of([], [], []), items, 60.0, FITS)
    assert nothing.choice.startswith("content")


def test_popularity_answers_where_it_is_all_there_is():
    generator = np.random.default_rng(1)
    items = np.where(generator.random(300) < 0.8, generator.integers(0, 3, 300), generator.integers(3, 40, 300))
    model = fit_fusion(log_of(np.arange(300) // 3, items, np.arange(300)), Items(40), 60.0, FITS)
    assert set(answer(model)[:3]) == {0, 1, 2}


def test_additive_trees_read_one_source_each(monkeypatch):
    monkeypatch.setattr(fusion_module, "LEAST_QUESTIONS", 100)
    vectors = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    log = chains(300)
    pool = make_pool(log, Items(40, vectors=vectors), (*FITS, fit_linear))
    length = pool.names.index("history_length")
    parts = pool.apart()
    assert sorted(column for part in parts for column in part if column != length) == [
        column for column in range(len(pool.names)) if column != length
    ]
    assert all(length in part for part in parts)
    groups = fusion_module._ask(pool, log, recent_slice(log), float("inf"))
    trees = fit_trees(groups, len(groups) // 4, 60.0, None, parts).booster.dump_model()["tree_info"]
    assert all(any(way <= set(part) for part in parts) for tree in trees for way in ways(tree["tree_structure"]))
    model = fit_fusion(chains(900), Items(40), 60.0, FITS, additive=True)
    assert model.name == "additive"
    assert [answer(model, item)[0] for item in range(40)] == [(item + 1) % 40 for item in range(40)]


def ways(node, read=frozenset()):
    """Columns that each leaf's way from the root reads."""
    if "leaf_value" in node:
        yield set(read)
        return
    for side in ("left_child", "right_child"):
        yield from ways(node[side], read | {int(node["split_feature"])})
