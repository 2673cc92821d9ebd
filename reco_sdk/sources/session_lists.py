"""Sessions as lists of items, and for each item the sessions that hold it, the most recent first.

The index of VMIS-kNN (Kersbergen, Sprangers, Schelter: Serenade, SIGMOD 2022), with what came since the snapshot
beside it. Sessions are ordered by ``(at, key)``, the time of their last interaction and a number of their own, so that
which sessions are the most recent does not depend on what is in the snapshot and what came later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reco_sdk.types import Floats, Rows

__all__ = ["LiveSessions", "SessionLists", "Sessions"]

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Sessions:
    """``s`` sessions by number.

    Parameters
    ----------
    offsets
        int64 ``(s + 1,)`` into ``items``.
    items
        int32: each session's items in the order of time.
    at
        float64 ``(s,)`` epoch seconds of the last interaction.
    keys
        int64 ``(s,)``: breaks ties of ``at``.
    """

    offsets: npt.NDArray[np.int64]
    items: Rows
    at: Floats
    keys: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)

    def gather(self, numbers: Ids) -> tuple[Rows, Ids, Ids]:
        """Return the items of some sessions, which of ``numbers`` each belongs to, and its place in its session."""
        starts = self.offsets[numbers]
        sizes = self.offsets[numbers + 1] - starts
        ends = np.cumsum(sizes)
        owner = np.repeat(np.arange(len(numbers), dtype=np.int32), sizes)
        place = np.arange(ends[-1] if len(ends) else 0, dtype=np.int64) - (ends - sizes)[owner]
        return self.items[starts[owner] + place], owner, place.astype(np.int32)


@dataclass(frozen=True, slots=True)
class SessionLists:
    """The sessions of a snapshot.

    Parameters
    ----------
    sessions
        By ascending ``(at, key)``.
    offsets
        int64 ``(n + 1,)`` into what follows.
    numbers
        int32: sessions that hold item ``i``, each once, the most recent first, at ``offsets[i]:offsets[i + 1]``.
    places
        int32: where in the session the item stands last.
    """

    sessions: Sessions
    offsets: npt.NDArray[np.int64]
    numbers: Ids
    places: Ids

    @classmethod
    def of(cls, sessions: Sessions, n: int) -> SessionLists:
        """Index sessions over ``n`` items; they are put in order first."""
        order = np.lexsort((sessions.keys, sessions.at)).astype(np.int32)
        items, owner, place = sessions.gather(order)
        sizes = np.bincount(owner, minlength=len(order))
        offsets = np.zeros(len(order) + 1, np.int64)
        np.cumsum(sizes, out=offsets[1:])
        ordered = Sessions(offsets, items, sessions.at[order], sessions.keys[order])
        by_item = np.lexsort((-place, -owner, items))
        items, owner, place = items[by_item], owner[by_item], place[by_item]
        last = np.ones(len(items), np.bool_)
        last[1:] = (items[1:] != items[:-1]) | (owner[1:] != owner[:-1])
        items, owner, place = items[last], owner[last], place[last]
        return cls(ordered, np.searchsorted(items, np.arange(n + 1)).astype(np.int64), owner, place)

    @property
    def n(self) -> int:
        """How many items there are."""
        return len(self.offsets) - 1

    @property
    def count(self) -> int:
        """How many sessions there are."""
        return len(self.sessions)

    @property
    def bound(self) -> int:
        """Numbers are below this."""
        return len(self.sessions)

    def frequency(self, item: int) -> int:
        """Return how many sessions hold an item."""
        return int(self.offsets[item + 1] - self.offsets[item])

    def of_item(self, item: int, limit: int) -> tuple[Ids, Ids]:
        """Return the most recent ``limit`` sessions that hold an item, newest first, and the item's place in each."""
        start = int(self.offsets[item])
        part = slice(start, min(int(self.offsets[item + 1]), start + limit))
        return self.numbers[part], self.places[part]

    def gather(self, numbers: Ids) -> tuple[Rows, Ids, Ids]:
        """Return the items of some sessions; see :meth:`Sessions.gather`."""
        return self.sessions.gather(numbers)

    def newest(self, numbers: Ids, count: int) -> npt.NDArray[np.int64]:
        """Return the places in ``numbers`` of the ``count`` most recent sessions."""
        return np.argpartition(-numbers, count - 1)[:count]

    def to_arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, for a snapshot."""
        return {
            f"{prefix}_session_offsets": self.sessions.offsets,
            f"{prefix}_session_items": self.sessions.items,
            f"{prefix}_session_at": self.sessions.at,
            f"{prefix}_session_keys": self.sessions.keys,
            f"{prefix}_offsets": self.offsets,
            f"{prefix}_numbers": self.numbers,
            f"{prefix}_places": self.places,
        }

    @classmethod
    def from_arrays(cls, array: Callable[[str], npt.NDArray[Any]], prefix: str) -> SessionLists:
        """Rebuild from a snapshot's arrays."""
        names = ("session_offsets", "session_items", "session_at", "session_keys", "offsets", "numbers", "places")
        parts = [array(f"{prefix}_{name}") for name in names]
        return cls(Sessions(*parts[:4]), *parts[4:])


