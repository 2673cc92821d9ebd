"""Cleaning: what of a log says nothing about what people like, and does not count.

Nothing is deleted: the store keeps everything, and each rule says how much it left out. What was bought is never left out but for
a time that cannot be; it counts once by its ``event_id`` wherever it is stored, and a refund takes it back.

All rules but the first look at one session and at nothing beside it. So a session that goes on after a snapshot was built is
judged as a whole, as a rebuild would judge it: :class:`Session` does that one interaction after the other, :func:`counting`
for all sessions of a log at once, and both come to the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from reco_sdk.interactions.weighting import KIND_WEIGHTS
from reco_sdk.types import BoolMask, Floats

__all__ = ["EARLIEST", "PURCHASE", "RULES", "CleaningReport", "Event", "Session", "cleaned", "counting", "sessions_of_log"]

EARLIEST: Final = 788_918_400.0
"""1995: no shop's log is older; zeros and misread units are."""
TWICE_SECONDS: Final = 2.0
"""The same done to the same item again so soon is a double click or a reload."""
PER_MINUTE: Final = 50
PER_HOUR: Final = 1_000
"""Different seconds of a minute, or of an hour, in which a browser acts that is no person's."""
PER_SESSION: Final = 20
"""Times that a browser may do the same to the same item in one session."""
RULES: Final[Mapping[str, str]] = {
    "impossible time": "before 1995",
    "robot": f"a session without a purchase that acts in {PER_MINUTE} seconds of a minute, or {PER_HOUR:,} of an hour",
    "double click": f"the same to the same item within {TWICE_SECONDS:g} seconds",
    "outlier": f"the same to the same item, more than {PER_SESSION} times in a session",
}
"""What is left out, and why, in the order in which it is looked for."""
PURCHASE: Final = KIND_WEIGHTS["purchase"]
"""What tells a purchase from all else."""
_PACES: Final = ((PER_MINUTE, 60.0), (PER_HOUR, 3_600.0))


@dataclass(frozen=True, slots=True)
class CleaningReport:
    """What was left out.

    Parameters
    ----------
    read
        Interactions with an item.
    dropped
        How many of them, by rule of :data:`RULES`.
    """

    read: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """How many are left."""
        return self.read - sum(self.dropped.values())

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} {name}" for name, count in self.dropped.items() if count)
        return f"{self.kept:,} of {self.read:,} interactions count" + (f"; left out: {told}" if told else "")


class Event(NamedTuple):
    """One interaction of a session: when (epoch seconds), with which item, and its weight, which tells what was done."""

    at: float
    item: int
    weight: float


class Session:
    """What one browser did without a pause, and what of it counts, as far as it is known."""

    __slots__ = ("_bought", "_fast", "_kept", "_seconds", "_seen", "events")

    def __init__(self) -> None:
        self.events: list[Event] = []
        """By time; those of the same time in the order in which they were added."""
        self._kept: list[Event] = []
        self._seen: dict[tuple[int, float], tuple[float, int]] = {}
        self._seconds: list[float] = []
        self._fast = False
        self._bought = False

    @property
    def counted(self) -> Sequence[Event]:
        """What counts, by time."""
        return () if self._fast and not self._bought else self._kept

    def add(self, event: Event) -> None:
        """Add one interaction, of any time."""
        if not self.events or event.at >= self.events[-1].at:
            self.events.append(event)
            self._judge(event)
        else:
            self.events.insert(bisect_right(self.events, event.at, key=lambda other: other.at), event)
            self._judge_all()
        if event.weight == PURCHASE:
            self._bought = True
        else:
            self._note(float(np.floor(event.at)))

    def join(self, later: Session) -> None:
        """Take in what the same browser did later."""
        self.events += later.events
        self._bought = self._bought or later._bought
        self._fast = self._fast or later._fast
        for second in later._seconds:
            self._note(second)
        self._judge_all()

    def _judge_all(self) -> None:
        self._kept, self._seen = [], {}
        for event in self.events:
            self._judge(event)

    def _judge(self, event: Event) -> None:
        if event.weight == PURCHASE:
            self._kept.append(event)
            return
        key = event.item, event.weight
        last, times = self._seen.get(key, (-np.inf, 0))
        # What shares a second, or the day where no more is known, cannot be told from what was done twice.
        if not 0.0 < event.at - last < TWICE_SECONDS:
            times += 1
            if times <= PER_SESSION:
                self._kept.append(event)
        self._seen[key] = event.at, times

    def _note(self, second: float) -> None:
        """Look at the pace around one second in which something was done."""
        if self._fast:
            return
        seconds = self._seconds
        place = bisect_left(seconds, second)
        if place < len(seconds) and seconds[place] == second:
            return
        seconds.insert(place, second)
        for times, span in _PACES:
            first = range(max(0, place - times + 1), min(place, len(seconds) - times) + 1)
            if any(seconds[start + times - 1] - seconds[start] < span for start in first):
                self._fast = True


