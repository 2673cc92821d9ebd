"""Cleaning: what of a log says nothing about what people like, and is left out where a snapshot is built from it.

Nothing is deleted: the store keeps everything, and each rule says how much it left out. What was bought is never left out but for
a time that cannot be; it counts once by its ``event_id`` wherever it is stored, and a refund takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.interactions.interaction import MAX_CLOCK_SKEW_SECONDS
from reco_sdk.types import BoolMask, Floats

__all__ = ["RULES", "CleaningReport", "cleaned"]

EARLIEST: Final = 788_918_400.0
"""1995: no shop's log is older; zeros and misread units are."""
TWICE_SECONDS: Final = 2.0
"""The same done to the same item again so soon is a double click or a reload."""
PER_MINUTE: Final = 50
PER_HOUR: Final = 1_000
"""Different seconds of a minute, or of an hour, in which a browser acts that is no person's."""
PER_DAY: Final = 20
"""Times a day that a browser may do the same to the same item."""
RULES: Final[Mapping[str, str]] = {
    "impossible time": f"in the future by more than {MAX_CLOCK_SKEW_SECONDS // 60} minutes, or before 1995",
    "robot": f"a browser that bought nothing and acts in {PER_MINUTE} seconds of a minute, or {PER_HOUR:,} of an hour",
    "double click": f"the same to the same item within {TWICE_SECONDS:g} seconds",
    "outlier": f"the same to the same item, more than {PER_DAY} times a day",
}
"""What is left out, and why, in the order in which it is looked for."""


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


def cleaned(
    browsers: npt.NDArray[np.uint64],
    items: npt.NDArray[np.integer[Any]],
    kinds: npt.NDArray[Any],
    at: Floats,
    money: BoolMask,
    now: float,
) -> tuple[BoolMask, CleaningReport]:
    """Return which of ``m`` interactions count, and what was left out.

    Parameters
    ----------
    browsers, items, kinds
        ``(m,)``: whose it is, the item, and anything that tells what was done.
    at
        float64 ``(m,)`` epoch seconds.
    money
        bool ``(m,)``: purchases and refunds.
    now
        Epoch seconds.
    """
    keep = (at >= EARLIEST) & (at <= now + MAX_CLOCK_SKEW_SECONDS)
    dropped = {"impossible time": int(np.count_nonzero(~keep))}
    for name, rule in (("robot", _robots), ("double click", _twice), ("outlier", _often)):
        places = np.flatnonzero(keep & ~money)
        out = rule(browsers[places], items[places], kinds[places], at[places], browsers[money & keep])
        keep[places[out]] = False
        dropped[name] = int(np.count_nonzero(out))
    return keep, CleaningReport(len(at), dropped)


def _robots(browsers: Any, items: Any, kinds: Any, at: Floats, buyers: Any) -> BoolMask:  # noqa: ARG001 -- all rules are asked alike
    order = np.lexsort((at, browsers))
    who, second = browsers[order], np.floor(at[order])
    # A log that knows only the day tells nothing of the pace: what shares a second counts once.
    fresh = np.ones(len(who), np.bool_)
    fresh[1:] = (who[1:] != who[:-1]) | (second[1:] != second[:-1])
    who, second = who[fresh], second[fresh]
    fast = np.zeros(len(who), np.bool_)
    for times, seconds in ((PER_MINUTE, 60.0), (PER_HOUR, 3_600.0)):
        if len(who) >= times:
            first, last = slice(0, len(who) - times + 1), slice(times - 1, None)
            fast[first] |= (who[first] == who[last]) & (second[last] - second[first] < seconds)
    robots = np.setdiff1d(who[fast], buyers)
    return np.isin(browsers, robots) if len(robots) else np.zeros(len(at), np.bool_)


def _twice(browsers: Any, items: Any, kinds: Any, at: Floats, buyers: Any) -> BoolMask:  # noqa: ARG001
    order = np.lexsort((at, kinds, items, browsers))
    again = np.zeros(len(order), np.bool_)
    again[1:] = _same(order, browsers, items, kinds) & (np.diff(at[order]) < TWICE_SECONDS)
    # What shares a second, or the day where no more is known, cannot be told from what was done twice.
    again[1:] &= np.diff(at[order]) > 0.0
    out = np.zeros(len(order), np.bool_)
    out[order] = again
    return out


def _often(browsers: Any, items: Any, kinds: Any, at: Floats, buyers: Any) -> BoolMask:  # noqa: ARG001
    order = np.lexsort((at, kinds, items, browsers))
    starts = np.ones(len(order), np.bool_)
    day = np.floor(at[order] / 86_400.0)
    starts[1:] = ~(_same(order, browsers, items, kinds) & (day[1:] == day[:-1]))
    began = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    out = np.zeros(len(order), np.bool_)
    out[order] = np.arange(len(order)) - began >= PER_DAY
    return out


def _same(order: npt.NDArray[np.intp], *columns: Any) -> BoolMask:
    """Return which in order are like the one before."""
    alike = np.ones(max(len(order) - 1, 0), np.bool_)
    for column in columns:
        alike &= column[order][1:] == column[order][:-1]
    return alike
