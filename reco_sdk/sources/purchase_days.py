"""On which days each buyer bought each item: a snapshot's, and all that came since.

A refund takes back the last purchase on or before its day that was not taken back yet, whatever order the log told them in. All
that is counted of an item is a sum of whole numbers over its buyers, so what a process counts is, bit for bit, what a rebuild
counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.types import Rows

__all__ = ["PURCHASED", "PurchaseDays", "PurchaseTable", "Spans", "kept_days", "spans"]

PURCHASED: Final = "purchased"
DAY_SECONDS: Final = 86_400.0
_NAMES: Final = ("keys", "offsets", "items", "codes", "counts")

Ints = npt.NDArray[np.int64]


def kept_days(codes: Iterable[int]) -> list[int]:
    """Return the distinct days of purchases that no refund took back, ascending.

    Parameters
    ----------
    codes
        Ascending: twice the day since 1970, and one more for a refund.
    """
    kept: list[int] = []
    for code in codes:
        day, refund = divmod(code, 2)
        if not refund:
            kept.append(day)
        elif kept:
            kept.pop()
    return list(dict.fromkeys(kept))


@dataclass(frozen=True, slots=True)
class Spans:
    """Of ``g`` buyers' purchases of one item each: how often, and from when to when.

    Parameters
    ----------
    starts
        Where each begins in what was given.
    times
        int64 ``(g,)``: days of purchases that were not taken back; 0 for none.
    first, last
        int64 ``(g,)``: the first and the last of them, days since 1970; −1 for none.
    """

    starts: Ints
    times: Ints
    first: Ints
    last: Ints


def spans(group: npt.NDArray[Any], codes: Rows) -> Spans:
    """Return what :func:`kept_days` keeps of each group: its number, its first and its last.

    Parameters
    ----------
    group
        ``(m,)`` ascending: which buyer and item.
    codes
        int32 ``(m,)``, ascending in each group.
    """
    if not len(group):
        nothing = np.empty(0, np.int64)
        return Spans(nothing, nothing, nothing, nothing)
    begins = np.ones(len(group), np.bool_)
    begins[1:] = group[1:] != group[:-1]
    days = codes.astype(np.int64) >> 1
    fresh = begins.copy()
    fresh[1:] |= days[1:] != days[:-1]
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(group))
    times = np.add.reduceat(fresh.astype(np.int64), starts)
    first, last = days[starts], days[ends - 1]
    for place in np.unique(np.cumsum(begins)[(codes & 1) == 1] - 1).tolist():
        kept = kept_days(codes[starts[place] : ends[place]].tolist())
        times[place], first[place], last[place] = (len(kept), kept[0], kept[-1]) if kept else (0, -1, -1)
    return Spans(starts, times, first, last)


@dataclass(frozen=True, slots=True)
class PurchaseTable:
    """A snapshot's purchases and refunds.

    Parameters
    ----------
    keys
        uint64 ``(b,)`` ascending: the buyers.
    offsets
        int64 ``(b + 1,)`` into what follows.
    items, codes
        int32: what each bought, ascending by item, then by code; see :func:`kept_days`.
    counts
        int64 ``(4, n)`` by item: its buyers, those who bought it on several days, the gaps between those days, their sum.
    """

    keys: npt.NDArray[np.uint64]
    offsets: Ints
    items: Rows
    codes: Rows
    counts: Ints

    @classmethod
    def of(
        cls, buyers: npt.NDArray[np.uint64], items: Rows, at: npt.NDArray[np.float64], signs: npt.NDArray[Any], n: int
    ) -> PurchaseTable:
        """Build the table of ``n`` items from purchases (sign 1) and refunds (−1), in any order."""
        codes = (np.floor(at / DAY_SECONDS).astype(np.int64) * 2 + (signs < 0)).astype(np.int32)
        order = np.lexsort((codes, items, buyers))
        buyers, items, codes = buyers[order], items[order], codes[order]
        group = np.zeros(len(items), np.int64)
        np.cumsum((buyers[1:] != buyers[:-1]) | (items[1:] != items[:-1]), out=group[1:])
        found = spans(group, codes)
        kept, of_item = found.times > 0, items[found.starts]
        counts = np.zeros((4, n), np.int64)
        for place, values in enumerate((kept, found.times > 1, (found.times - 1) * kept, found.last - found.first)):
            np.add.at(counts[place], of_item, values.astype(np.int64))
        keys, starts = np.unique(buyers, return_index=True)
        return cls(keys, np.append(starts, len(buyers)).astype(np.int64), items, codes, counts)

    def of_buyer(self, key: int) -> tuple[Rows, Rows]:
        """Return the items and codes of one buyer."""
        wanted = np.uint64(key)
        place = int(self.keys.searchsorted(wanted))
        known = place < len(self.keys) and self.keys[place] == wanted
        part = slice(int(self.offsets[place]), int(self.offsets[place + 1])) if known else slice(0)
        return self.items[part], self.codes[part]

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, for a snapshot."""
        return {f"{PURCHASED}_{name}": getattr(self, name) for name in _NAMES}

    @classmethod
    def from_arrays(cls, array: Callable[[str], npt.NDArray[Any]]) -> PurchaseTable:
        """Rebuild from a snapshot's arrays."""
        return cls(*(array(f"{PURCHASED}_{name}") for name in _NAMES))