def sessions_of_log(keys: npt.NDArray[np.uint64], at: Floats, gap_seconds: float) -> tuple[npt.NDArray[np.intp], BoolMask]:
    """Return interactions session by session, each by time, and which of them begin one.

    Parameters
    ----------
    keys, at
        ``(m,)``: whose each is, and epoch seconds.
    gap_seconds
        A longer pause begins a new session.
    """
    order = np.lexsort((at, keys))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (keys[order][1:] != keys[order][:-1]) | (np.diff(at[order]) > gap_seconds)
    return order, begins


def counting(
    sessions: npt.NDArray[np.integer[Any]], items: npt.NDArray[np.integer[Any]], weights: Floats, at: Floats
) -> dict[str, BoolMask]:
    """Return which of ``m`` interactions each rule about sessions leaves out, as :class:`Session` does; no two the same one.

    Parameters
    ----------
    sessions
        ``(m,)`` number of the session of each.
    items, weights, at
        ``(m,)``: the item, the weight above 0, and epoch seconds, by session and by time.
    """
    bought = weights == PURCHASE
    free = np.flatnonzero(~bought)
    robots = np.zeros(len(at), np.bool_)
    fast = np.setdiff1d(_fast(sessions[free], np.floor(at[free])), sessions[bought])
    if len(fast):
        robots = np.isin(sessions, fast)
    order = free[np.lexsort((at[free], weights[free], items[free], sessions[free]))]
    same = np.zeros(len(order), np.bool_)
    same[1:] = True
    for column in (sessions, items, weights):
        same[1:] &= column[order][1:] == column[order][:-1]
    pause = np.diff(at[order], prepend=-np.inf)
    again = same & (pause > 0.0) & (pause < TWICE_SECONDS)
    times = np.cumsum(~again)
    before = np.maximum.accumulate(np.where(same, 0, times - 1))
    twice, often = np.zeros(len(at), np.bool_), np.zeros(len(at), np.bool_)
    twice[order] = again
    often[order] = ~again & (times - before > PER_SESSION)
    return {"robot": robots, "double click": twice & ~robots, "outlier": often & ~robots}


def _fast(sessions: npt.NDArray[np.integer[Any]], second: Floats) -> npt.NDArray[np.integer[Any]]:
    """Return the sessions that are faster than a person, by the seconds in which they act."""
    # A log that knows only the day tells nothing of the pace: what shares a second counts once.
    fresh = np.ones(len(sessions), np.bool_)
    fresh[1:] = (sessions[1:] != sessions[:-1]) | (second[1:] != second[:-1])
    who, second = sessions[fresh], second[fresh]
    fast = np.zeros(len(who), np.bool_)
    for times, span in _PACES:
        if len(who) >= times:
            first, last = slice(0, len(who) - times + 1), slice(times - 1, None)
            fast[first] |= (who[first] == who[last]) & (second[last] - second[first] < span)
    return np.unique(who[fast])


def cleaned(
    keys: npt.NDArray[np.uint64], items: npt.NDArray[np.integer[Any]], weights: Floats, at: Floats, gap_seconds: float
) -> tuple[BoolMask, CleaningReport]:
    """Return which of ``m`` interactions count, and what was left out.

    Parameters
    ----------
    keys, items
        ``(m,)``: whose each is, and the item.
    weights
        float64 ``(m,)`` by kind. What takes something back weighs below 0, and is left out for its time alone.
    at
        float64 ``(m,)`` epoch seconds.
    gap_seconds
        A longer pause begins a new session.
    """
    keep = at >= EARLIEST
    dropped = {"impossible time": int(np.count_nonzero(~keep))}
    places = np.flatnonzero(keep & (weights > 0.0))
    order, begins = sessions_of_log(keys[places], at[places], gap_seconds)
    places = places[order]
    for name, out in counting(np.cumsum(begins, dtype=np.int64), items[places], weights[places], at[places]).items():
        keep[places[out]] = False
        dropped[name] = int(np.count_nonzero(out))
    return keep, CleaningReport(len(at), dropped)
