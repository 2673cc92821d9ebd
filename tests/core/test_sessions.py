"""Live sessions: the 30-minute rule, bounds in length, age and number, one history after login; read without a lock."""

import itertools
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_sdk.sessions.encoder import POSITION_DECAY, event_weights, session_vector
from reco_sdk.sessions.session import Event, current_session, sessions_of
from reco_sdk.sessions.tracker import SessionTracker
from tests.core.support import NOON, act, view

NOW = NOON.timestamp()
MINUTE = 60.0


def event(minutes_ago, item_id="a", kind="view_item", **fields):
    return Event(kind, item_id, NOW - minutes_ago * MINUTE, **fields)


def tracker(**bounds):
    return SessionTracker(**{"cap": 5, "ttl_seconds": 86_400, "max_visitors": 3, **bounds})


def ids(events):
    return [e.item_id for e in events]


def test_a_pause_over_thirty_minutes_starts_a_new_session():
    events = (event(100, "a"), event(61, "b"), event(31, "c"), event(1, "d"))
    assert ids(current_session(events, NOW, 30 * MINUTE)) == ["b", "c", "d"]
    assert [ids(s) for s in sessions_of(events, 30 * MINUTE)] == [["a"], ["b", "c", "d"]]


@pytest.mark.parametrize(("minutes_ago", "live"), [(30, True), (30.01, False)])
def test_a_session_ends_thirty_minutes_after_its_last_event(minutes_ago, live):
    assert bool(current_session((event(minutes_ago),), NOW, 30 * MINUTE)) is live
    assert current_session((), NOW, 30 * MINUTE) == ()


@given(st.lists(st.integers(0, 300)), st.integers(0, 60))
def test_sessions_are_the_events_cut_at_every_pause(minutes, gap):
    events = tuple(event(m) for m in sorted(minutes, reverse=True))
    sessions = list(sessions_of(events, gap * MINUTE))
    assert tuple(e for session in sessions for e in session) == events
    for session in sessions:
        assert all(b.at - a.at <= gap * MINUTE for a, b in itertools.pairwise(session))
    for one, other in itertools.pairwise(sessions):
        assert other[0].at - one[-1].at > gap * MINUTE
    if events:
        live = current_session(events, events[-1].at, gap * MINUTE)
        assert live == sessions[-1]


def test_events_in_any_order_are_kept_by_time():
    live = tracker()
    live.record([view("c", ago=10), view("a", ago=30), view("b", ago=20), view("d", ago=0)])
    assert ids(live.history("v1", None, NOW)) == ["a", "b", "c", "d"]


def test_only_the_last_events_are_kept():
    live = tracker()
    live.record([view(str(n), ago=100 - n) for n in range(9)])
    assert ids(live.history("v1", None, NOW)) == ["4", "5", "6", "7", "8"]
    live.record([view("old", ago=5_000)])
    assert ids(live.history("v1", None, NOW)) == ["4", "5", "6", "7", "8"]


def test_old_events_are_forgotten():
    live = tracker(ttl_seconds=100)
    live.record([view("a", ago=101), view("b", ago=100), view("c", ago=99)])
    assert ids(live.history("v1", None, NOW)) == ["b", "c"]
    assert ids(live.history("v1", None, NOW + 0.5)) == ["c"]
    assert live.history("v1", None, NOW + 1_000) == ()


def test_who_was_not_seen_for_longest_is_forgotten_first():
    live = tracker()
    live.record([view("a", who) for who in ("v1", "v2", "v3")])
    live.record([view("b", "v1")])
    live.record([view("c", "v4")])
    assert len(live) == 3
    assert [bool(live.history(who, None, NOW)) for who in ("v1", "v2", "v3", "v4")] == [True, False, True, True]


def test_login_joins_what_the_browser_and_the_account_did():
    live = tracker()
    live.record([view("a", "v1", ago=30), view("c", "v1", ago=10)])
    live.record([act("view_item", "b", None, ago=20, user_id="u1")])
    live.alias("v1", "u1")
    live.record([view("d", "v1", ago=5)])
    for visitor, user in (("v1", None), (None, "u1"), ("v1", "u1"), ("another", "u1")):
        assert ids(live.history(visitor, user, NOW)) == ["a", "b", "c", "d"]
    live.load_aliases({"v1": "u1"})
    assert ids(live.history("v1", None, NOW)) == ["a", "b", "c", "d"]


def test_a_browser_that_changes_hands_belongs_to_the_last_account():
    live = tracker()
    live.alias("v1", "u1")
    live.record([view("a", "v1")])
    live.alias("v1", "u2")
    live.record([view("b", "v1")])
    assert ids(live.history(None, "u1", NOW)) == ["a"]
    assert ids(live.history("v1", None, NOW)) == ["b"]


def test_a_stranger_and_nobody_have_no_history():
    assert tracker().history("stranger", None, NOW) == ()
    assert tracker().history(None, None, NOW) == ()


