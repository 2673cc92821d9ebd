"""Session neighbours: what the recent sessions most like this one went on to.

VMIS-kNN (Kersbergen, Sprangers, Schelter: Serenade, SIGMOD 2022): a session is weighed by the items it shares, later
ones of this history more, rare ones more, among the most recent sessions of each item; the nearest vote. As in STAN
(Garg et al.: Sequence and time aware neighbourhood, SIGIR 2019) a vote falls with the distance from the shared item, what
came after it counting more than what came before.

All weights are whole numbers, and sums of those below 2^53 are exact in float64: the answer does not depend on the
order in which sessions are read.
"""

from __future__ import annotations

import math
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from reco_sdk.ports import Candidates
from reco_sdk.sources.history import History
from reco_sdk.sources.proposals import NOTHING, Proposals, distinct, ranked
from reco_sdk.sources.session_lists import NO_SESSION, SEVERAL
from reco_sdk.types import BoolMask, Floats, Rows

__all__ = ["SessionKnn"]

RECENT_SESSIONS: Final = 500
"""``m``: sessions read for each item, the most recent."""
NEIGHBOURS: Final = 100
"""``k``: sessions that vote."""
REACH: Final = 1_000
"""How far from the latest item it shares a session is read."""
MAX_ITEMS: Final = 12
_REACH: Final = 10
_STEP_WEIGHTS: Final = np.asarray([2_520 // (1 + step) for step in range(_REACH)] + [0], np.int64)
_FURTHEST: Final = 31
_STAY: Final = 96
_BACK: Final = 0.75

SESSIONS_OF_OTHERS: Final = 500
"""So many sessions of an item are looked through for people who had another one as well, the most recent."""

Ids = npt.NDArray[np.int32]
Nearest = tuple[Ids, Floats, Ids]
"""Sessions, how near each is, and the place in each of the latest item it shares."""


def _distance_weights(*, stays: bool) -> Floats:
    """Return what a vote counts by its distance from the shared item, from the furthest before it to the furthest after."""
    after = [64 / distance**0.75 for distance in range(1, _FURTHEST + 1)]
    before = [_BACK * weight for weight in reversed(after)]
    return np.asarray([round(weight) for weight in (*before, _STAY if stays else 0, *after)], np.float64)


class _Lists(Protocol):
    @property
    def n(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def bound(self) -> int: ...
    def frequency(self, item: int) -> int: ...
    def holder(self, item: int) -> int: ...
    def session(self, number: int) -> list[int]: ...
    def of_item(self, item: int, limit: int) -> tuple[Ids, Ids]: ...
    def gather(self, numbers: Ids, around: Ids | None = None, reach: int = 0) -> tuple[Rows, Ids, Ids]: ...
    def visitors(self, numbers: Ids) -> npt.NDArray[np.int64]: ...
    def newest(self, numbers: Ids, count: int) -> npt.NDArray[np.int64]: ...


class SessionKnn:
    """Votes of the nearest sessions.

    Parameters
    ----------
    lists
        Sessions of a snapshot, or live.
    name
        ``session_knn`` over sessions.
    stays
        Whether visitors here turn to the same item again at once, so that the item they share speaks for itself too.
    items, recent, neighbours, reach
        Items of a history that are read, sessions read for each, sessions that vote, and how far around the latest item
        they share.
    """

    def __init__(
        self,
        lists: _Lists,
        name: str = "session_knn",
        *,
        stays: bool = False,
        items: int = MAX_ITEMS,
        recent: int = RECENT_SESSIONS,
        neighbours: int = NEIGHBOURS,
        reach: int = REACH,
    ) -> None:
        self.name = name
        self.columns = (name, f"{name}_after", f"{name}_like")
        self._lists = lists
        self._distance_weights = _distance_weights(stays=stays)
        self._items = items
        self._recent = recent
        self._k = neighbours
        self._reach = reach

    def propose(self, history: History) -> Proposals:
        """Return the votes of the nearest sessions."""
        return self.votes(self.nearest(history))

    def votes(self, neighbours: Nearest | None) -> Proposals:
        """Return what sessions vote for, as :meth:`nearest` found them."""
        if neighbours is None:
            return Proposals(NOTHING, (NOTHING,) * 3)
        numbers, likeness, shared = neighbours
        rows, owner, place = self._lists.gather(numbers, shared, self._reach)
        away = place - shared[owner]
        like = likeness[owner]
        weighted = like * self._distance_weights[np.minimum(np.maximum(away, -_FURTHEST), _FURTHEST) + _FURTHEST]
        return Proposals(rows, (weighted, weighted * (away > 0), like))

    def people_with(self, item: int, others: Rows) -> dict[int, int]:
        """Return for each of ``others`` how many different visitors had it and ``item`` in one recent session."""
        return self._people(self._lists.of_item(item, self._recent)[0], others)

    def people_near(self, neighbours: Nearest | None, others: Rows) -> dict[int, int]:
        """Return for each of ``others`` how many different visitors had it, in the sessions nearest to a history."""
        return {} if neighbours is None else self._people(neighbours[0], others)

    def people_of(self, item: int) -> int:
        """Return how many different visitors had an item in the most recent sessions that hold it."""
        return len(set(self._lists.visitors(self._lists.of_item(item, self._recent)[0]).tolist()))

    def _people(self, numbers: Ids, others: Rows) -> dict[int, int]:
        if not len(numbers):
            return {}
        among = np.sort(numbers)
        people: dict[int, int] = {}
        # There are few others, and many items in the sessions.
        for other in others.tolist():
            held = self._lists.of_item(other, SESSIONS_OF_OTHERS)[0]
            both = held[among[np.minimum(np.searchsorted(among, held), len(among) - 1)] == held]
            people[other] = len(set(self._lists.visitors(both).tolist()))
        return people

    def adds_nothing(self, history: History) -> bool:
        """Whether one session holds all there is of these items, and nothing else: the visitor's own, as a rule."""
        if len(history) > MAX_ITEMS:
            return False
        items = history.items.tolist()
        holders = set(map(self._lists.holder, items)) - {NO_SESSION}
        if not holders:
            return True
        return len(holders) == 1 and SEVERAL not in holders and set(self._lists.session(holders.pop())) <= set(items)

    def nearest(self, history: History) -> Nearest | None:
        """Return the nearest sessions, how near each is, and the place in each of the latest item it shares."""
        lists = self._lists
        parts: list[tuple[Ids, Ids]] = []
        factors: list[int] = []
        for item, step in zip(history.items[: self._items].tolist(), history.steps[: self._items].tolist(), strict=True):
            of_step = int(_STEP_WEIGHTS[min(step, _REACH)])
            frequency = lists.frequency(item)
            if of_step and frequency:
                parts.append(lists.of_item(item, self._recent))
                factors.append(round(of_step * math.log1p(lists.count / frequency)))
        if not parts:
            return None
        # Oldest item first, so that of a session's places the one of the latest item is kept.
        parts.reverse()
        factors.reverse()
        found = np.concatenate([part[0] for part in parts])
        shared = np.concatenate([part[1] for part in parts])
        likeness: Floats = np.repeat(np.asarray(factors, np.float64), [len(part[0]) for part in parts])
        if len(parts) == 1:
            numbers = found
        else:
            numbers, inverse = distinct(found, lists.bound)
            likeness = np.bincount(inverse, likeness, len(numbers)).astype(np.float64, copy=False)
            last = np.empty(len(numbers), np.int32)
            last[inverse] = shared
            shared = last
        if len(numbers) > self._k:
            chosen = self._nearest(numbers, likeness)
            return numbers[chosen], likeness[chosen], shared[chosen]
        return numbers, likeness, shared

    def _nearest(self, numbers: Ids, likeness: Floats) -> npt.NDArray[np.int64]:
        """Return the places of the nearest sessions, of those equally near the most recent."""
        bar = np.partition(likeness, len(likeness) - self._k)[-self._k]
        above = np.flatnonzero(likeness > bar)
        level = np.flatnonzero(likeness == bar)
        missing = self._k - len(above)
        if missing < len(level):
            level = level[self._lists.newest(numbers[level], missing)]
        return np.concatenate((above, level))

    def scale(self, rows: Rows) -> tuple[npt.NDArray[Any] | None, ...]:  # noqa: ARG002 -- nothing is scaled
        """Return no scales."""
        return (None, None, None)

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:
        """Return the best rows; see :class:`reco_sdk.training.model.Model`."""
        return ranked(self, self._lists.n, history_items, history_times, k, mask)
