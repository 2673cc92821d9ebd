"""What a snapshot counts of sessions and baskets: what :class:`~reco_sdk.sources.behaviour.Behaviour` reads and goes on from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.config import Config
from reco_sdk.interactions.cleaning import EARLIEST, counting, sessions_of_log
from reco_sdk.snapshot.log import LogArrays
from reco_sdk.sources.behaviour import BASKET_ITEMS, BEST_PAIRS, BOUGHT, CATEGORIES, LISTED, SESSION_ITEMS, VIEWED
from reco_sdk.sources.open_groups import RecentGroups
from reco_sdk.sources.pair_counts import PairCounts, best_rows
from reco_sdk.sources.purchase_days import PurchaseTable
from reco_sdk.sources.session_lists import SessionLists, Sessions
from reco_sdk.training.pairs import pairs_in_order
from reco_sdk.types import Floats, Rows

__all__ = ["learn_behaviour"]

_LOGGED_LATELY: Final = 1_000
"""Interactions at the end of the log whose groups may still be filled, whatever their time: an import may be half-way."""


def learn_behaviour(
    log: LogArrays, n: int, now: float, config: Config, categories: Rows | None = None, n_categories: int = 0
) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of sessions and baskets, for a snapshot.

    Parameters
    ----------
    log
        All interactions in the order of the log, ``rows`` from 0 up to ``n``; what does not count is left out here.
    n
        How many items there are.
    now
        Epoch seconds.
    categories
        int32 ``(n,)``: code of each item's main category, below ``n_categories``; −1 for none.
    """
    log = log.take(log.at >= EARLIEST)
    money = log.take(log.bought != 0)
    arrays = PurchaseTable.of(money.buyers, money.rows, money.at, money.bought, n).to_arrays()
    log = log.take(np.arange(len(log)) >= len(log) - config.interactions_learned)
    gap = config.session_gap_minutes * 60.0
    sessions = _Groups.of(log, log.sessions, log.weights > 0.0, gap)

    kept = np.ones(len(sessions.items), np.bool_)
    for out in counting(sessions.group, sessions.items, sessions.weights, sessions.at).values():
        kept &= ~out
    counted = sessions.first(SESSION_ITEMS, kept)
    listed, numbers = _list(sessions, counted, n)
    arrays |= listed.to_arrays(LISTED)
    pairs = pairs_in_order(sessions.group[counted], sessions.items[counted], n)
    arrays |= _counts(VIEWED, pairs, np.bincount(sessions.items[counted], minlength=n), int(np.count_nonzero(numbers >= 0)))
    arrays |= sessions.recent(now - gap, numbers).to_arrays(f"{VIEWED}_open")

    arrays |= _baskets(BOUGHT, log, n, now - gap, gap)
    if categories is None:
        categories = np.full(n, -1, np.int32)
    arrays |= _baskets(CATEGORIES, replace(log, rows=categories[log.rows]), n_categories, now - gap, gap)
    return arrays


def _baskets(prefix: str, log: LogArrays, n: int, since: float, gap: float) -> dict[str, npt.NDArray[Any]]:
    baskets = _Groups.of(log, log.baskets, (log.bought > 0) & (log.rows >= 0), gap)
    counted = baskets.first(BASKET_ITEMS, np.ones(len(baskets.items), np.bool_))
    group, items = _distinct(baskets.group[counted], baskets.items[counted])
    return {
        **_counts(prefix, _together(group, items, n), np.bincount(items, minlength=n), baskets.count),
        **baskets.recent(since, np.full(baskets.count, -1, np.int32)).to_arrays(f"{prefix}_open"),
    }


def _counts(prefix: str, pairs: PairCounts, popularity: npt.NDArray[np.intp], count: int) -> dict[str, npt.NDArray[Any]]:
    return {
        **pairs.to_arrays(prefix),
        **best_rows(pairs, BEST_PAIRS).to_arrays(f"{prefix}_best"),
        f"{prefix}_popularity": popularity.astype(np.int64),
        f"{prefix}_count": np.asarray([count], np.int64),
    }