def test_a_reader_never_finds_a_known_visitor_unknown():
    live = SessionTracker(cap=20, max_visitors=10)
    live.record([view("a")])
    stop, misses = threading.Event(), []

    def read():
        while not stop.is_set():
            history = live.history("v1", None, NOW)
            if not history or list(history) != sorted(history, key=lambda e: e.at):
                misses.append(history)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(3_000):
        live.record([view("a", ago=n % 7), view("b", f"other-{n % 5}")])
    live.alias("v1", "u1")
    stop.set()
    for reader in readers:
        reader.join()
    assert not misses


def test_what_is_done_twice_within_a_second_is_kept_once():
    live = tracker()
    at = NOON.replace(microsecond=200_000)
    live.record(
        [view("a", at=at), view("a", at=at.replace(microsecond=900_000)), act("add_to_cart", "a", at=at), view("b", at=at)]
    )
    assert [(e.kind, e.item_id) for e in live.history("v1", None, NOW)] == [
        ("view_item", "a"),
        ("add_to_cart", "a"),
        ("view_item", "b"),
    ]
    live.record([view("a", at=at.replace(second=1, microsecond=0)), act("search", query="x"), act("search", query="y")])
    assert len(live.history("v1", None, NOW + 2)) == 5  # the cap; the first view of a is gone
    assert ids(live.history("v1", None, NOW + 2))[-1] == "a"


def test_events_from_elsewhere_join_once():
    live = tracker(cap=9)
    live.record([view("a", at=NOON.replace(microsecond=300_000)), view("c", ago=-3)])
    carried = [Event("view_item", "a", NOW), Event("view_item", "b", NOW + 1), Event("view_item", "c", NOW + 3)]
    for _ in range(2):
        live.merge("v1", None, carried)
        assert ids(live.history("v1", None, NOW)) == ["a", "b", "c"]
    live.record([view("b", ago=-1.5)])  # the store's copy, half a second later than the coarse one
    assert ids(live.history("v1", None, NOW)) == ["a", "b", "c"]
    live.merge(None, None, carried)
    assert len(live) == 1


def test_what_a_browser_brings_into_its_account_is_not_seen_twice():
    """Until its login is known here, the store's copies are the browser's, and what it carries is the account's."""
    live = tracker(cap=9)
    carried = [Event("view_item", "a", NOW), Event("view_item", "b", NOW + 1)]
    live.merge("v1", "u1", carried)
    live.record([view("a", at=NOON.replace(microsecond=700_000)), view("c", ago=-2)])
    assert ids(live.history("v1", "u1", NOW)) == ["a", "b", "c"]
    live.alias("v1", "u1")
    assert ids(live.history("v1", None, NOW)) == ["a", "b", "c"]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=25), st.randoms(use_true_random=False))
def test_from_however_many_sides_an_event_comes_it_is_kept_once(acts, random):
    events = [Event("view_item", str(item), NOW + tick / 2) for tick, item in acts]
    live = tracker(cap=100)
    copies = events * 2
    random.shuffle(copies)
    for event in copies:
        live.merge("v1", None, [event])
        live.merge("v1", None, [event._replace(at=event.at // 1.0)])
    found = live.history("v1", None, NOW)
    assert sorted({(e.item_id, e.at // 1.0) for e in events}) == sorted((e.item_id, e.at // 1.0) for e in found)
    assert [e.at for e in found] == sorted(e.at for e in found)


@given(st.lists(st.tuples(st.sampled_from(["v1", "v2", "v3", "v4", "v5"]), st.integers(0, 200), st.integers(0, 99)), max_size=40))
def test_any_history_is_bounded_and_in_order(acts):
    live = tracker()
    for who, ago, item in acts:
        live.record([view(str(item), who, ago=ago)])
    assert len(live) <= 3
    for who in {who for who, _, _ in acts}:
        history = live.history(who, None, NOW)
        assert len(history) <= 5
        assert [e.at for e in history] == sorted(e.at for e in history)
    if acts:
        assert live.history(acts[-1][0], None, NOW)


# -- the vector of a session


def test_later_and_stronger_events_weigh_more():
    events = (
        event(5, kind="view_item"),
        event(4, kind="purchase"),
        event(3, kind="search", item_id=None, query="red"),
        event(2, kind="rate", value=5.0),
        event(1, kind="dismiss"),
    )
    np.testing.assert_allclose(event_weights(events), [0.8**4, 5**0.5 * 0.8**3, 1.5 * 0.8**2, 2**0.5 * 0.8, -(2.0**0.5)])
    assert POSITION_DECAY == 0.8
    assert event_weights(()).shape == (0,)


def test_the_vector_is_the_unit_weighted_mean():
    east, north = np.eye(2, dtype=np.float32)
    vector = session_vector(np.stack([east, north]), np.array([3.0, 4.0]))
    np.testing.assert_allclose(vector, [0.6, 0.8], rtol=1e-6)
    assert vector.dtype == np.float32


def test_what_was_dismissed_pushes_away():
    east, north = np.eye(2, dtype=np.float32)
    vector = session_vector(np.stack([east, north]), np.array([1.0, -1.0]))
    assert vector[0] > 0 > vector[1]


@pytest.mark.parametrize("weights", [[], [1.0, -1.0], [0.0, 0.0]])
def test_a_session_that_says_nothing_has_no_vector(weights):
    vectors = np.ones((len(weights), 3), np.float32)
    assert session_vector(vectors, np.asarray(weights)) is None
