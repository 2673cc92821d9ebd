"""What is left out of a log, and why; what was bought stays, and a refund takes it back."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_sdk.interactions import cleaning as module
from reco_sdk.interactions.cleaning import (
    EARLIEST,
    PER_HOUR,
    PER_MINUTE,
    PER_SESSION,
    PURCHASE,
    RULES,
    Event,
    Session,
    cleaned,
)
from reco_sdk.snapshot.log import InteractionLog
from tests.core.support import NOON, WARDROBE, act, purchase, recommender, view

NOW = NOON.timestamp()
GAP = 1_800.0
WEIGHTS = {"view_item": 1.0, "add_to_cart": 3.0, "purchase": PURCHASE, "refund": -PURCHASE}


def left(acts, now=NOW):
    """Return what is kept of (browser, item, kind, seconds before now), and what was dropped by rule."""
    browsers, items, kinds, ago = zip(*acts, strict=True)
    weights = np.asarray([WEIGHTS[kind] for kind in kinds])
    at = now - np.asarray(ago, float)
    keep, report = cleaned(np.asarray(browsers, np.uint64), np.asarray(items), weights, at, GAP)
    assert report.read == len(acts)
    assert report.kept == int(keep.sum())
    assert set(report.dropped) == set(RULES)
    return keep.tolist(), {name: count for name, count in report.dropped.items() if count}


def test_ordinary_visits_are_left_alone():
    acts = [(n % 7, n % 5, "view_item", 11.0 * n) for n in range(300)]
    assert left(acts) == ([True] * 300, {})


def test_a_double_click_counts_once_and_a_purchase_each_time():
    acts = [(1, 1, "view_item", 10.0), (1, 1, "view_item", 9.2), (1, 1, "view_item", 5.0), (1, 2, "view_item", 9.1)]
    acts += [(2, 1, "view_item", 9.9), (1, 1, "add_to_cart", 9.0), (1, 1, "purchase", 8.0), (1, 1, "purchase", 7.9)]
    acts += [(1, 1, "refund", 7.0), (1, 1, "refund", 6.9)]
    assert left(acts) == ([True, False, *[True] * 8], {"double click": 1})


def test_a_log_that_knows_the_day_alone_is_neither_a_robots_nor_clicked_twice():
    acts = [(1, n % 40, "view_item", 43_200.0) for n in range(120)]
    assert left(acts)[1] == {}


@pytest.mark.parametrize(("count", "pause", "robot"), [(PER_MINUTE, 1.0, True), (PER_MINUTE, 2.0, False), (PER_HOUR, 3.0, True)])
def test_a_session_that_is_faster_than_a_person_is_a_robots_unless_it_buys(count, pause, robot):
    acts = [(1, n, "view_item", 10_000.0 - pause * n) for n in range(count)]
    others = [(2, 1, "view_item", 30.0), (1, 1, "view_item", 90_000.0)]
    keep, dropped = left([*acts, *others])
    assert dropped == ({"robot": count} if robot else {})
    assert keep[-2:] == [True, True], "another browser, and another session"
    assert left([*acts, (1, 3, "purchase", 10_000.0 - pause * count)])[1] == {}


def test_times_that_cannot_be():
    acts = [(1, 2, "view_item", NOW - EARLIEST + 1), (1, 3, "purchase", NOW), (1, 4, "view_item", 0.0)]
    assert left(acts) == ([False, False, True], {"impossible time": 2})


def test_what_is_done_over_and_over_in_a_session_is_an_outlier():
    acts = [(1, 1, "view_item", 40_000.0 - 600.0 * n) for n in range(PER_SESSION + 6)]
    keep, dropped = left(acts)
    assert dropped == {"outlier": 6}
    assert keep == [True] * PER_SESSION + [False] * 6  # the first ones count


ACTS = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.integers(0, 2),
        st.sampled_from(["view_item", "view_item", "view_item", "add_to_cart", "purchase"]),
        st.one_of(st.integers(0, 12).map(float), st.floats(0, 12).map(lambda t: round(t, 2)), st.integers(0, 4_000).map(float)),
    ),
    min_size=1,
    max_size=30,
)


@pytest.fixture
def strict(monkeypatch):
    """Rules that a few interactions are enough for."""
    monkeypatch.setattr(module, "_PACES", ((4, 6.0), (6, 20.0)))
    monkeypatch.setattr(module, "PER_SESSION", 3)


@given(ACTS, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_rules_do_not_depend_on_the_order_of_the_log(strict, acts, random):
    acts = list(dict.fromkeys(acts))
    keep, dropped = left(acts)
    shuffled = acts[:]
    random.shuffle(shuffled)
    again, same = left(shuffled)
    assert dropped == same
    assert {a for a, k in zip(acts, keep, strict=True) if k} == {a for a, k in zip(shuffled, again, strict=True) if k}
    assert all(k for a, k in zip(acts, keep, strict=True) if a[2] == "purchase")


@given(ACTS, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_session_after_the_other_is_judged_as_all_at_once(strict, acts, random):
    keep, _ = left(acts)
    wanted = Counter((b, NOW - ago, i, WEIGHTS[kind]) for (b, i, kind, ago), kept in zip(acts, keep, strict=True) if kept)
    got = Counter()
    for browser in (1, 2):
        sessions: list[list[Event]] = []
        for at, item, weight in sorted((NOW - ago, i, WEIGHTS[kind]) for b, i, kind, ago in acts if b == browser):
            if not sessions or at - sessions[-1][-1].at > GAP:
                sessions.append([])
            sessions[-1].append(Event(at, item, weight))
        for events in sessions:
            cut = random.randint(0, len(events))
            parts = []
            for part in (events[:cut], events[cut:]):
                one = Session()
                for event in random.sample(part, len(part)):
                    one.add(event)
                parts.append(one)
            if parts[0].events and parts[1].events:
                parts[0].join(parts[1])
            whole = parts[0] if parts[0].events else parts[1]
            assert [event.at for event in whole.events] == [event.at for event in events]
            got.update((browser, *event) for event in whole.counted)
    assert got == wanted


def test_a_log_is_cleaned_once_and_may_grow():
    log = InteractionLog({})
    log.add([view("a", ago=5), view("a", ago=4.5), view("b", at=datetime(1970, 1, 1, tzinfo=UTC))])
    rows = {"a": 0, "b": 1}
    assert len(log.arrays(rows)) == 3
    report = log.clean(GAP)
    assert str(report) == "1 of 3 interactions count; left out: 1 impossible time, 1 double click"
    assert log.arrays(rows).rows.tolist() == [0]
    log.add([view("b", ago=3)])
    assert len(log.arrays(rows)) == 4
    assert len(log.arrays(rows, everything=True)) == 4
    assert log.clean(GAP).kept == 2


async def test_a_snapshot_says_what_it_left_out():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        await reco.import_interactions([view("boots", "v", ago=60), view("boots", "v", ago=59), view("hose", "v", ago=50)])
        await reco.sync()
        facts = (await reco.doctor()).facts
        assert facts["snapshot"]["left_out"] == {"impossible time": 0, "robot": 0, "double click": 1, "outlier": 0}
        assert facts["snapshot"]["interactions"] == 2
        assert facts["new_items"] == {"places": 0, "given": 0, "share": 0.0, "cost": 0.0}


async def test_what_a_process_counts_since_a_snapshot_is_what_the_next_one_counts():
    clicks = [view("boots", "v", ago=60), view("boots", "v", ago=59), view("hose", "v", ago=50), view("rake", "w", ago=9)]
    robot = [view(("boots", "rake", "hose")[n % 3], "robot", ago=200 - n) for n in range(60)]
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        await reco.import_interactions([*clicks[:1], *robot[:30]])
        await reco.sync()
        await reco.record_many([*clicks[1:3], *robot[30:]])
        await reco.import_interactions(clicks[3:])
        await reco.flush()
        await reco._follower.rank()
        live = [getattr(reco.engine.state.orders, name) for name in ("popular", "trending", "sold")]
        await reco.sync()
        rebuilt = [getattr(reco.engine.state.orders, name) for name in ("popular", "trending", "sold")]
        for one, other in zip(live, rebuilt, strict=True):
            assert np.allclose(one, other, atol=1e-6)
        assert (await reco.doctor()).facts["snapshot"]["left_out"]["robot"] == 60


@pytest.mark.parametrize("synced", [False, True])
async def test_what_was_given_back_is_no_bestseller(synced):
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        log = [purchase("boots", f"b{n}", ago=7_000 + n, event_id=f"o{n}") for n in range(3)]
        log += [act("refund", "boots", f"b{n}", at=NOON - timedelta(seconds=600 - n), event_id=f"r{n}") for n in range(3)]
        log += [purchase("rake", "c", ago=9_000, event_id="c")]
        await reco.import_interactions(log)
        await reco._follower.rank()
        if synced:
            await reco.sync()
        slate = await reco.recommend(strategy="bestsellers", n=8)
        assert slate.ids[0] == "rake"
        assert "bestsellers" not in {name for item in slate if item.id == "boots" for name in item.contributions}
