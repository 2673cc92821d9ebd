"""What is added to a snapshot answers, bit for bit, as a snapshot made of everything would."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk.sources.co_occurrence import CoOccurrence
from reco_sdk.sources.pair_counts import LivePairs, PairCounts, best_rows, session_pairs
from reco_sdk.sources.session_knn import SessionKnn
from reco_sdk.sources.session_lists import LiveSessions, SessionLists, Sessions

N = 9
# Few items and few times: ties everywhere.
items = st.lists(st.integers(0, N - 1), max_size=7)
session = st.tuples(items, items, st.integers(0, 4), st.integers(0, 4))
logs = st.lists(session, max_size=14)
histories = st.lists(st.lists(st.integers(0, N - 1), min_size=1, max_size=6), min_size=1, max_size=4)


def counted(lists: list[list[int]]) -> PairCounts:
    pairs = [(a, b, w) for one in lists for (a, b), w in session_pairs(one).items()]
    earlier, later, weights = (np.asarray([p[c] for p in pairs], np.int64) for c in range(3))
    return PairCounts.of(earlier.astype(np.int32), later.astype(np.int32), weights, N)


def listed(parts: list[tuple[int, float, list[int]]]) -> SessionLists:
    parts = [part for part in parts if part[2]]
    offsets = np.zeros(len(parts) + 1, np.int64)
    offsets[1:] = np.cumsum([len(part[2]) for part in parts])
    rows = np.asarray([row for part in parts for row in part[2]], np.int32)
    return SessionLists.of(
        Sessions(offsets, rows, np.asarray([p[1] for p in parts], float), np.asarray([p[0] for p in parts], np.int64)), N
    )


def answers(model, histories):
    for history in histories:
        got = model.scores(np.asarray(history, np.int32), np.arange(len(history), dtype=float), 5)
        yield got.rows.tolist(), got.scores.tobytes()


@given(logs, histories, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_pairs_of_a_snapshot_and_what_came_since_are_those_of_a_rebuild(log, asked, random):
    base = counted([old for old, _, _, _ in log])
    live = LivePairs(base, best_rows(base, 3), 3)
    order = list(log)
    random.shuffle(order)
    for old, new, _, _ in order:
        live.replace(old, old + new)
    live.publish()
    whole = counted([old + new for old, new, _, _ in log])
    rebuilt = best_rows(whole, 3)
    for item in range(N):
        for got, want in zip(live.all_of_item(item), whole.of_item(item), strict=True):
            assert got.tolist() == want.tolist()
        for got, want in zip(live.of_item(item), rebuilt.of_item(item), strict=True):
            assert got.tolist() == want.tolist()
    popularity = np.bincount([i for old, new, _, _ in log for i in old + new], minlength=N)
    assert list(answers(CoOccurrence(live, popularity), asked)) == list(answers(CoOccurrence(rebuilt, popularity), asked))


@given(logs, histories, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_sessions_of_a_snapshot_and_what_came_since_vote_as_those_of_a_rebuild(log, asked, random):
    base_parts = [(key, float(at), old) for key, (old, _, at, _) in enumerate(log)]
    base = listed(base_parts)
    number = {int(key): place for place, key in enumerate(base.sessions.keys.tolist())}
    live = LiveSessions(base)
    changed = [key for key, (_, new, _, _) in enumerate(log) if new]
    random.shuffle(changed)
    for key in changed:
        old, new, at, later = log[key]
        for stop in range(1, len(new) + 1):
            live.replace(key, float(at + later), key, old + new[:stop], number.get(key, -1))
    joined = live.publish()
    whole = listed([(key, float(at + later if new else at), old + new) for key, (old, new, at, later) in enumerate(log)])
    assert joined.count == whole.count
    for item in range(N):
        assert joined.frequency(item) == whole.frequency(item)
        one, other = joined.holder(item), whole.holder(item)
        assert min(one, 0) == min(other, 0)
        assert one < 0 or joined.session(one) == whole.session(other)
    got, want = SessionKnn(joined), SessionKnn(whole)
    assert list(answers(got, asked)) == list(answers(want, asked))


def test_a_session_that_lost_an_item_no_longer_counts_it():
    base = counted([[1, 2, 3]])
    live = LivePairs(base, best_rows(base, 5), 5)
    live.replace([1, 2, 3], [1, 3])
    live.publish()
    assert live.all_of_item(2)[0].tolist() == []
    assert live.all_of_item(1)[0].tolist() == [3]
    assert live.all_of_item(1)[1].tolist() == [64]
