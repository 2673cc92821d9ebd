"""Which session or basket an interaction belongs to, and what that one held before: of those that may still go on.

A group is what one key did without a pause longer than the gap, by time, interactions of the same time in the order they
were logged. Later interactions may be told earlier: an order is read a minute after it was placed. So a group is not
closed by its end but by its age.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from reco_sdk.interactions.cleaning import PURCHASE, Event, Session
from reco_sdk.types import Floats, Rows

__all__ = ["Change", "OpenGroups", "RecentGroups"]

_ARRAYS: Final = ("keys", "numbers", "offsets", "items", "at", "weights")
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
        Its items before, and now, as far as they count; none for one that another group took in.
    counts, does_not
        What counts now and did not, the interaction itself aside, and what does not any more, itself among it.
    """

    name: int
    number: int
    at: float
    key: int
    old: list[int]
    new: list[int]
    counts: Sequence[Event] = ()
    does_not: Sequence[Event] = ()


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
    items, at, weights
        int32, float64 and float64: each group's interactions, ascending by time.
    """

    keys: npt.NDArray[np.uint64]
    numbers: Rows
    offsets: npt.NDArray[np.int64]
    items: Rows
    at: Floats
    weights: Floats

    def to_arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, for a snapshot."""
        return {f"{prefix}_{name}": getattr(self, name) for name in _ARRAYS}

    @classmethod
    def from_arrays(cls, array: Callable[[str], npt.NDArray[Any]], prefix: str) -> RecentGroups:
        """Rebuild from a snapshot's arrays."""
        return cls(*(array(f"{prefix}_{name}") for name in _ARRAYS))


@dataclass(slots=True)
class _Group:
    name: int
    number: int
    session: Session

    @property
    def first(self) -> float:
        return self.session.events[0].at

    @property
    def last(self) -> float:
        return self.session.events[-1].at


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

    def add(self, key: int, at: float, item: int, weight: float = PURCHASE) -> list[Change]:
        """Return what one interaction changes."""
        event = Event(at, item, weight)
        groups = self._groups.get(key)
        if groups is None:
            groups = self._groups[key] = self._of_snapshot(key)
        self._latest = max(self._latest, at)
        near = [g for g in groups if g.first - at <= self._gap and at - g.last <= self._gap]
        if not near:
            group = _Group(self._names, -1, Session())
            self._names += 1
            groups.append(group)
            group.session.add(event)
            return [Change(group.name, -1, at, key, [], self._items(group))]
        # What lies between two groups makes them one.
        near.sort(key=lambda g: g.first)
        first = near[0]
        changes = []
        old, counted = self._items(first), list(first.session.counted)
        for other in near[1:]:
            changes.append(Change(other.name, other.number, other.last, key, self._items(other), []))
            counted += other.session.counted
            first.session.join(other.session)
            groups.remove(other)
        first.session.add(event)
        now = first.session.counted
        more: Sequence[Event] = ()
        less: Sequence[Event] = ()
        # Nearly always it just goes on.
        if len(near) > 1 or len(now) != len(counted) + 1 or now[-1] is not event:
            before, after = Counter((*counted, event)), Counter(now)
            more, less = tuple((after - before).elements()), tuple((before - after).elements())
        changes.append(Change(first.name, first.number, first.last, key, old, self._items(first), more, less))
        return changes

    def close(self) -> None:
        """Forget groups that no longer go on."""
        oldest = self._latest - _CLOSED_AFTER_GAPS * self._gap
        for key in [k for k, groups in self._groups.items() if all(g.last < oldest for g in groups)]:
            # Known as empty, so that the snapshot's are not taken up once more.
            if len(self._of_snapshot(key)):
                self._groups[key] = []
            else:
                del self._groups[key]

    def _items(self, group: _Group) -> list[int]:
        return [event.item for event in group.session.counted[: self._limit]]

    def _of_snapshot(self, key: int) -> list[_Group]:
        recent = self._recent
        wanted = np.uint64(key)
        first, last = int(recent.keys.searchsorted(wanted)), int(recent.keys.searchsorted(wanted, side="right"))
        found = []
        for place in range(first, last):
            part = slice(int(recent.offsets[place]), int(recent.offsets[place + 1]))
            group = _Group(place, int(recent.numbers[place]), Session())
            columns = (recent.at[part].tolist(), recent.items[part].tolist(), recent.weights[part].tolist())
            for event in map(Event, *columns):
                group.session.add(event)
            found.append(group)
        return found
