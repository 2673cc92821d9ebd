"""The sequence model: numpy serves what torch trained, it learns what order says, and a run that was ended goes on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from reco_sdk.errors import InvalidInput
from reco_sdk.sources.history import History
from reco_sdk.sources.sequence import SequenceModel
from reco_sdk.training import sequence_model
from reco_sdk.training.co_occurrence import fit_history
from reco_sdk.training.model import Items, Log
from reco_sdk.training.sequence_batches import NEGATIVES, Windows
from reco_sdk.training.sequence_model import SequenceSettings, train_sequence

torch = pytest.importorskip("torch")

N = 10
FOLLOWS = (np.arange(N) + np.random.default_rng(7).integers(1, N, (N, N))) % N
SMALL = SequenceSettings(
    width=16, heads=2, blocks=2, inner=24, length=8, learning_rate=0.01, dropout=0.0, round_steps=15, patience=1
)


def walks(count=250, length=7, seed=0):
    """What comes next depends on the last two items together; neither alone says anything."""
    rng = np.random.default_rng(seed)
    users, items = [], []
    for user in range(count):
        walk = [int(rng.integers(N))]
        walk.append(int(walk[0] + rng.integers(1, N)) % N)
        while len(walk) < length:
            walk.append(int(FOLLOWS[walk[-2], walk[-1]]))
        users += [user] * length
        items += walk
    return log_of(users, items)


def log_of(users, items, n_items=N):
    users, items = np.asarray(users, np.int32), np.asarray(items, np.int32)
    n = len(users)
    return Log(users, items, np.arange(n, dtype=float), np.zeros(n, np.int8), None, users, int(users.max(initial=0)) + 1, n_items)


def training_of(log, items, settings=SMALL, seed=0):
    return sequence_model._Training(torch, Windows(log, settings.length, seed), items, settings, seed)


def shaken(training, seed=0):
    """Move every parameter away from where it begins, so that none is without effect."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in training._values.values():
            value.add_(0.3 * torch.randn(value.shape, generator=generator))
    return training


@pytest.fixture(scope="module")
def trained():
    return train_sequence(walks(), Items(N), SMALL)


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("blocks", [1, 3])
def test_numpy_answers_as_torch_does(heads, blocks):
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((N, 10)).astype(np.float32)
    settings = SequenceSettings(width=16, heads=heads, blocks=blocks, inner=24, length=8)
    training = shaken(training_of(walks(20), Items(N, vectors), settings))
    model = training._model(training._arrays())
    with torch.no_grad():
        table = training._table(torch.arange(N))
        for length in (1, 2, 7, 8):
            items = rng.integers(0, N, length)
            expected = training.states(table[torch.from_numpy(items)][None])[0, -1].numpy()
            assert model.state(items.astype(np.int32)) == pytest.approx(expected, abs=1e-5)


def test_what_comes_later_changes_nothing_before():
    training = shaken(training_of(walks(20), Items(N)))
    with torch.no_grad():
        table = training._table(torch.arange(N))
        one, two = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[1, 2, 9, 4]])
        assert torch.allclose(training.states(table[one])[0, :2], training.states(table[two])[0, :2], atol=1e-6)


def test_it_learns_what_only_the_order_tells(trained):
    log = walks(seed=1)
    plain = fit_history(walks(), Items(N))
    hits = {"sequence": 0, "co_occurrence": 0}
    for user in range(100):
        items = log.items[log.users == user]
        for name, source in (("sequence", trained.model), ("co_occurrence", plain)):
            found = source.scores(items[:-1], np.arange(len(items) - 1.0), 1)
            hits[name] += found.rows[:1].tolist() == [int(items[-1])]
    assert hits["sequence"] >= 85
    assert hits["sequence"] > hits["co_occurrence"] + 20
    assert trained.quality > 0.9


def test_only_the_newest_items_are_read(trained):
    items = np.arange(20, dtype=np.int32) % N
    assert np.array_equal(trained.model.state(items), trained.model.state(items[-SMALL.length :]))


def test_what_is_proposed_are_probabilities_best_first(trained):
    proposals = trained.model.propose(History.of(np.asarray([3, 4], np.int32), np.zeros(2)))
    assert proposals.columns[0].sum() == pytest.approx(1.0)
    assert len(np.unique(proposals.rows)) == len(proposals.rows)
    assert not len(trained.model.propose(History.of(np.empty(0, np.int32), np.empty(0))).rows)


def test_a_new_item_is_known_by_its_text_and_an_unknown_one_is_never_proposed():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((N + 2, 12)).astype(np.float32)
    vectors[N + 1] = 0.0
    log = walks(60)
    log = log_of(log.users, log.items, N + 2)
    model = train_sequence(
        log, Items(N + 2, vectors), SequenceSettings(width=16, inner=24, length=8, round_steps=5, patience=1)
    ).model
    assert model.table[N].any()
    assert not model.table[N + 1].any()
    assert N + 1 not in model.scores(np.asarray([1, 2], np.int32), np.zeros(2), N + 2).rows
    assert N in model.scores(np.asarray([N], np.int32), np.zeros(1), N + 2).rows


