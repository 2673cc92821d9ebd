"""What a snapshot derives from the log: popularity, purchases, sessions; held against loops anyone can read."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reco_sdk.interactions.weighting import kind_weight
from reco_sdk.snapshot.log import InteractionLog, popularity, purchases, visitor_hash
from reco_sdk.snapshot.sessions import embed_sessions
from tests.core.support import NOON, act, purchase, view

NOW = NOON.timestamp()
DAY = 86_400
ROWS = {"a": 0, "b": 1, "c": 2}
KINDS = ["view_item", "add_to_cart", "purchase", "refund", "dismiss"]

logs = st.lists(
    st.builds(
        lambda kind, item, who, user, ago: act(kind, item, who, ago=ago, user_id=user),
        st.sampled_from(KINDS),
        st.sampled_from(["a", "b", "c", "gone"]),
        st.sampled_from(["v1", "v2"]),
        st.sampled_from([None, "u1"]),
        st.integers(0, 5 * DAY),
    ),
    max_size=30,
)


def arrays(interactions, aliases=None, pages=3):
    log = InteractionLog(aliases or {})
    for page in range(pages):
        log.add(interactions[page::pages])
    return log.arrays(ROWS)


def test_whoever_acted_is_the_account_where_it_is_known():
    assert visitor_hash("v1", None, {}) != visitor_hash(None, "v1", {})
    assert visitor_hash("v1", None, {"v1": "u1"}) == visitor_hash("other", "u1", {}) == visitor_hash(None, "u1", {})
    assert visitor_hash(None, None, {}) == 0


@given(logs)
def test_popularity_is_the_sum_of_decayed_weights(interactions):
    wanted = [0.0, 0.0, 0.0]
    for i in interactions:
        if i.item_id in ROWS:
            wanted[ROWS[i.item_id]] += kind_weight(i.kind) * 0.5 ** ((NOW - i.at.timestamp()) / (3 * DAY))
    np.testing.assert_allclose(popularity(arrays(interactions), 3, NOW, 3.0), wanted, atol=1e-9)


@given(logs)
def test_bought_is_what_was_purchased_more_often_than_given_back(interactions):
    counts = Counter()
    for i in interactions:
        if i.item_id in ROWS:
            sign = {"purchase": 1, "refund": -1}.get(i.kind, 0)
            counts[(visitor_hash(i.visitor_id, i.user_id, {"v2": "u1"}), ROWS[i.item_id])] += sign
    bought = purchases(arrays(interactions, {"v2": "u1"}))
    for who in ((None, "u1"), ("v1", None), ("v3", None)):
        key = visitor_hash(*who, {})
        wanted = [row for (k, row), count in counts.items() if k == key for _ in range(count)]
        assert bought.of(key).tolist() == sorted(wanted)


def test_an_empty_log_says_nothing():
    log = arrays([])
    assert len(log) == 0
    assert popularity(log, 3, NOW, 1.0).tolist() == [0, 0, 0]
    assert purchases(log).of(7).tolist() == []


def test_searches_are_passed_over():
    assert len(arrays([act("search", query="red")])) == 0


# -- sessions

VECTORS = np.eye(3, dtype=np.float32)
ALL = np.ones(3, np.bool_)


def embedded(interactions, limit=10, has_vector=ALL):
    return embed_sessions(arrays(interactions), VECTORS, has_vector, gap_seconds=1_800, limit=limit)


def test_sessions_are_told_by_visitor_and_pause_the_latest_first():
    table = embedded(
        [view("a", ago=5_000), view("b", ago=2_000), view("c", ago=1_000), view("a", "v2", ago=1_500), view("b", "v2", ago=500)]
    )
    assert len(table) == 3
    assert [table.items(s).tolist() for s in range(3)] == [[0, 1], [1, 2], [0]]
    assert table.at.tolist() == [NOW - 500, NOW - 1_000, NOW - 5_000]


def test_a_session_is_embedded_as_a_live_one_is():
    table = embedded([view("a", ago=20), purchase("b", ago=10)])
    weighted = np.array([0.8, 5.0**0.5, 0.0])
    np.testing.assert_allclose(table.vectors[0], weighted / np.linalg.norm(weighted), rtol=1e-6)


def test_what_was_disliked_joins_a_session_without_being_in_it():
    table = embedded([view("a", ago=2_400), act("dismiss", "b", ago=1_200), view("c", ago=10)])
    assert [table.items(s).tolist() for s in range(len(table))] == [[0, 2]]


def test_only_the_latest_sessions_are_kept_and_none_for_zero():
    interactions = [view("a", f"v{n}", ago=n) for n in range(5)]
    assert embedded(interactions, limit=2).at.tolist() == [NOW, NOW - 1]
    assert len(embedded(interactions, limit=0)) == 0
    assert len(embedded([])) == 0
    assert len(embedded([act("dismiss", "a")])) == 0


def test_items_without_a_vector_are_left_out():
    table = embedded([view("a", ago=20), view("b", ago=10)], has_vector=np.array([True, False, True]))
    assert table.items(0).tolist() == [0]


def test_a_very_long_session_keeps_its_last_fifty():
    table = embedded([view("a", ago=100 - n) for n in range(90)] + [view("b", ago=1)])
    assert len(table.items(0)) == 50
    assert table.items(0)[-1] == 1


@given(logs)
def test_any_log_gives_unit_vectors(interactions):
    table = embedded(interactions)
    np.testing.assert_allclose(np.linalg.norm(table.vectors, axis=1), 1.0, rtol=1e-5)
    assert table.offsets[-1] == len(table.rows)
    assert (np.diff(table.at) <= 0).all()
