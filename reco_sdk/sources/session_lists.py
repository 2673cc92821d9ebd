"""Sessions as lists of items, and for each item the sessions that hold it, the most recent first.

The index of VMIS-kNN (Kersbergen, Sprangers, Schelter: Serenade, SIGMOD 2022), with what came since the snapshot
beside it. Sessions are ordered by ``(at, key)``, the time of their last interaction and a number of their own, so that
which sessions are the most recent does not depend on what is in the snapshot and what came later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.types import Floats, Rows

__all__ = ["NO_SESSION", "SEVERAL", "JoinedSessions", "LiveSessions", "SessionLists", "Sessions"]

NO_SESSION: Final = -1
SEVERAL: Final = -2
"""Instead of the number of the one session that holds an item."""

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
        int64 ``(s,)``: whose it is, see :func:`reco_sdk.snapshot.log.session_key`; breaks ties of ``at``.
    """

    offsets: npt.NDArray[np.int64]
    items: Rows
    at: Floats
    keys: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)

    def gather(self, numbers: Ids, around: Ids | None = None, reach: int = 0) -> tuple[Rows, Ids, Ids]:
        """Return the items of some sessions, which of ``numbers`` each belongs to, and its place in its session.

        Parameters
        ----------
        numbers
            int32 ``(m,)``.
        around, reach
            int32 ``(m,)``: only items at most ``reach`` from these places; all by default.
        """
        starts = self.offsets[numbers]
        ends = self.offsets[numbers + 1]
        begin = starts
        if around is not None:
            begin = np.maximum(starts + around - reach, starts)
            ends = np.minimum(starts + around + (reach + 1), ends)
        sizes = ends - begin
        filled = np.cumsum(sizes)
        owner = np.repeat(np.arange(len(numbers), dtype=np.int32), sizes)
        at = np.arange(filled[-1] if len(filled) else 0, dtype=np.int64) + (begin - filled + sizes)[owner]
        return self.items[at], owner, (at - starts[owner]).astype(np.int32)


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
        return int(self.offsets[item + 1] - self.offsets[item]) if item < self.n else 0

    def holder(self, item: int) -> int:
        """Return the number of the one session that holds an item, else :data:`NO_SESSION` or :data:`SEVERAL`."""
        part = self.offsets[item : item + 2].tolist()
        if len(part) < 2 or part[0] == part[1]:
            return NO_SESSION
        return int(self.numbers[part[0]]) if part[1] == part[0] + 1 else SEVERAL

    def session(self, number: int) -> list[int]:
        """Return the items of one session."""
        start, stop = self.sessions.offsets[number : number + 2].tolist()
        found: list[int] = self.sessions.items[start:stop].tolist()
        return found

    def of_item(self, item: int, limit: int) -> tuple[Ids, Ids]:
        """Return the most recent ``limit`` sessions that hold an item, newest first, and the item's place in each."""
        start = int(self.offsets[min(item, self.n)])
        part = slice(start, min(int(self.offsets[item + 1]), start + limit) if item < self.n else start)
        return self.numbers[part], self.places[part]

    def gather(self, numbers: Ids, around: Ids | None = None, reach: int = 0) -> tuple[Rows, Ids, Ids]:
        """Return the items of some sessions; see :meth:`Sessions.gather`."""
        return self.sessions.gather(numbers, around, reach)

    def visitors(self, numbers: Ids) -> npt.NDArray[np.int64]:
        """Return whose each of some sessions is."""
        return self.sessions.keys[numbers]

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