class Ended(Exception):
    """The power fails."""


@pytest.mark.parametrize("at", [6, 9])
def test_a_run_that_was_ended_goes_on_and_comes_to_the_same(tmp_path, at):
    settings = SequenceSettings(width=8, inner=8, length=8, round_steps=5, patience=1, learning_rate=0.02, seconds=600.0)
    log, file = walks(40), tmp_path / "sequence.npz"
    whole = train_sequence(log, Items(N), settings, seed=3)
    calls = 0

    def ends(*_):
        nonlocal calls
        calls += 1
        if calls == at:
            raise Ended

    with pytest.raises(Ended):
        train_sequence(log, Items(N), settings, seed=3, checkpoint=file, progress=ends)
    assert file.exists()
    again = train_sequence(log, Items(N), settings, seed=3, checkpoint=file)
    assert not file.exists()
    assert again.steps == whole.steps
    for name, array in whole.model.to_arrays().items():
        assert np.array_equal(again.model.to_arrays()[name], array), name


def test_a_checkpoint_of_another_training_is_refused_and_a_damaged_one_begins_anew(tmp_path):
    settings = SequenceSettings(width=8, inner=8, length=8, round_steps=2, patience=1)
    log, file = walks(40), tmp_path / "sequence.npz"

    def ends(*_):
        if file.exists():
            raise Ended

    with pytest.raises(Ended):
        train_sequence(log, Items(N), settings, checkpoint=file, progress=ends)
    with pytest.raises(InvalidInput, match="another training"):
        train_sequence(log, Items(N), settings, seed=1, checkpoint=file)
    file.write_bytes(file.read_bytes()[:-50])
    assert train_sequence(log, Items(N), settings, checkpoint=file).model is not None


def test_the_time_is_kept():
    settings = SequenceSettings(width=8, inner=8, length=8, patience=10_000, seconds=0.0)
    assert train_sequence(walks(40), Items(N), settings).steps == 1


def test_nothing_to_train_on():
    assert train_sequence(log_of([0, 1], [0, 1]), Items(N), SMALL).model is None
    assert train_sequence(log_of([], []), Items(N), SMALL).model is None


def test_the_model_survives_arrays_and_refuses_what_does_not_fit(trained):
    arrays = trained.model.to_arrays()
    again = SequenceModel.from_arrays(arrays)
    items = np.asarray([1, 2, 3], np.int32)
    assert np.array_equal(again.state(items), trained.model.state(items))
    for name in ("sequence_table", "sequence_0.far", "sequence_1.up", "sequence_norm"):
        with pytest.raises(InvalidInput):
            SequenceModel.from_arrays({key: array for key, array in arrays.items() if key != name})
    with pytest.raises(InvalidInput, match="train again"):
        SequenceModel.from_arrays({**arrays, "sequence_norm": np.full(16, np.nan, np.float32)})


class TestWindows:
    """Every step of every user is asked once, but what is held back."""

    def test_each_next_item_is_asked_once(self):
        log = walks(40, length=20)
        windows = Windows(log, 8)
        asked = []
        for batch in windows.epoch(0, 0):
            within = batch.next >= 0
            asked += list(zip(batch.items[within].tolist(), batch.next[within].tolist(), strict=True))
        steps = []
        for user in range(40):
            items = log.items[log.users == user].tolist()
            steps += list(pairwise(items))
        assert len(asked) == len(steps) - len(windows.held)
        rest = sorted(steps)
        for pair in sorted(asked):
            rest.remove(pair)
        assert sorted(rest) == sorted((int(items[-1]), target) for items, target in windows.held)
        assert windows.held

    def test_epochs_are_what_their_seed_says_and_can_be_entered_anywhere(self):
        windows = Windows(walks(200), 8)
        one, two = list(windows.epoch(1, 2)), list(windows.epoch(1, 2))
        assert len(one) == windows.batches()
        assert all(
            np.array_equal(a.items, b.items) and np.array_equal(a.negatives, b.negatives) for a, b in zip(one, two, strict=True)
        )
        late = list(windows.epoch(1, 2, len(one) - 1))
        assert np.array_equal(late[0].items, one[-1].items)
        assert len(late) == 1

    def test_negatives_are_as_expected(self):
        log = walks(200)
        windows = Windows(log, 8)
        counts = np.zeros(N)
        batches = 0
        for number in range(20):
            for batch in windows.epoch(0, number):
                counts += np.bincount(batch.negatives, minlength=N)
                expected = {
                    int(item): float(np.exp(log_times)) for item, log_times in zip(batch.negatives, batch.expected, strict=True)
                }
                batches += 1
        for item, times in expected.items():
            assert counts[item] / batches == pytest.approx(times, abs=6.0 * (times / batches) ** 0.5 + 0.5)
        assert counts.sum() == batches * NEGATIVES

    def test_what_is_done_again_at_once_counts_once(self):
        assert len(Windows(log_of([0] * 6, [1, 1, 1, 1, 1, 1]), 8)) == 0
