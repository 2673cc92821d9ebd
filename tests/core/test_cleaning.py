"""What is left out of a log, and why; what was bought stays, and a refund takes it back."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk.interactions.cleaning import PER_DAY, PER_HOUR, PER_MINUTE, RULES, TWICE_SECONDS, cleaned
from reco_sdk.snapshot.log import InteractionLog
from tests.core.support import NOON, WARDROBE, act, purchase, recommender, view

NOW = NOON.timestamp()


def left(acts, now=NOW):
    """Return what is kept of (browser, item, kind, seconds before now), and what was dropped by rule."""
    browsers, items, kinds, ago = (np.asarray(column) for column in zip(*acts, strict=True))
    keep, report = cleaned(browsers.astype(np.uint64), items, kinds, now - ago.astype(float), kinds == "purchase", now)
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
    assert left(acts) == ([True, False, True, True, True, True, True, True], {"double click": 1})


def test_a_log_that_knows_the_day_alone_is_neither_a_robots_nor_clicked_twice():
    acts = [(1, n % 40, "view_item", 43_200.0) for n in range(120)]
    assert left(acts)[1] == {}


@pytest.mark.parametrize(("count", "pause", "robot"), [(PER_MINUTE, 1.0, True), (PER_MINUTE, 2.0, False), (PER_HOUR, 3.0, True)])
def test_a_browser_that_is_faster_than_a_person_is_a_robot_unless_it_buys(count, pause, robot):
    acts = [(1, n, "view_item", 10_000.0 - pause * n) for n in range(count)]
    other = [(2, 1, "view_item", 30.0)]
    keep, dropped = left([*acts, *other])
    assert dropped == ({"robot": count} if robot else {})
    assert keep[-1]
    assert left([*acts, (1, 3, "purchase", 20.0)])[1] == {}


def test_times_that_cannot_be():
    acts = [(1, 1, "view_item", -299.0), (1, 2, "view_item", -301.0), (1, 3, "purchase", NOW), (1, 4, "view_item", 0.0)]
    assert left(acts) == ([True, False, False, True], {"impossible time": 2})


def test_what_one_browser_does_all_day_is_an_outlier():
    acts = [(1, 1, "view_item", 40_000.0 - 600.0 * n) for n in range(PER_DAY + 6)]
    keep, dropped = left(acts)
    assert dropped == {"outlier": 6}
    assert keep == [True] * PER_DAY + [False] * 6  # the first ones count


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 2), st.sampled_from(["view_item", "purchase"]), st.floats(-900, 9_000)),
        min_size=1,
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=100, deadline=None)
def test_the_rules_do_not_depend_on_the_order_of_the_log_and_keep_one_of_each(acts, random):
    acts = list({(b, i, k, round(t, 3)): None for b, i, k, t in acts})
    keep, dropped = left(acts)
    shuffled = acts[:]
    random.shuffle(shuffled)
    again, same = left(shuffled)
    assert dropped == same
    kept = {a for a, k in zip(acts, keep, strict=True) if k}
    assert kept == {a for a, k in zip(shuffled, again, strict=True) if k}
    for one in acts:
        if one[3] >= -300:
            alike = [a for a in kept if a[:3] == one[:3] and abs(a[3] - one[3]) < TWICE_SECONDS * len(acts)]
            assert alike
            assert one in kept or one[2] != "purchase"


def test_a_log_is_cleaned_once_and_may_grow():
    log = InteractionLog({})
    log.add([view("a", ago=5), view("a", ago=4.5), view("b", ago=-900)])
    rows = {"a": 0, "b": 1}
    assert len(log.arrays(rows)) == 3
    report = log.clean(NOW)
    assert str(report) == "1 of 3 interactions count; left out: 1 impossible time, 1 double click"
    assert log.arrays(rows).rows.tolist() == [0]
    log.add([view("b", ago=3)])
    assert len(log.arrays(rows)) == 4
    assert log.clean(NOW).kept == 2


async def test_a_snapshot_says_what_it_left_out():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        await reco.import_interactions([view("boots", "v", ago=60), view("boots", "v", ago=59), view("hose", "v", ago=50)])
        await reco.sync()
        facts = (await reco.doctor()).facts
        assert facts["snapshot"]["left_out"] == {"impossible time": 0, "robot": 0, "double click": 1, "outlier": 0}
        assert facts["snapshot"]["interactions"] == 2
        assert facts["new_items"] == {"places": 0, "given": 0, "share": 0.0, "cost": 0.0}


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
