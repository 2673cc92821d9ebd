"""Sessions and baskets: what a process counts since a snapshot is what a rebuild counts, and what groups are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_sdk import Config, Interaction, Item
from reco_sdk.interactions import cleaning
from reco_sdk.items.catalogue import Columns
from reco_sdk.items.tables import IdTable
from reco_sdk.snapshot.base import Base
from reco_sdk.snapshot.log import InteractionLog, visitor_hash
from reco_sdk.sources import behaviour as module
from reco_sdk.sources.behaviour import Behaviour
from reco_sdk.sources.history import History
from reco_sdk.training.behaviour import learn_behaviour

START = datetime(2026, 3, 1, tzinfo=UTC)
ITEMS = [f"i{n}" for n in range(7)]
GAP = 30.0
CATEGORIES = {"i0": "A", "i1": "B", "i2": "A", "i3": "A > C", "i5": "B"}
CONFIG = Config(session_gap_minutes=GAP)
# Minutes after one another, or a little before: an order is read later than it was placed.
steps = st.sampled_from([0, 0, 1, 5, 20, 29, 31, 45, -1, -10, -30])
acts = st.tuples(
    st.sampled_from(["v1", "v2", None]),
    st.sampled_from(ITEMS),
    st.sampled_from(["view_item", "add_to_cart", "purchase", "purchase", "refund", "dismiss", "remove_from_cart"]),
    st.sampled_from([None, None, "order:1", "order:2"]),
    steps,
)


@pytest.fixture
def strict(monkeypatch):
    """Rules of cleaning that a few interactions are enough for."""
    monkeypatch.setattr(cleaning, "_PACES", ((4, 6.0), (8, 60.0)))
    monkeypatch.setattr(cleaning, "PER_SESSION", 2)


def logged(acts, seconds=60):
    steps, log = 0, []
    for number, (visitor, item, kind, session, step) in enumerate(acts):
        steps += step
        at = START + timedelta(seconds=steps * seconds)
        user = None if visitor else "u1"
        one = Interaction(
            kind=kind, item_id=item, visitor_id=visitor, user_id=user, session_id=session, at=at, event_id=str(number)
        )
        log.append(one)
    return log


def counted(log, catalogue, now):
    """Return what a snapshot of a log counts."""
    whole = InteractionLog({})
    whole.add(log)
    rows = {item_id: row for row, item_id in enumerate(catalogue)}
    absent = whole.absent(rows)
    numbers = {**rows, **{item_id: place for place, item_id in enumerate(absent, len(rows))}}
    columns = Columns.of([Item(id=i, title=i, categories=[CATEGORIES[i]] if i in CATEGORIES else []) for i in catalogue])
    codes = np.append(columns.main_category, np.full(len(absent), -1, np.int32))
    names = len(columns.facets.vocabulary)
    arrays = learn_behaviour(whole.arrays(numbers), len(numbers), now.timestamp(), CONFIG, codes, names)
    base = Base.empty(now.timestamp())
    base = replace(base, columns=columns, absent=IdTable.of(absent), snapshot=SimpleNamespace(array=arrays.__getitem__))
    return Behaviour(base, GAP * 60.0)


def told(behaviour):
    """Return everything a behaviour says, by item id."""
    name = {number: item_id for item_id in ITEMS if behaviour.seen(number := behaviour.number(item_id))}
    out = {"sessions": behaviour.viewed.count, "baskets": behaviour.bought.count}
    baskets = behaviour.categories
    out["by category"] = baskets.count, baskets.popularity.tolist()
    for code in range(len(baskets.popularity)):
        rows, after, before = baskets.pairs.of_item(code)
        out["category", code] = dict(zip(rows.tolist(), (after + before).tolist(), strict=True))
    for buyer in (("v1", None), ("v2", None), (None, "u1")):
        numbers, found = behaviour.purchases.of([visitor_hash(*buyer, {})])
        days = zip(found.times.tolist(), found.first.tolist(), found.last.tolist(), strict=True)
        by_number = {behaviour.number(item_id): item_id for item_id in ITEMS}
        out[buyer] = {by_number[number]: kept for number, kept in zip(numbers.tolist(), days, strict=True)}
    again = {i: behaviour.purchases.counts[:, n].tolist() for i in ITEMS if (n := behaviour.number(i)) >= 0}
    out["again"] = {item_id: counts for item_id, counts in again.items() if any(counts)}
    for number, item_id in name.items():
        for what in (behaviour.viewed, behaviour.bought):
            popularity = int(what.popularity[number]) if number < len(what.popularity) else 0
            rows, after, before = what.pairs.of_item(number)
            pairs = {}
            for row, a, b in zip(rows.tolist(), after.tolist(), before.tolist(), strict=True):
                # A pair of a basket has no order, and items have other numbers after a rebuild.
                pairs[name[row]] = a + b if what is behaviour.bought else (a, b)
            if popularity or pairs:
                out[item_id, what is behaviour.bought] = popularity, pairs
        for other in list(name)[::3]:
            votes = behaviour.neighbours.propose(History.of(np.asarray([number, other], np.int32), np.zeros(2)))
            sums: dict[str, list[float]] = {}
            for place, row in enumerate(votes.rows.tolist()):
                seen = sums.setdefault(name[row], [0.0] * len(votes.columns))
                sums[name[row]] = [a + float(column[place]) for a, column in zip(seen, votes.columns, strict=True)]
            if sums:
                out[item_id, name[other], "votes"] = sums
    return out


@given(
    st.lists(acts, min_size=1, max_size=30), st.integers(0, 30), st.integers(0, 7), st.integers(1, 4), st.sampled_from([1, 60])
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_snapshot_and_what_came_since_count_what_a_rebuild_counts(strict, acts, cut, known, parts, seconds):
    """Steps of a second are double clicks and robots: what is left out is the same on both sides, too."""
    log, catalogue = logged(acts, seconds), ITEMS[:known]
    before, since = log[:cut], log[cut:]
    now = max(i.at for i in log)
    live = counted(before, catalogue, now)
    for part in range(parts):
        live.add(since[len(since) * part // parts : len(since) * (part + 1) // parts])
        live.publish()
    rebuilt = counted(log, catalogue, now)
    assert told(live) == told(rebuilt)


def act(item, minute, who="v1", kind="view_item", **fields):
    return Interaction(kind=kind, item_id=item, visitor_id=who, at=START + timedelta(minutes=minute), **fields)


def pairs_of(what, behaviour, item):
    rows, after, before = what.pairs.of_item(behaviour.number(item))
    return {ITEMS[row]: (a, b) for row, a, b in zip(rows.tolist(), after.tolist(), before.tolist(), strict=True)}


def test_a_session_is_one_visitors_without_a_pause_over_the_gap():
    log = [act("i0", 0), act("i1", 1), act("i2", 40), act("i3", 2, "v2"), act("i4", 3, "v2", "dismiss")]
    behaviour = counted(log, ITEMS, START)
    assert behaviour.viewed.count == 3
    assert pairs_of(behaviour.viewed, behaviour, "i0") == {"i1": (64, 0)}
    assert pairs_of(behaviour.viewed, behaviour, "i2") == {}
    assert pairs_of(behaviour.viewed, behaviour, "i3") == {}


def test_what_lies_between_two_sessions_makes_them_one():
    behaviour = counted([act("i0", 0), act("i2", 50)], ITEMS, START + timedelta(minutes=60))
    behaviour.add([act("i1", 25)])
    behaviour.publish()
    assert behaviour.viewed.count == 1
    assert pairs_of(behaviour.viewed, behaviour, "i1") == {"i2": (64, 0), "i0": (0, 64)}


def test_a_basket_is_an_order_and_counts_each_pair_once():
    lines = [("i0", "o1"), ("i1", "o1"), ("i1", "o1"), ("i2", "o2"), ("i0", "o2"), ("i3", "o3")]
    log = [act(item, 0, order, "purchase", session_id=order) for item, order in lines]
    behaviour = counted(log, ITEMS, START)
    assert behaviour.bought.count == 3
    assert behaviour.bought.popularity[:4].tolist() == [2, 1, 1, 1]
    both = {item: sum(counts) for item, counts in pairs_of(behaviour.bought, behaviour, "i0").items()}
    assert both == {"i1": 1, "i2": 1}


def test_a_long_session_and_a_huge_order_count_no_further_than_their_limit():
    ids = [f"x{n}" for n in range(module.SESSION_ITEMS + 5)]
    log = [act(item, 0) for item in ids] + [act(item, 0, "v2", "purchase") for item in ids]
    behaviour = counted(log, ids, START)
    assert behaviour.viewed.popularity.tolist() == [2] * module.SESSION_ITEMS + [0] * 5
    assert int(behaviour.bought.popularity.sum()) == module.BASKET_ITEMS
    live = counted([], ids, START)
    live.add(log)
    live.publish()
    assert live.viewed.popularity.tolist() == behaviour.viewed.popularity.tolist()
    assert live.bought.popularity.tolist() == behaviour.bought.popularity.tolist()


def test_only_the_last_interactions_are_learned_from():
    whole = InteractionLog({})
    whole.add([act("i0", 0), act("i1", 1), act("i2", 2)])
    numbers = {item_id: number for number, item_id in enumerate(ITEMS)}
    arrays = learn_behaviour(whole.arrays(numbers), len(ITEMS), START.timestamp(), replace(CONFIG, interactions_learned=2))
    assert arrays["viewed_popularity"].tolist() == [0, 1, 1, 0, 0, 0, 0]
