"""What each visitor was shown of late and passed over, and the mood in which the next page is made.

A mood stays as it is until its visitor pauses for a minute: a page that is loaded again looks the same. Each process knows what
it showed itself. Nothing is kept before a request asks for it.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from reco_sdk.items.tables import key_hash

__all__ = ["Mood", "Shown"]

PAUSE_SECONDS: Final = 60.0
HALF_LIFE_SECONDS: Final = 86_400.0
"""What was shown a day ago counts half."""
TURN_SECONDS: Final = 3_600
"""How often a rotation turns; for each visitor at another minute."""
ITEMS_KEPT: Final = 200
LEAST: Final = 0.25
"""Of a time that something was shown; what counts less is forgotten."""


class Mood(NamedTuple):
    """How a visitor finds the shop.

    Parameters
    ----------
    seed
        The same for a while; of this visitor alone.
    shown
        Items and how often they were shown lately without being turned to, older times counting less.
    """

    seed: int
    shown: tuple[tuple[str, float], ...] = ()


class _Kept(NamedTuple):
    last: float
    mood: Mood


class Shown:
    """Counts by visitor. Writers take a lock; readers take none, since what they read is replaced and never written to.

    Parameters
    ----------
    max_visitors
        When exceeded, those not seen for longest are forgotten.
    """

    def __init__(self, max_visitors: int = 20_000) -> None:
        self.wanted = False
        """Whether anybody asked so far."""
        self._max_visitors = max_visitors
        self._items: OrderedDict[str, Mapping[str, tuple[float, float]]] = OrderedDict()
        self._moods: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def mood(self, who: str, now: float) -> Mood:
        """Return a visitor's mood at ``now`` (epoch seconds); ``who`` is empty for nobody."""
        self.wanted = True
        kept = self._moods.get(who)
        if kept is not None and 0.0 <= now - kept.last < PAUSE_SECONDS:
            mood = kept.mood
        else:
            turn = (int(now) + key_hash(who) % TURN_SECONDS) // TURN_SECONDS
            mood = Mood(key_hash(f"{who}:{turn}"), tuple(self._counted(who, now)))
            if len(self._moods) >= self._max_visitors:
                self._moods = {name: one for name, one in list(self._moods.items()) if now - one.last < PAUSE_SECONDS}
        self._moods[who] = _Kept(now, mood)
        return mood

    def _counted(self, who: str, now: float) -> Iterable[tuple[str, float]]:
        for item_id, (count, at) in self._items.get(who, {}).items():
            left = count * _decay(now - at)
            if left >= LEAST:
                yield item_id, left

    def add(self, who: str, item_ids: Iterable[str], at: float) -> None:
        """Count what a visitor was shown at ``at``: an item once a minute."""
        if not self.wanted or not who:
            return
        with self._lock:
            items = dict(self._items.get(who, {}))
            for item_id in item_ids:
                count, before = items.pop(item_id, (0.0, at - PAUSE_SECONDS))
                again = not 0.0 <= at - before < PAUSE_SECONDS
                items[item_id] = (count * _decay(at - before) + 1.0, at) if again else (count, before)
            self._items[who] = dict(list(items.items())[-ITEMS_KEPT:])
            self._items.move_to_end(who)
            while len(self._items) > self._max_visitors:
                self._items.popitem(last=False)

    def turned_to(self, who: str, item_id: str) -> None:
        """Take note that a visitor did something with an item: it was not passed over."""
        if item_id in self._items.get(who, {}):
            with self._lock:
                self._items[who] = {other: seen for other, seen in self._items.get(who, {}).items() if other != item_id}


def _decay(seconds: float) -> float:
    return math.exp2(-min(max(seconds / HALF_LIFE_SECONDS, 0.0), 60.0))
