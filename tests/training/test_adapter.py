"""The learnt map of the text space: known answers, and what must not win."""

from __future__ import annotations

import numpy as np
import pytest

from reco_sdk.errors import InvalidInput, SnapshotCorrupt
from reco_sdk.evaluation.baselines import Content
from reco_sdk.sources.adapter import AdaptedContent, Adapter
from reco_sdk.sources.history import History
from reco_sdk.training.adapter import AdapterSettings, adapted_rows, fit_adapter, pair_quality, train_adapter
from reco_sdk.training.content_pairs import ContentPairs, content_pairs
from reco_sdk.training.model import Items, Log

pytest.importorskip("torch")

N, D, PARTNERS = 300, 8, 5
FAST = AdapterSettings(learning_rate=0.03, batch_size=128, turned=0.0, hard=1, most_rounds=10)


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


class Turned:
    """A catalogue in which an item's partners lie where a rotation puts it: text alone finds none of them."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.vectors = unit(rng.standard_normal((N, D)))
        self.rotation = np.linalg.qr(rng.standard_normal((D, D)))[0].astype(np.float32)
        likeness = self.vectors @ self.rotation @ self.vectors.T
        np.fill_diagonal(likeness, -9.0)
        partners = np.argsort(-likeness, axis=1)[:, :PARTNERS]
        pairs = np.stack((np.repeat(np.arange(N), PARTNERS), partners.reshape(-1)), axis=1).astype(np.int32)
        new = (rng.random(N) < 0.15)[pairs].any(axis=1)
        self.pairs = ContentPairs(pairs[~new], pairs[new])
        self.shuffled = ContentPairs(*(np.stack((p[:, 0], rng.permutation(p[:, 1])), axis=1) for p in (pairs[~new], pairs[new])))

    def log(self):
        """Everybody looks at an item and at a partner."""
        pairs = np.concatenate((self.pairs.learnt, self.pairs.held))
        users = np.repeat(np.arange(len(pairs), dtype=np.int32), 2)
        n = 2 * len(pairs)
        return Log(users, pairs.reshape(-1), np.arange(n, dtype=np.float64), np.zeros(n, np.int8), None, users, len(pairs), N)


@pytest.fixture(scope="module")
def turned():
    return Turned()


@pytest.fixture(scope="module")
def learnt(turned):
    return train_adapter(turned.pairs, turned.vectors, FAST)


def test_a_rotation_is_recovered_and_holds_for_items_that_nobody_met(turned, learnt):
    vectors, held = turned.vectors, turned.pairs.held
    possible = pair_quality(vectors @ turned.rotation, vectors, held).mean()
    alone = pair_quality(vectors, vectors, held).mean()
    found = pair_quality(learnt.transform(vectors), vectors, held).mean()
    assert alone < 0.1
    assert possible > 0.4
    assert found > 0.85 * possible
    # Up to its length, the map is the rotation.
    cosine = (learnt.matrix * turned.rotation).sum() / np.linalg.norm(learnt.matrix) / np.linalg.norm(turned.rotation)
    assert cosine > 0.9


@pytest.mark.parametrize("seed", range(2))
def test_shuffled_pairs_do_not_win(seed):
    turned = Turned(seed)
    assert train_adapter(turned.shuffled, turned.vectors, FAST, seed=seed) is None


def test_where_text_says_it_all_there_is_nothing_to_learn(turned):
    likeness = turned.vectors @ turned.vectors.T
    np.fill_diagonal(likeness, -9.0)
    near = np.argsort(-likeness, axis=1)[:, :PARTNERS]
    pairs = np.stack((np.repeat(np.arange(N), PARTNERS), near.reshape(-1)), axis=1).astype(np.int32)
    new = (np.random.default_rng(0).random(N) < 0.15)[pairs].any(axis=1)
    adapter = train_adapter(ContentPairs(pairs[~new], pairs[new]), turned.vectors, AdapterSettings(most_rounds=4))
    if adapter is not None:  # it may still sharpen the order, never harm it
        assert adapter.facts["adapted"] > adapter.facts["text_alone"]


def test_too_few_pairs_teach_nothing(turned):
    few = ContentPairs(turned.pairs.learnt[:100], turned.pairs.held)
    assert train_adapter(few, turned.vectors, FAST) is None


def test_the_same_seed_gives_the_same_map(turned):
    settings = AdapterSettings(learning_rate=0.03, turned=0.0, most_rounds=2)
    one, two = (train_adapter(turned.pairs, turned.vectors, settings, seed=1) for _ in range(2))
    assert np.array_equal(one.matrix, two.matrix)


def test_no_pair_that_is_learnt_names_an_item_that_is_held_back(turned):
    pairs = content_pairs(turned.log(), np.ones(N, np.bool_), seed=3)
    tested = np.unique(pairs.held)
    of_new = [np.isin(pairs.held, np.setdiff1d(tested, pairs.learnt)).any(axis=1)]
    assert len(pairs.learnt)
    assert len(pairs.held)
    assert np.all(of_new)


def test_items_without_text_are_in_no_pair(turned):
    known = np.arange(N) % 2 == 0
    pairs = content_pairs(turned.log(), known)
    assert known[pairs.learnt].all()
    assert known[pairs.held].all()


def test_what_a_log_teaches_ranks_as_a_source(turned):
    log = turned.log()
    adapter = fit_adapter(log, Items(N, turned.vectors), FAST)
    adapted, plain = AdaptedContent(turned.vectors, adapter), Content(turned.vectors)
    rows = adapted_rows(Items(N, turned.vectors), adapter)
    hits = {"adapted": 0, "plain": 0, "rows": 0}
    for first, second in turned.pairs.held[:100].tolist():
        mask = np.ones(N, np.bool_)
        mask[first] = False
        asked = (np.asarray([first], np.int32), np.zeros(1), 10, mask)
        hits["adapted"] += second in adapted.scores(*asked).rows
        hits["plain"] += second in plain.scores(*asked).rows
        hits["rows"] += second in rows.scores(*asked).rows
    assert hits["adapted"] > 2 * hits["plain"] + 20
    assert abs(hits["rows"] - hits["adapted"]) <= 5


def test_without_a_map_nothing_is_proposed(turned):
    rows = adapted_rows(Items(N, turned.vectors), None)
    assert not len(rows.propose(History.of(np.asarray([1, 2], np.int32), np.zeros(2))).rows)
    assert fit_adapter(turned.log(), Items(N)) is None


def test_unknown_text_is_never_proposed_and_answers_nothing(turned, learnt):
    vectors = turned.vectors.copy()
    vectors[:100] = 0.0
    content = AdaptedContent(vectors, learnt)
    assert not len(content.scores(np.asarray([5], np.int32), np.zeros(1), 10).rows)
    assert (content.scores(np.asarray([200], np.int32), np.zeros(1), 299).rows >= 100).all()
    assert not len(content.scores(np.empty(0, np.int32), np.empty(0), 10).rows)


def test_a_map_survives_the_disk(tmp_path, turned, learnt):
    learnt.save(tmp_path / "adapter.npz")
    again = Adapter.load(tmp_path / "adapter.npz")
    assert np.array_equal(again.matrix, learnt.matrix)
    assert again.facts == learnt.facts
    (tmp_path / "adapter.npz").write_bytes((tmp_path / "adapter.npz").read_bytes()[:-100])
    with pytest.raises(SnapshotCorrupt, match="train again"):
        Adapter.load(tmp_path / "adapter.npz")


def test_a_map_that_is_none_is_refused(turned, learnt):
    with pytest.raises(InvalidInput):
        Adapter(np.ones((2, 3), np.float32), {})
    with pytest.raises(InvalidInput):
        Adapter(np.full((2, 2), np.nan, np.float32), {})
    with pytest.raises(InvalidInput):
        learnt.transform(np.ones((1, D + 1), np.float32))


def test_zeros_stay_zeros_and_the_rest_is_of_unit_length(turned, learnt):
    out = learnt.transform(np.concatenate((np.zeros((1, D), np.float32), turned.vectors)))
    assert not out[0].any()
    assert np.linalg.norm(out[1:], axis=1) == pytest.approx(1.0, abs=1e-5)
