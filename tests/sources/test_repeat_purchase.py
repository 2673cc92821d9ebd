"""Buying again: what is counted since a snapshot is what a rebuild counts, refunds undo, and what is due comes first."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk.snapshot.log import visitor_hash
from reco_sdk.sources.purchase_days import PurchaseDays, PurchaseTable, kept_days
from reco_sdk.sources.repeat_purchase import chance, cycle_days, repeat_share

DAY = 86_400.0
ANNE, BEN = visitor_hash("anne", None, {}), visitor_hash(None, "ben", {})
acts = st.tuples(st.sampled_from([ANNE, BEN, 7]), st.integers(0, 3), st.integers(0, 12), st.booleans())


def table(log, n=4):
    buyers, items, days, refunds = (np.asarray(column) for column in zip(*log, strict=True)) if log else (np.empty(0),) * 4
    signs = np.where(refunds.astype(bool), -1, 1).astype(np.int8)
    return PurchaseTable.of(buyers.astype(np.uint64), items.astype(np.int32), days * DAY + 60.0, signs, n)


def told(purchases):
    out = {"counts": purchases.counts.tolist()}
    for keys in ((ANNE,), (BEN,), (7,), (ANNE, BEN), (99,)):
        items, found = purchases.of(keys)
        out[keys] = [items.tolist(), found.times.tolist(), found.first.tolist(), found.last.tolist()]
    return out


@given(st.lists(acts, max_size=25), st.integers(0, 25), st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_a_snapshot_and_what_came_since_count_what_a_rebuild_counts(log, cut, parts):
    live, since = PurchaseDays(table(log[:cut])), log[cut:]
    for part in range(parts):
        for key, item, day, refund in since[len(since) * part // parts : len(since) * (part + 1) // parts]:
            live.add(key, item, day * DAY + 60.0, refund=refund)
        live.publish(4)
    assert told(live) == told(PurchaseDays(table(log)))


@given(st.lists(acts, max_size=25))
@settings(max_examples=200, deadline=None)
def test_the_counts_are_those_of_each_buyer_by_itself(log):
    expected = np.zeros((4, 4), np.int64)
    for key in (ANNE, BEN, 7):
        for item in range(4):
            codes = sorted(2 * day + refund for who, what, day, refund in log if (who, what) == (key, item))
            if days := kept_days(codes):
                expected[:, item] += (1, len(days) > 1, len(days) - 1, days[-1] - days[0])
    assert table(log).counts.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ([(1, False), (1, False), (9, False)], [1, 9]),
        ([(1, False), (9, False), (9, True)], [1]),
        ([(1, False), (9, False), (5, True)], [9]),
        ([(1, False), (1, False), (2, True)], [1]),
        ([(1, True), (2, False)], [2]),
        ([(1, False), (2, True), (3, True)], []),
    ],
)
def test_a_refund_takes_back_the_last_purchase_before_it(told, kept):
    assert kept_days(sorted(2 * day + refund for day, refund in told)) == kept


def test_a_day_counts_once_and_a_buyer_may_have_several_names():
    purchases = PurchaseDays(table([(ANNE, 1, 3, False), (ANNE, 1, 3, False), (BEN, 1, 10, False), (BEN, 2, 10, False)]))
    items, found = purchases.of((ANNE, BEN))
    assert items.tolist() == [1, 2]
    assert found.times.tolist() == [2, 1]
    assert (found.first.tolist(), found.last.tolist()) == ([3, 10], [10, 10])


def test_shares_and_cycles_are_shrunk_towards_the_shops():
    # Item 0: 10 buyers, 6 came back, 8 gaps of 30 days; item 1: nobody; item 2: 10 buyers, none came back.
    counts = np.asarray([[10, 0, 10], [6, 0, 0], [8, 0, 0], [240, 0, 0]])
    shop = (6 + 20 * 0.1) / (20 + 20)
    assert repeat_share(counts, np.arange(3)) == pytest.approx([(6 + 5 * shop) / 15, shop, 5 * shop / 15])
    cycle = (240 + 20 * 45) / 28
    of_item = (240 + 5 * cycle) / 13
    none = np.zeros(2, np.int64)
    assert cycle_days(counts, np.asarray([0, 1]), none, none) == pytest.approx([of_item, cycle])
    own = cycle_days(counts, np.asarray([0]), np.asarray([3]), np.asarray([21]))
    assert own == pytest.approx([(21 + 2 * of_item) / 5])


def test_the_chance_is_that_of_a_buyer_who_may_have_stopped():
    # By hand: half come back, after 28 days on average, two weeks from a purchase that is 28 days old.
    at = [(1 + 2 * t / 28) * math.exp(-2 * t / 28) for t in (28, 42)]
    expected = 0.5 * (at[0] - at[1]) / (0.5 + 0.5 * at[0])
    half, month = np.full(1, 0.5), np.full(1, 28.0)
    assert chance(half, month, np.full(1, 28.0)) == pytest.approx([expected])


@given(st.floats(0.01, 0.95), st.floats(1.0, 400.0), st.floats(0.0, 4_000.0))
def test_it_is_a_chance_low_at_first_and_low_again_after_far_too_long(share, cycle, elapsed):
    share, cycle = np.full(3, share), np.full(3, cycle)
    some, right_after, far_later = chance(share, cycle, np.asarray([elapsed, 0.0, 40.0 * cycle[0]]))
    assert 0.0 <= some < 1.0
    assert far_later < 1e-3
    if cycle[0] > 60.0:
        assert right_after < chance(share, cycle, 0.6 * cycle)[0]