class PurchaseDays:
    """A snapshot's purchases and what came since. One thread adds and publishes; any thread reads."""

    def __init__(self, table: PurchaseTable) -> None:
        self._table = table
        self._since: dict[int, dict[int, list[int]]] = {}
        self._more: dict[int, list[int]] = {}
        self.counts = table.counts
        """As of :class:`PurchaseTable`, published last."""

    def add(self, key: int, item: int, at: float, *, refund: bool) -> None:
        """Take a purchase or a refund of one buyer."""
        mine = self._since.get(key, {})
        old = mine[item] if item in mine else self._of_snapshot(key, item)
        new = sorted((*old, int(at // DAY_SECONDS) * 2 + refund))
        # Replaced, never written to: requests read it meanwhile.
        self._since[key] = {**mine, item: new}
        more = self._more.setdefault(item, [0, 0, 0, 0])
        for sign, codes in ((-1, old), (1, new)):
            days = kept_days(codes)
            if days:
                for place, value in enumerate((1, len(days) > 1, len(days) - 1, days[-1] - days[0])):
                    more[place] += sign * value

    def publish(self, n: int) -> None:
        """Let readers know what was counted, of ``n`` items."""
        if not self._more and self.counts.shape[1] == n:
            return
        counts = np.zeros((4, n), np.int64)
        counts[:, : self.counts.shape[1]] = self.counts
        for item, more in self._more.items():
            counts[:, item] += more
        self._more = {}
        self.counts = counts

    def of(self, keys: Sequence[int]) -> tuple[Rows, Spans]:
        """Return what one buyer bought, who may have several keys: the items, ascending, and the days of each."""
        items, codes = [], []
        for key in keys:
            mine = self._since.get(key, {})
            bought, when = self._table.of_buyer(key)
            if mine and len(bought):
                before = ~np.isin(bought, list(mine))
                bought, when = bought[before], when[before]
            items += [bought, *(np.full(len(since), item, np.int32) for item, since in mine.items())]
            codes += [when, *(np.asarray(since, np.int32) for since in mine.values())]
        if not items:
            return np.empty(0, np.int32), spans(np.empty(0, np.int32), np.empty(0, np.int32))
        item, code = np.concatenate(items), np.concatenate(codes)
        order = np.lexsort((code, item))
        item, code = item[order], code[order]
        found = spans(item, code)
        return item[found.starts], found

    def _of_snapshot(self, key: int, item: int) -> list[int]:
        items, codes = self._table.of_buyer(key)
        codes_of_item: list[int] = codes[items.searchsorted(item) : items.searchsorted(item, side="right")].tolist()
        return codes_of_item
