"""How often one item came with another, as whole numbers, so that adding what is new gives what a rebuild gives.

The counts of a log are the sum of what each session adds, and a session adds a pure function of its items
(:func:`session_pairs`). A session that changed is counted anew and its old count taken off, in whichever order
changes arrive: sums of whole numbers do not depend on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.types import Rows

__all__ = ["STEP_WEIGHTS", "WINDOW", "LivePairs", "PairCounts", "basket_pairs", "best_pairs", "best_rows", "session_pairs"]

Counts = npt.NDArray[np.int32]

WINDOW: Final = 10
"""Two items further apart in a session are no pair."""
STEP_WEIGHTS: Final = tuple(round(64 / distance**0.5) for distance in range(1, WINDOW + 1))
"""What a pair counts by its distance: 64/√distance as a whole number."""


def session_pairs(items: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return what one session adds to the count of each (earlier, later) pair of different items.

    An item right after itself (a reload, a second click) counts as one.
    """
    kept = [item for place, item in enumerate(items) if place == 0 or item != items[place - 1]]
    counts: dict[tuple[int, int], int] = {}
    for place, later in enumerate(kept):
        for distance, weight in enumerate(STEP_WEIGHTS[:place], 1):
            earlier = kept[place - distance]
            if earlier != later:
                counts[earlier, later] = counts.get((earlier, later), 0) + weight
    return counts


