"""Session neighbours: what the recent sessions most like this one went on to.

VMIS-kNN (Kersbergen, Sprangers, Schelter: Serenade, SIGMOD 2022): a session is weighed by the items it shares, later
ones of this history more, rare ones more, among the most recent sessions of each item; the nearest vote. As in STAN
(Garg et al.: Sequence and time aware neighbourhood, SIGIR 2019) a vote falls with the distance from the shared item, what
came after it counting more than what came before.

All weights are whole numbers, and sums of those below 2^53 are exact in float64: the answer does not depend on the
order in which sessions are read.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
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
_STEP_WEIGHTS: Final = (*(2_520 // (1 + step) for step in range(_REACH)), 0)
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

    @property
    def bound(self) -> int:
        """Sessions are numbered below this."""
        return self._lists.bound

    def propose(self, history: History) -> Proposals:
        """Return the votes of the nearest sessions."""
        return self.votes(self.nearest(history))

    def votes(self, neighbours: Nearest | None) -> Proposals:
        """Return what sessions vote for, as :meth:`nearest` found them."""
        if neighbours is None:
            return Proposals(NOTHING, (NOTHING,) * 3)
        return self._votes(*neighbours)[0]

    def _votes(self, numbers: Ids, likeness: Floats, shared: Ids) -> tuple[Proposals, Ids]:
        """Return the votes of sessions, and the place among them of the one that gives each."""
        rows, owner, place = self._lists.gather(numbers, shared, self._reach)
        away = place - shared[owner]
        like = likeness[owner]
        weighted = like * self._distance_weights[np.minimum(np.maximum(away, -_FURTHEST), _FURTHEST) + _FURTHEST]
        return Proposals(rows, (weighted, weighted * (away > 0), like)), owner

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
        parts, factors = self._read(history)
        if not parts:
            return None
        found = np.concatenate([part[0] for part in parts])
        shared = np.concatenate([part[1] for part in parts])
        likeness: Floats = np.repeat(np.asarray(factors, np.float64), [len(part[0]) for part in parts])
        if len(parts) == 1:
            numbers = found
        else:
            numbers, inverse = distinct(found, self._lists.bound)
            likeness = np.bincount(inverse, likeness, len(numbers)).astype(np.float64, copy=False)
            last = np.empty(len(numbers), np.int32)
            last[inverse] = shared
            shared = last
        if len(numbers) > self._k:
            chosen = self._nearest(numbers, likeness)
            return numbers[chosen], likeness[chosen], shared[chosen]
        return numbers, likeness, shared

    def _read(self, history: History) -> tuple[list[tuple[Ids, Ids]], list[int]]:
        """Return the sessions of each item, and what one of them counts; the oldest item first, so that the last one is kept."""
        lists = self._lists
        parts: list[tuple[Ids, Ids]] = []
        factors: list[int] = []
        for item, step in zip(history.items[: self._items].tolist(), history.steps[: self._items].tolist(), strict=True):
            of_step = _STEP_WEIGHTS[min(step, _REACH)]
            frequency = lists.frequency(item)
            if of_step and frequency:
                parts.append(lists.of_item(item, self._recent))
                factors.append(round(of_step * math.log1p(lists.count / frequency)))
        return parts[::-1], factors[::-1]

    def votes_for_each(self, histories: Sequence[History]) -> tuple[Ids, Proposals]:
        """Return what :meth:`propose` says of several histories at once, and which of them each piece of evidence is for.

        Takes room for a number for each history and session while it works.
        """
        read = [self._read(history) for history in histories]
        parts = [part for of_one, _ in read for part in of_one]
        if not parts:
            return NOTHING, Proposals(NOTHING, (NOTHING,) * 3)
        sizes = [len(numbers) for numbers, _ in parts]
        whose = np.repeat(np.arange(len(histories), dtype=np.int64), [len(of_one) for of_one, _ in read])
        bound = self._lists.bound
        # A session of one history is another than the same session of the next.
        found = np.concatenate([numbers for numbers, _ in parts]) + np.repeat(whose * bound, sizes)
        likeness = np.repeat(np.asarray([factor for _, factors in read for factor in factors], np.float64), sizes)
        keys, inverse = distinct(found, len(histories) * bound)
        likeness = np.bincount(inverse, likeness, len(keys)).astype(np.float64, copy=False)
        shared = np.empty(len(keys), np.int32)
        shared[inverse] = np.concatenate([places for _, places in parts])
        owner = keys // bound
        numbers = (keys - owner * bound).astype(np.int32)
        ends = np.searchsorted(owner, np.arange(len(histories) + 1)).tolist()
        if max(stop - start for start, stop in itertools.pairwise(ends)) > self._k:
            near = [
                start + self._nearest(numbers[start:stop], likeness[start:stop])
                if stop - start > self._k
                else np.arange(start, stop)
                for start, stop in itertools.pairwise(ends)
            ]
            kept = np.concatenate(near)
            owner, numbers, likeness, shared = owner[kept], numbers[kept], likeness[kept], shared[kept]
        proposals, of_session = self._votes(numbers, likeness, shared)
        return owner[of_session].astype(np.int32), proposals

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
