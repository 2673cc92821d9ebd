"""Protocols: known answers by eye; whatever the data, nothing that is asked reaches a model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk.errors import ConfigError, Leakage
from reco_sdk.evaluation.dataset import Dataset, make_log, session_numbers
from reco_sdk.evaluation.folders import read_folder
from reco_sdk.evaluation.leakage import Guard
from reco_sdk.evaluation.splitting import PROTOCOLS, default_protocol, make_split
from reco_sdk.training.model import Items

from . import folders
from .folders import DAY


def dataset(users, items, times, *, timed=True, sessions=None, **more) -> Dataset:
    users, items = np.asarray(users, np.int32), np.asarray(items, np.int32)
    times = np.asarray(times, np.float64)
    sessions = session_numbers(users, times) if sessions is None else np.asarray(sessions)
    n_items = int(items.max()) + 1
    log, _ = make_log(users, items, times, sessions, kinds="view_item", n_users=int(users.max()) + 1, n_items=n_items)
    ids = tuple(map(str, range(n_items)))
    return Dataset("made", ids, Items(n_items), None, log, timed, **more)


def asked(data, cases):
    """(unit, shown items, set of targets) of each case."""
    log = data.log
    out = []
    for case in range(len(cases)):
        targets = cases.targets[cases.offsets[case] : cases.offsets[case + 1]]
        out.append((int(cases.units[case]), cases.shown(case, log)[0].tolist(), set(log.items[targets].tolist())))
    return out


def fitted(data, split):
    return list(zip(data.log.users[split.fit].tolist(), data.log.items[split.fit].tolist(), strict=True))


class TestLeaveOneOut:
    DATA = dataset([0, 1, 0, 0, 1, 0, 2, 2, 2], [5, 6, 7, 8, 5, 9, 1, 2, 3], range(9), timed=False)

    def test_the_last_item_is_asked_and_the_one_before_it_shown(self):
        split = make_split(self.DATA, "leave-one-out")
        assert asked(self.DATA, split.cases[0]) == [(0, [5, 7, 8], {9}), (2, [1, 2], {3})]
        assert fitted(self.DATA, split) == [(0, 5), (1, 6), (0, 7), (1, 5), (2, 1)]
        assert split.cases[0].exclude_input

    def test_validation_asks_the_one_before_and_fits_the_same(self):
        split = make_split(self.DATA, "leave-one-out", part="validation")
        assert asked(self.DATA, split.cases[0]) == [(0, [5, 7], {8}), (2, [1], {2})]
        assert fitted(self.DATA, split) == fitted(self.DATA, make_split(self.DATA, "leave-one-out"))


class TestNextItem:
    def test_each_prefix_of_each_test_session(self, tmp_path):
        folder = folders.clicks(
            tmp_path,
            train=[(1, 0, 1.0), (1, 1, 2.0)],
            valid=[(5, 0, 9.0), (5, 2, 10.0)],
            test=[(5, 0, 20.0), (5, 1, 21.0), (5, 0, 22.0)],
        )
        data = read_folder(folder)
        split = make_split(data, "next-item")
        assert [case[1:] for case in asked(data, split.cases[0])] == [([0], {1}), ([0, 1], {0})]
        assert not split.cases[0].exclude_input
        assert len(fitted(data, split)) == 2
        split = make_split(data, "next-item", part="validation")
        assert [case[1:] for case in asked(data, split.cases[0])] == [([0], {2})]

    def test_the_published_pairs_and_no_others(self, tmp_path):
        data = read_folder(folders.session_lines(tmp_path, ["a b"] * 30, ["a b c\td", "a\tb"]))
        split = make_split(data, "next-item")
        names = {item: number for number, item in enumerate(data.item_ids)}
        a, b, c, d = (names[key] for key in "abcd")
        assert [case[1:] for case in asked(data, split.cases[0])] == [([a, b, c], {d}), ([a], {b})]
        assert len(np.unique(split.cases[0].units)) == 2
        assert int(split.fit.sum()) == 60

    def test_a_validation_part_is_cut_from_the_training_sessions(self, tmp_path):
        data = read_folder(folders.session_lines(tmp_path, [f"a{n} b" for n in range(30)], ["a b c\td"]))
        split = make_split(data, "next-item", part="validation")
        assert len(split.cases[0]) == 3
        assert int(split.fit.sum()) == 54

    def test_undivided_sessions_hold_back_the_last_tenth(self):
        users = np.repeat(np.arange(40), 3)
        data = dataset(users, np.tile([0, 1, 2], 40), users * DAY + np.tile([0, 1, 2], 40))
        split = make_split(data, "next-item")
        assert sorted({case[0] for case in asked(data, split.cases[0])}) == [36, 37, 38, 39]
        assert int(split.fit.sum()) == 36 * 3


class TestTimeSplit:
    def test_baskets_of_the_last_days_given_what_came_before(self, tmp_path):
        rows = [
            ("1", "10000", "a", 1, 0, 1.0, 7),
            ("1", "10001", "b", 1, 0, 1.0, 7),
            ("2", "10002", "c", 1, 200, 1.0, 8),
            ("3", "10000", "a", 1, 390, 1.0, 7),
            ("3", "10003", "d", 1, 390, 1.0, 7),
            ("4", "10000", "a", 1, 395, 1.0, 7),
            ("5", "10001", "b", 1, 399, 1.0, 9),  # a new customer
            ("6", "10002", "c", 1, 400, 1.0, 8),
        ]
        data = read_folder(folders.order_lines(tmp_path, rows))
        split = make_split(data, "time-split")
        again, new = split.cases
        assert (again.name, new.name) == ("with repeats", "without repeats")
        assert asked(data, again) == [(0, [0, 1], {0, 3}), (0, [0, 1, 0, 3], {0}), (1, [2], {2})]
        assert asked(data, new) == [(0, [0, 1], {3})]
        assert (again.exclude_input, new.exclude_input) == (False, True)
        assert int(split.fit.sum()) == 3
        assert "3 baskets of 2 users in the last 30.0 days; 1 of users who did nothing before are not asked" in split.description

    def test_a_short_log_keeps_three_quarters(self):
        data = dataset(np.tile([0, 1], 9), np.arange(18) % 4, np.arange(18) * DAY)
        split = make_split(data, "time-split")
        assert split.cut == data.log.times[-1] - 17 / 4 * DAY

    def test_validation_is_the_time_before_and_knows_nothing_later(self):
        data = dataset(np.zeros(100), np.arange(100) % 7, np.arange(100) * 4 * DAY)
        test, validation = (make_split(data, "time-split", part=part) for part in ("test", "validation"))
        assert set(validation.cases[0].targets.tolist()).isdisjoint(test.cases[0].targets.tolist())
        assert data.log.times[validation.fit].max() < data.log.times[validation.cases[0].targets].min()
        assert data.log.times[validation.cases[0].targets].max() < test.cut

    def test_an_order_is_no_time(self):
        with pytest.raises(ConfigError, match="has no times, only an order"):
            make_split(dataset([0, 0], [0, 1], [0, 1], timed=False), "time-split")


class TestRandomSplit:
    def test_a_fifth_is_asked_given_the_rest(self):
        generator = np.random.default_rng(0)
        data = dataset(generator.integers(0, 20, 500), np.arange(500), np.arange(500))
        split = make_split(data, "random-split", seed=3)
        assert int(split.fit.sum()) == 400
        assert len(split.cases[0].targets) == 100
        for user, shown, targets in asked(data, split.cases[0]):
            assert {user} == set(data.log.users[np.isin(data.log.items, shown)].tolist())
            assert set(shown).isdisjoint(targets)
            assert len(shown) + len(targets) == int((data.log.users == user).sum())
        again, other = (make_split(data, "random-split", seed=seed) for seed in (3, 4))
        assert np.array_equal(split.fit, again.fit)
        assert not np.array_equal(split.fit, other.fit)


def test_the_usual_protocol_of_each_kind_of_data(tmp_path):
    assert default_protocol(dataset([0], [0], [0], timed=False)) == "leave-one-out"
    assert default_protocol(dataset([0], [0], [0])) == "time-split"
    assert default_protocol(read_folder(folders.session_lines(tmp_path / "a", ["1 2"], ["1\t2"]))) == "next-item"
    rated = folders.interactions(tmp_path / "b", [(1, 1, 10, 4)], ("user_id", "item_id", "timestamp", "rating"))
    assert default_protocol(read_folder(rated)) == "random-split"


def test_what_cannot_be_asked_is_refused():
    data = dataset([0, 0], [0, 1], [0, 1])
    with pytest.raises(ConfigError, match="unknown; use one of leave-one-out"):
        make_split(data, "holdout")
    with pytest.raises(ConfigError, match="leaves nothing to ask"):
        make_split(data, "leave-one-out")
    with pytest.raises(ConfigError, match="not between 0 and"):
        make_split(data, "random-split", share=0.7)


@st.composite
def made(draw):
    count = draw(st.integers(3, 60))
    users = draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    items = draw(st.lists(st.integers(0, 6), min_size=count, max_size=count))
    steps = draw(st.lists(st.sampled_from([0.0, 0.0, 60.0, 3_000.0, DAY, 9.0 * DAY]), min_size=count, max_size=count))
    timed = draw(st.booleans())
    return dataset(users, items, np.cumsum(steps), timed=timed)


@given(made(), st.sampled_from(PROTOCOLS), st.sampled_from(["test", "validation"]), st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_no_protocol_leaks(data, protocol, part, seed):
    try:
        split = make_split(data, protocol, part=part, seed=seed)
    except ConfigError:
        return
    guard = Guard(data.log, split)
    log = guard.fit_log(data.log.take(split.fit))
    times = data.log.times
    for cases in split.cases:
        for case in range(len(cases)):
            targets = cases.targets[cases.offsets[case] : cases.offsets[case + 1]]
            assert len(targets) > 0
            assert not split.fit[targets].any()
            shown = cases.places[cases.starts[case] : cases.stops[case]]
            assert len(np.unique(data.log.users[np.append(shown, targets)])) == 1
            assert np.all(np.diff(shown) > 0)
            if protocol == "random-split":
                assert split.fit[shown].all()
            else:
                assert shown.max(initial=-1) < targets.min()
                own = split.fit & (data.log.users == data.log.users[targets[0]])
                assert np.flatnonzero(own).max(initial=-1) < targets.min()
            if protocol == "time-split":
                assert log.times.max(initial=-np.inf) < times[targets].min()
    assert sum(map(len, split.cases)) > 0


@given(made(), st.sampled_from(PROTOCOLS), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_test_and_validation_share_no_target(data, protocol, seed):
    try:
        test, validation = (make_split(data, protocol, part=part, seed=seed) for part in ("test", "validation"))
    except ConfigError:
        return
    held = {int(target) for cases in test.cases for target in cases.targets}
    assert held.isdisjoint(int(target) for cases in validation.cases for target in cases.targets)
    assert not validation.fit[list(held)].any()


class TestGuard:
    DATA = dataset(np.tile([0, 1, 2], 10), np.arange(30), np.arange(30) * DAY)
    IN_SESSIONS = dataset(np.tile([0, 1, 2], 10), np.arange(30), np.arange(30) // 6 * DAY)

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_a_log_that_holds_a_target_is_refused(self, protocol):
        data = self.IN_SESSIONS
        split = make_split(data, protocol)
        guard = Guard(data.log, split)
        assert len(guard.fit_log(data.log.take(split.fit))) == int(split.fit.sum())
        leaking = split.fit.copy()
        leaking[split.cases[0].targets[:1]] = True
        with pytest.raises(Leakage, match="a model was given"):
            guard.fit_log(data.log.take(leaking))
        with pytest.raises(Leakage):
            guard.fit_log(data.log)

    def test_what_is_withheld_from_validation_is_the_test_too(self):
        split = make_split(self.DATA, "leave-one-out", part="validation")
        test = make_split(self.DATA, "leave-one-out")
        leaking = split.fit.copy()
        leaking[test.cases[0].targets] = True
        with pytest.raises(Leakage):
            Guard(self.DATA.log, split).fit_log(self.DATA.log.take(leaking))

    def test_a_part_of_what_may_be_known_is_allowed(self):
        split = make_split(self.DATA, "time-split")
        part = split.fit.copy()
        part[::2] = False
        assert len(Guard(self.DATA.log, split).fit_log(self.DATA.log.take(part)))

    def test_a_split_that_fits_its_targets(self):
        split = make_split(self.DATA, "leave-one-out")
        fit = split.fit.copy()
        fit[split.cases[0].targets] = True
        with pytest.raises(Leakage, match="fitted on what they are asked for"):
            Guard(self.DATA.log, replace(split, fit=fit))

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_a_split_that_shows_its_targets(self, protocol):
        split = make_split(self.IN_SESSIONS, protocol)
        cases = split.cases[0]
        everything = np.arange(len(self.IN_SESSIONS.log))
        count = len(cases)
        shown = replace(
            cases, places=everything, starts=np.zeros(count, np.int64), stops=np.full(count, len(everything), np.int64)
        )
        with pytest.raises(Leakage, match="shown what it is asked for"):
            Guard(self.IN_SESSIONS.log, replace(split, cases=(shown,)))

    def test_a_split_that_fits_the_time_after_its_cut(self):
        split = make_split(self.DATA, "time-split")
        fit = split.fit.copy()
        late = np.setdiff1d(np.flatnonzero(~split.fit), split.cases[0].targets[:3])
        fit[late[-1]] = True
        few = split.cases[0].take(np.arange(3))
        with pytest.raises(Leakage, match="fitted on what came after the cut"):
            Guard(self.DATA.log, replace(split, fit=fit, cases=(few,)))

    def test_a_split_that_fits_what_the_user_did_later(self):
        split = make_split(self.DATA, "leave-one-out", part="validation")
        fit = split.fit.copy()
        fit[make_split(self.DATA, "leave-one-out").cases[0].targets] = True
        with pytest.raises(Leakage, match="the same user did after"):
            Guard(self.DATA.log, replace(split, fit=fit))

    def test_the_same_thing_done_before_and_after_is_no_leak(self):
        data = dataset([0] * 6, [1, 2, 1, 2, 1, 1], [0, 0, 0, 0, 0, 0], timed=False)
        split = make_split(data, "leave-one-out")
        assert len(Guard(data.log, split).fit_log(data.log.take(split.fit))) == 4


def test_some_of_the_cases():
    data = dataset(np.repeat(np.arange(8), 5), np.tile([0, 1, 2, 3, 4], 8), np.tile(np.arange(5), 8) * 9 * DAY)
    cases = make_split(data, "time-split").cases[0]
    chosen = np.asarray([1, 3, 6])
    assert asked(data, cases.take(chosen)) == [asked(data, cases)[place] for place in chosen.tolist()]
