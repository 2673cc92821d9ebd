"""Fits that go on, and never from what they may not know."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reco_sdk.training.grown import Grown, holds
from reco_sdk.training.model import Items, Log


def make_log(rows):
    users, items = (np.asarray([row[column] for row in rows], np.int32) for column in (0, 1))
    return Log(users, items, np.arange(len(rows), dtype=np.float64), np.zeros(len(rows), np.int8), None, users, 5, 5)


ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12)


@given(ROWS, st.data())
def test_a_log_holds_each_of_its_parts(rows, data):
    log = make_log(rows)
    which = np.asarray(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    part = log.take(which)
    assert holds(log, part)
    assert holds(part, log) == bool(which.all())


def test_a_fit_goes_on_while_the_log_grows_and_begins_anew_when_it_does_not():
    told = []
    fit = Grown(lambda log, _, earlier: told.append(earlier) or len(log))
    log, items = make_log([(0, 1), (1, 2), (2, 3), (3, 4)]), Items(5)
    first, last = np.asarray([1, 1, 0, 0], np.bool_), np.asarray([0, 1, 1, 1], np.bool_)
    for part in (log.take(first), log, log.take(last), log):
        fit(part, items)
    assert told == [None, 2, None, 3]