class LiveSessions:
    """A snapshot's sessions and what came since. One thread adds; any thread reads.

    A session that goes on is a new one, and its number in the snapshot is no longer found.
    """

    def __init__(self, base: SessionLists) -> None:
        self._base = base
        self._since = Sessions(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0), np.empty(0, np.int64))
        self._by_key: dict[int, int] = {}
        self._hidden: set[int] = set()
        self._holding: dict[int, set[int]] = {}
        self._changed: dict[int, tuple[Ids, Ids, int]] = {}
        self.count = base.count

    @property
    def n(self) -> int:
        """How many items there are."""
        return self._base.n

    @property
    def bound(self) -> int:
        """Numbers are below this."""
        return self._base.count + len(self._since)

    def replace(self, key: int, at: float, items: Sequence[int], base_number: int = -1) -> None:
        """Hold a session as it is now.

        Parameters
        ----------
        key, at, items
            As of :class:`Sessions`.
        base_number
            Its number in the snapshot, −1 when it began later; needed the first time only.
        """
        before: set[int] = set()
        known = self._by_key.get(key)
        if known is not None:
            before = set(self._items(known).tolist())
            for item in before:
                self._holding[item].discard(known)
        elif base_number >= 0:
            before = set(self._base.sessions.items[slice(*self._base.sessions.offsets[base_number : base_number + 2])].tolist())
            self._hidden.add(base_number)
        number = self._base.count + len(self._since)
        since = self._since
        self._since = Sessions(
            np.append(since.offsets, since.offsets[-1] + len(items)),
            np.append(since.items, np.asarray(items, dtype=np.int32)),
            np.append(since.at, at),
            np.append(since.keys, key),
        )
        self._by_key[key] = number
        for item in set(items):
            self._holding.setdefault(item, set()).add(number)
        self.count = self._base.count - len(self._hidden) + len(self._by_key)
        for item in before | set(items):
            self._changed[item] = self._of_item(item)

    def _items(self, number: int) -> Rows:
        place = number - self._base.count
        return self._since.items[self._since.offsets[place] : self._since.offsets[place + 1]]

    def _of_item(self, item: int) -> tuple[Ids, Ids, int]:
        numbers, places = self._base.of_item(item, self._base.frequency(item))
        if self._hidden:
            kept = ~np.isin(numbers, list(self._hidden))
            numbers, places = numbers[kept], places[kept]
        new = sorted(self._holding.get(item, ()))
        last = [int(np.flatnonzero(self._items(number) == item)[-1]) for number in new]
        numbers = np.concatenate((numbers, np.asarray(new, dtype=np.int32)))
        places = np.concatenate((places, np.asarray(last, dtype=np.int32)))
        at, keys = self._order(numbers)
        order = np.lexsort((-keys, -at))
        return numbers[order], places[order], len(order)

    def _order(self, numbers: Ids) -> tuple[Floats, npt.NDArray[np.int64]]:
        base, old = self._base.sessions, self._base.count
        at, keys = np.empty(len(numbers)), np.empty(len(numbers), np.int64)
        new = numbers >= old
        at[~new], keys[~new] = base.at[numbers[~new]], base.keys[numbers[~new]]
        at[new], keys[new] = self._since.at[numbers[new] - old], self._since.keys[numbers[new] - old]
        return at, keys

    def frequency(self, item: int) -> int:
        """Return how many sessions hold an item."""
        changed = self._changed.get(item)
        return self._base.frequency(item) if changed is None else changed[2]

    def of_item(self, item: int, limit: int) -> tuple[Ids, Ids]:
        """Return the most recent ``limit`` sessions that hold an item, newest first, and the item's place in each."""
        changed = self._changed.get(item)
        return self._base.of_item(item, limit) if changed is None else (changed[0][:limit], changed[1][:limit])

    def gather(self, numbers: Ids) -> tuple[Rows, Ids, Ids]:
        """Return the items of some sessions; see :meth:`Sessions.gather`."""
        new = numbers >= self._base.count
        if not new.any():
            return self._base.gather(numbers)
        old_places, new_places = np.flatnonzero(~new).astype(np.int32), np.flatnonzero(new).astype(np.int32)
        items, owner, place = self._base.gather(numbers[old_places])
        new_items, new_owner, new_place = self._since.gather(numbers[new_places] - np.int32(self._base.count))
        return (
            np.concatenate((items, new_items)),
            np.concatenate((old_places[owner], new_places[new_owner])),
            np.concatenate((place, new_place)),
        )

    def newest(self, numbers: Ids, count: int) -> npt.NDArray[np.int64]:
        """Return the places in ``numbers`` of the ``count`` most recent sessions."""
        at, keys = self._order(numbers)
        return np.lexsort((-keys, -at))[:count]
