"""Which session or basket an interaction belongs to, and what that one held before: of those that may still go on.

A group is what one key did without a pause longer than the gap, by time, interactions of the same time in the order they
were logged. Later interactions may be told earlier: an order is read a minute after it was placed. So a group is not
closed by its end but by its age.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from reco_sdk.types import Floats, Rows

__all__ = ["Change", "OpenGroups", "RecentGroups"]

_CLOSED_AFTER_GAPS: Final = 6.0
"""What comes later than so many gaps after the latest interaction of all begins a group of its own until the next rebuild."""


class Change(NamedTuple):
    """What one interaction did to a group.

    Parameters
    ----------
    name
        Tells the group from every other.
    number
        Its number in the snapshot, −1 for one that began later.
    at
        When its last interaction was.
    key
        Whose it is.
    old, new
        Its items before, and now; none for one that another group took in.
    """

    name: int
    number: int
    at: float
    key: int
    old: list[int]
    new: list[int]


@dataclass(frozen=True, slots=True)
class RecentGroups:
    """The snapshot's groups that may still go on, by ascending key.

    Parameters
    ----------
    keys
        uint64 ``(g,)``, the same one for several groups of its own.
    numbers
        int32 ``(g,)``: place among the listed sessions, −1 for none.
    offsets
        int64 ``(g + 1,)`` into what follows.
    items, at
        int32 and float64: each group's interactions, ascending by time.
    """

    keys: npt.NDArray[np.uint64]
    numbers: Rows
    offsets: npt.NDArray[np.int64]
    items: Rows
    at: Floats

    def to_arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, for a snapshot."""
        return {f"{prefix}_{name}": getattr(self, name) for name in ("keys", "numbers", "offsets", "items", "at")}

    @classmethod
    def from_arrays(cls, array: Callable[[str], npt.NDArray[Any]], prefix: str) -> RecentGroups:
        """Rebuild from a snapshot's arrays."""
        return cls(*(array(f"{prefix}_{name}") for name in ("keys", "numbers", "offsets", "items", "at")))


@dataclass(slots=True)
class _Group:
    name: int
    number: int
    events: list[tuple[float, int]]


class OpenGroups:
    """Takes interactions in the order of the log.

    Parameters
    ----------
    recent
        The snapshot's.
    gap_seconds
        A longer pause begins a new group.
    limit
        Items of a group that count, the first ones.
    """

    def __init__(self, recent: RecentGroups, gap_seconds: float, limit: int) -> None:
        self._recent = recent
        self._gap = gap_seconds
        self._limit = limit
        self._groups: dict[int, list[_Group]] = {}
        self._names = len(recent.keys)
        self._latest = -np.inf

    def add(self, key: int, at: float, item: int) -> list[Change]:
        """Return what one interaction changes."""
        groups = self._groups.get(key)
        if groups is None:
            groups = self._groups[key] = self._of_snapshot(key)
        self._latest = max(self._latest, at)
        near = [g for g in groups if g.events[0][0] - at <= self._gap and at - g.events[-1][0] <= self._gap]
        if not near:
            group = _Group(self._names, -1, [(at, item)])
            self._names += 1
            groups.append(group)
            return [Change(group.name, -1, at, key, [], [item])]
        # What lies between two groups makes them one.
        near.sort(key=lambda g: g.events[0][0])
        first = near[0]
        changes = []
        old = self._items(first)
        for other in near[1:]:
            changes.append(Change(other.name, other.number, other.events[-1][0], key, self._items(other), []))
            first.events += other.events
            groups.remove(other)
        first.events.insert(bisect_right(first.events, at, key=lambda event: event[0]), (at, item))
        changes.append(Change(first.name, first.number, first.events[-1][0], key, old, self._items(first)))
        return changes

    def close(self) -> None:
        """Forget groups that no longer go on."""
        oldest = self._latest - _CLOSED_AFTER_GAPS * self._gap
        for key in [k for k, groups in self._groups.items() if all(g.events[-1][0] < oldest for g in groups)]:
            # Known as empty, so that the snapshot's are not taken up once more.
            if len(self._of_snapshot(key)):
                self._groups[key] = []
            else:
                del self._groups[key]

    def _items(self, group: _Group) -> list[int]:
        return [item for _, item in group.events[: self._limit]]

    def _of_snapshot(self, key: int) -> list[_Group]:
        recent = self._recent
        wanted = np.uint64(key)
        first, last = int(recent.keys.searchsorted(wanted)), int(recent.keys.searchsorted(wanted, side="right"))
        found = []
        for place in range(first, last):
            part = slice(int(recent.offsets[place]), int(recent.offsets[place + 1]))
            events = list(zip(recent.at[part].tolist(), recent.items[part].tolist(), strict=True))
            found.append(_Group(place, int(recent.numbers[place]), events))
        return found