def basket_pairs(items: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return what one basket adds: 1 for each two of its items, which have no order, the smaller one given as the earlier."""
    kept = sorted(set(items))
    return {(one, other): 1 for place, one in enumerate(kept) for other in kept[place + 1 :]}


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Every pair of a log: what belongs to item ``i`` is at ``offsets[i]:offsets[i + 1]``, ascending by row.

    Parameters
    ----------
    offsets
        int64 ``(n + 1,)``.
    rows
        int32 ``(m,)``: the other item.
    after, before
        int32 ``(m,)``: weight of the other coming after item ``i``, and before it.
    """

    offsets: npt.NDArray[np.int64]
    rows: Rows
    after: Counts
    before: Counts

    @classmethod
    def of(cls, earlier: Rows, later: Rows, weights: npt.NDArray[np.integer[Any]], n: int) -> PairCounts:
        """Sum weighted pairs; the same pair may be given often."""
        keys, inverse = np.unique(earlier.astype(np.int64) * n + later, return_inverse=True)
        # Exact: whole numbers below 2^53.
        total = np.bincount(inverse, weights, len(keys)).astype(np.int64)
        mirrored = (keys % n) * n + keys // n
        both = np.union1d(keys, mirrored)
        after = np.zeros(len(both), np.int64)
        before = np.zeros(len(both), np.int64)
        after[np.searchsorted(both, keys)] = total
        before[np.searchsorted(both, mirrored)] = total
        offsets = np.searchsorted(both, np.arange(n + 1, dtype=np.int64) * n)
        return cls(offsets, (both % n).astype(np.int32), after.astype(np.int32), before.astype(np.int32))

    @property
    def n(self) -> int:
        """How many items there are."""
        return len(self.offsets) - 1

    def of_item(self, item: int) -> tuple[Rows, Counts, Counts]:
        """Return the others of one item, and both counts; none for an item that came later."""
        part = slice(int(self.offsets[item]), int(self.offsets[item + 1])) if item < self.n else slice(0, 0)
        return self.rows[part], self.after[part], self.before[part]

    def to_arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, for a snapshot."""
        names = ("offsets", "rows", "after", "before")
        return {f"{prefix}_{name}": getattr(self, name) for name in names}

    @classmethod
    def from_arrays(cls, array: Callable[[str], npt.NDArray[Any]], prefix: str) -> PairCounts:
        """Rebuild from a snapshot's arrays."""
        return cls(*(array(f"{prefix}_{name}") for name in ("offsets", "rows", "after", "before")))


def best_pairs(rows: Rows, after: Counts, before: Counts, limit: int) -> tuple[Rows, Counts, Counts]:
    """Return the ``limit`` others with the greatest count both ways, descending, ties by ascending row."""
    order = np.lexsort((rows, -(after.astype(np.int64) + before)))[:limit]
    return rows[order], after[order], before[order]


def best_rows(counts: PairCounts, limit: int) -> PairCounts:
    """Return the best pairs of each item, by :func:`best_pairs`: what is read while serving."""
    item = np.repeat(np.arange(counts.n), np.diff(counts.offsets))
    order = np.lexsort((counts.rows, -(counts.after.astype(np.int64) + counts.before), item))
    kept = order[np.arange(len(order)) - counts.offsets[item] < limit]
    offsets = np.zeros(counts.n + 1, np.int64)
    np.cumsum(np.minimum(np.diff(counts.offsets), limit), out=offsets[1:])
    return PairCounts(offsets, counts.rows[kept], counts.after[kept], counts.before[kept])


def _repeats(items: Sequence[int]) -> bool:
    return any(one == other for one, other in itertools.pairwise(items))


class LivePairs:
    """A snapshot's pairs and what came since. One thread adds and publishes; any thread reads what was published last.

    Parameters
    ----------
    counts
        Every pair of the snapshot.
    rows
        The best pairs of each item.
    limit
        The ``limit`` that ``rows`` was made with.
    pairs_of
        What one group of items adds: :func:`session_pairs` or :func:`basket_pairs`.
    """

    def __init__(
        self,
        counts: PairCounts,
        rows: PairCounts,
        limit: int,
        pairs_of: Callable[[Sequence[int]], dict[tuple[int, int], int]] = session_pairs,
    ) -> None:
        self._counts = counts
        self._rows = rows
        self._limit = limit
        self._pairs_of = pairs_of
        self._since: dict[int, dict[int, list[int]]] = {}
        self.size = 0
        """How many pairs came since the snapshot; one that came both ways may count twice."""
        self._touched: set[int] = set()
        self._fallen: set[int] = set()
        self._changed: dict[int, tuple[Rows, Counts, Counts]] = {}

    def replace(self, old: Sequence[int], new: Sequence[int]) -> None:
        """Count a group that now holds ``new`` and, when it was counted last, held ``old`` (nothing, for a new one)."""
        # A group that grew at its end adds what its end adds: the rest of a long one is not counted anew.
        grown = len(new) > len(old) and list(new[: len(old)]) == list(old)
        start = max(len(old) - WINDOW - 1, 0) if grown and self._pairs_of is session_pairs and not _repeats(old) else 0
        old, new = old[start:], new[start:]
        if grown and self._pairs_of is basket_pairs and len(new) == len(old) + 1:
            difference = {(min(item, new[-1]), max(item, new[-1])): 1 for item in set(old)} if new[-1] not in old else {}
        else:
            difference = self._pairs_of(new)
            for pair, weight in self._pairs_of(old).items():
                difference[pair] = difference.get(pair, 0) - weight
        for (earlier, later), weight in difference.items():
            if weight:
                since = self._since.setdefault(earlier, {})
                self.size += later not in since
                since.setdefault(later, [0, 0])[0] += weight
                self._since.setdefault(later, {}).setdefault(earlier, [0, 0])[1] += weight
                self._touched |= {earlier, later}
                if weight < 0:
                    self._fallen |= {earlier, later}

    def publish(self) -> None:
        """Let readers know what was counted."""
        for item in self._touched:
            self._changed[item] = best_pairs(*self._candidates(item), self._limit)
        self._touched.clear()

    def _candidates(self, item: int) -> tuple[Rows, Counts, Counts]:
        """Return the pairs of an item that may be its best: where no count fell, the best there were and those that grew."""
        if item in self._fallen:
            return self.all_of_item(item)
        grown = np.fromiter(self._since[item], np.int32, len(self._since[item]))
        return self._counted(item, np.union1d(self._rows.of_item(item)[0], grown))

    def all_of_item(self, item: int) -> tuple[Rows, Counts, Counts]:
        """Return every pair of one item, ascending by row: what a rebuild would count."""
        rows, after, before = self._counts.of_item(item)
        since = self._since.get(item)
        if not since:
            return rows, after, before
        rows, after, before = self._counted(item, np.union1d(rows, np.fromiter(since, np.int32, len(since))))
        kept = (after != 0) | (before != 0)
        return rows[kept], after[kept], before[kept]

    def _counted(self, item: int, others: Rows) -> tuple[Rows, Counts, Counts]:
        """Return the counts of an item with some others, ascending."""
        total = np.zeros((2, len(others)), np.int32)
        rows, after, before = self._counts.of_item(item)
        if len(rows):
            places = np.minimum(np.searchsorted(rows, others), len(rows) - 1)
            known = rows[places] == others
            total[0, known], total[1, known] = after[places[known]], before[places[known]]
        since = self._since[item]
        grown = np.fromiter(since, np.int32, len(since))
        total[:, np.searchsorted(others, grown)] += np.asarray(list(since.values()), dtype=np.int32).T
        return others.astype(np.int32), total[0], total[1]

    def of_item(self, item: int) -> tuple[Rows, Counts, Counts]:
        """Return the best pairs of one item."""
        changed = self._changed.get(item)
        return self._rows.of_item(item) if changed is None else changed