@dataclass(frozen=True, slots=True)
class _Groups:
    """Interactions group by group, each group's ascending by time, then by place in the log.

    Parameters
    ----------
    keys
        uint64 ``(g,)`` ascending: whose each group is.
    starts
        int64 ``(g + 1,)`` into what follows.
    group, items, at, weights, logged
        ``(m,)``: number of the group, item, epoch seconds, weight, place in the log.
    length
        Of the log.
    """

    keys: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    items: Rows
    at: Floats
    weights: Floats
    logged: npt.NDArray[np.int64]
    length: int

    @classmethod
    def of(cls, log: LogArrays, keys: npt.NDArray[np.uint64], which: npt.NDArray[np.bool_], gap: float) -> _Groups:
        places = np.flatnonzero(which)
        order, begins = sessions_of_log(keys[places], log.at[places], gap)
        order = places[order]
        starts = np.append(np.flatnonzero(begins), len(order)).astype(np.int64)
        group = np.cumsum(begins) - 1
        return cls(keys[order[starts[:-1]]], starts, group, log.rows[order], log.at[order], log.weights[order], order, len(log))

    @property
    def count(self) -> int:
        return len(self.keys)

    def first(self, limit: int, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return which interactions are among the first ``limit`` of their group that are kept."""
        before = np.append(0, np.cumsum(kept))
        inside: npt.NDArray[np.bool_] = before[:-1] - before[self.starts[self.group]] < limit
        return kept & inside

    def ends(self) -> Floats:
        """Return the time of each group's last interaction."""
        return self.at[self.starts[1:] - 1]

    def recent(self, since: float, numbers: Rows) -> RecentGroups:
        """Return the groups that may still go on."""
        open_ = self.ends() >= since
        open_[self.group[self.logged >= self.length - _LOGGED_LATELY]] = True
        inside = open_[self.group]
        sizes = np.diff(self.starts)[open_]
        offsets = np.zeros(len(sizes) + 1, np.int64)
        np.cumsum(sizes, out=offsets[1:])
        events = self.items[inside], self.at[inside], self.weights[inside]
        return RecentGroups(self.keys[open_], numbers[open_], offsets, *events)


def _list(sessions: _Groups, counted: npt.NDArray[np.bool_], n: int) -> tuple[SessionLists, Rows]:
    """Return the sessions for the nearest-session source, and the number that each was given there; −1 for an empty one."""
    sizes = np.bincount(sessions.group[counted], minlength=sessions.count)
    there = np.flatnonzero(sizes)
    offsets = np.zeros(len(there) + 1, np.int64)
    np.cumsum(sizes[there], out=offsets[1:])
    keys, ends = sessions.keys.view(np.int64)[there], sessions.ends()[there]
    numbers = np.full(sessions.count, -1, np.int32)
    numbers[there[np.lexsort((keys, ends))]] = np.arange(len(there), dtype=np.int32)
    return SessionLists.of(Sessions(offsets, sessions.items[counted], ends, keys), n), numbers


def _distinct(group: npt.NDArray[np.int64], items: Rows) -> tuple[npt.NDArray[np.int64], Rows]:
    """Return each group's items once, ascending."""
    order = np.lexsort((items, group))
    group, items = group[order], items[order]
    once = np.ones(len(items), np.bool_)
    once[1:] = (group[1:] != group[:-1]) | (items[1:] != items[:-1])
    return group[once], items[once]


def _together(group: npt.NDArray[np.int64], items: Rows, n: int) -> PairCounts:
    """Return the sum of :func:`~reco_sdk.sources.pair_counts.basket_pairs`; the items of a group ascend."""
    smaller: list[Rows] = []
    greater: list[Rows] = []
    for distance in range(1, BASKET_ITEMS):
        pair = np.flatnonzero(group[distance:] == group[:-distance])
        if not len(pair):
            break
        smaller.append(items[pair])
        greater.append(items[pair + distance])
    nothing = np.empty(0, np.int32)
    one, other = (np.concatenate(part) if part else nothing for part in (smaller, greater))
    return PairCounts.of(one, other, np.ones(len(one), np.int64), n)