class JoinedSessions:
    """A snapshot's sessions without those that went on, and the later ones. Immutable.

    Parameters
    ----------
    base
        The snapshot's; their numbers stay.
    hidden
        Numbers of those that went on, ascending.
    since
        The later ones; their numbers come after the snapshot's.
    """

    def __init__(self, base: SessionLists, hidden: Ids, since: SessionLists) -> None:
        self._base = base
        self._hidden = hidden
        self._since = since
        items, owner, _ = base.gather(hidden)
        distinct_items = np.unique(np.stack((owner, items)), axis=1)[1]
        self._gone = Counter(distinct_items.tolist())
        self.n = max(base.n, since.n)
        self.count = base.count - len(hidden) + since.count
        self.bound = base.count + since.count
        # As a rule all that came since is later than all there was, and numbers ascend with time.
        self._in_order = not base.count or not since.count or _last(base.sessions) < _first(since.sessions)

    def frequency(self, item: int) -> int:
        """Return how many sessions hold an item."""
        return self._base.frequency(item) - self._gone.get(item, 0) + self._since.frequency(item)

    def holder(self, item: int) -> int:
        """Return the number of the one session that holds an item, else :data:`NO_SESSION` or :data:`SEVERAL`."""
        if item in self._gone:
            numbers = self.of_item(item, 2)[0].tolist()
            return SEVERAL if len(numbers) > 1 else numbers[0] if numbers else NO_SESSION
        old, new = self._base.holder(item), self._since.holder(item)
        if new == NO_SESSION:
            return old
        return new + self._base.count if old == NO_SESSION and new != SEVERAL else SEVERAL

    def session(self, number: int) -> list[int]:
        """Return the items of one session."""
        old = self._base.count
        return self._base.session(number) if number < old else self._since.session(number - old)

    def of_item(self, item: int, limit: int) -> tuple[Ids, Ids]:
        """Return the most recent ``limit`` sessions that hold an item, newest first, and the item's place in each."""
        numbers, places = self._base.of_item(item, limit + self._gone.get(item, 0))
        if item in self._gone:
            kept = ~np.isin(numbers, self._hidden)
            numbers, places = numbers[kept], places[kept]
        later, later_places = self._since.of_item(item, limit)
        if not len(later):
            return numbers[:limit], places[:limit]
        if not len(numbers):
            return later + np.int32(self._base.count), later_places
        numbers = np.concatenate((later + np.int32(self._base.count), numbers))
        places = np.concatenate((later_places, places))
        if not self._in_order:
            newest = self.newest(numbers, len(numbers))
            numbers, places = numbers[newest], places[newest]
        return numbers[:limit], places[:limit]

    def gather(self, numbers: Ids, around: Ids | None = None, reach: int = 0) -> tuple[Rows, Ids, Ids]:
        """Return the items of some sessions; see :meth:`Sessions.gather`."""
        new = numbers >= self._base.count
        if not new.any():
            return self._base.gather(numbers, around, reach)
        old_places, new_places = np.flatnonzero(~new).astype(np.int32), np.flatnonzero(new).astype(np.int32)
        old_around, new_around = (None, None) if around is None else (around[old_places], around[new_places])
        items, owner, place = self._base.gather(numbers[old_places], old_around, reach)
        since = numbers[new_places] - np.int32(self._base.count)
        new_items, new_owner, new_place = self._since.gather(since, new_around, reach)
        return (
            np.concatenate((items, new_items)),
            np.concatenate((old_places[owner], new_places[new_owner])),
            np.concatenate((place, new_place)),
        )

    def visitors(self, numbers: Ids) -> npt.NDArray[np.int64]:
        """Return whose each of some sessions is."""
        new = numbers >= self._base.count
        keys = np.empty(len(numbers), np.int64)
        keys[~new] = self._base.visitors(numbers[~new])
        keys[new] = self._since.visitors(numbers[new] - np.int32(self._base.count))
        return keys

    def newest(self, numbers: Ids, count: int) -> npt.NDArray[np.int64]:
        """Return the places in ``numbers`` of the ``count`` most recent sessions; newest first where they are not in order."""
        if self._in_order:
            return np.argpartition(-numbers, count - 1)[:count]
        base, old = self._base.sessions, self._base.count
        at, keys = np.empty(len(numbers)), np.empty(len(numbers), np.int64)
        new = numbers >= old
        at[~new], keys[~new] = base.at[numbers[~new]], base.keys[numbers[~new]]
        at[new], keys[new] = self._since.sessions.at[numbers[new] - old], self._since.sessions.keys[numbers[new] - old]
        return np.lexsort((-keys, -at))[:count]


def _last(sessions: Sessions) -> tuple[float, int]:
    return float(sessions.at[-1]), int(sessions.keys[-1])


def _first(sessions: Sessions) -> tuple[float, int]:
    return float(sessions.at[0]), int(sessions.keys[0])


class LiveSessions:
    """A snapshot's sessions and what came since. One thread adds and publishes.

    A session that goes on is a new one, and its number in the snapshot is no longer found.
    """

    def __init__(self, base: SessionLists) -> None:
        self._base = base
        self._now: dict[int, tuple[float, int, Sequence[int]]] = {}
        self._hidden: set[int] = set()

    def replace(self, name: int, at: float, key: int, items: Sequence[int], base_number: int = -1) -> None:
        """Hold a session as it is now; one without items is none.

        Parameters
        ----------
        name
            What tells it from every other that changed.
        at, key, items
            As of :class:`Sessions`.
        base_number
            Its number in the snapshot, −1 when it began later.
        """
        if base_number >= 0:
            self._hidden.add(base_number)
        self._now[name] = (at, key, items)

    def publish(self) -> JoinedSessions:
        """Return all there is now."""
        now = [session for session in self._now.values() if session[2]]
        offsets = np.zeros(len(now) + 1, np.int64)
        np.cumsum([len(items) for _, _, items in now], out=offsets[1:])
        items = np.fromiter((item for session in now for item in session[2]), np.int32, int(offsets[-1]))
        at, keys = np.asarray([s[0] for s in now], np.float64), np.asarray([s[1] for s in now], np.int64)
        n = max(self._base.n, int(items.max()) + 1 if len(items) else 0)
        hidden = np.asarray(sorted(self._hidden), np.int32)
        return JoinedSessions(self._base, hidden, SessionLists.of(Sessions(offsets, items, at, keys), n))
