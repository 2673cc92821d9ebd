"""The tracker: every live visitor's last events, in this process's memory."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from reco_sdk.interactions.interaction import Interaction
from reco_sdk.sessions.session import Event
from reco_sdk.sessions.shown import Mood, Shown

__all__ = ["SessionTracker"]


def _visitor_key(visitor_id: str) -> str:
    return f"v:{visitor_id}"


def _user_key(user_id: str) -> str:
    return f"u:{user_id}"


def _known(events: tuple[Event, ...], place: int, event: Event) -> bool:
    """Whether the events around a place, ascending by time, hold the same within the same second."""
    second = event.at // 1.0
    first = place
    while first and events[first - 1].at >= second:
        first -= 1
    for other in events[first:]:
        if other.at >= second + 1.0:
            return False
        if (other.kind, other.item_id, other.query) == (event.kind, event.item_id, event.query):
            return True
    return False


def _joined(one: tuple[Event, ...], other: tuple[Event, ...]) -> tuple[Event, ...]:
    found = {(e.kind, e.item_id, e.query, e.at // 1.0): e for e in (*one, *other)}
    return tuple(sorted(found.values(), key=lambda e: e.at))


class SessionTracker:
    """Histories by visitor or user: bounded in length, in age, and in number.

    Writers take a lock; readers take none: each history is an immutable tuple that a writer replaces.

    The same event may come from several sides: from this process, from the store, from what the visitor's browser carries
    from one process to the next. So what is done twice within one second to the same item is kept once.

    Parameters
    ----------
    cap
        Events kept for each visitor.
    ttl_seconds
        Older events are forgotten.
    max_visitors
        When exceeded, those not seen for longest are forgotten.
    """

    def __init__(self, *, cap: int = 50, ttl_seconds: float = 2_592_000.0, max_visitors: int = 100_000) -> None:
        self.cap = cap
        self.ttl_seconds = ttl_seconds
        self.max_visitors = max_visitors
        self._histories: OrderedDict[str, tuple[Event, ...]] = OrderedDict()
        self._aliases: dict[str, str] = {}
        self.shown = Shown()
        """What each visitor was shown and passed over."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._histories)

    def record(self, interactions: Iterable[Interaction]) -> None:
        """Add interactions, in any order of time; the very next read sees them."""
        with self._lock:
            for interaction in interactions:
                key = self._key(interaction.visitor_id, interaction.user_id)
                if key is not None:
                    self._append(key, Event.of(interaction))
                    if interaction.item_id:
                        self.shown.turned_to(key, interaction.item_id)
            self._evict()

    def merge(self, visitor_id: str | None, user_id: str | None, events: Iterable[Event]) -> None:
        """Add events that somebody else kept, times in whole seconds are enough; those known already change nothing."""
        with self._lock:
            key = self._key(visitor_id, user_id)
            if key is not None:
                for event in events:
                    self._append(key, event)
                self._evict()

    def alias(self, visitor_id: str, user_id: str) -> None:
        """From now on this browser's events belong to the account; what it did so far joins."""
        with self._lock:
            for event in self._histories.get(_visitor_key(visitor_id), ()):
                self._append(_user_key(user_id), event)
            # In this order, so that a reader meets every event at least once.
            self._aliases[visitor_id] = user_id
            self._histories.pop(_visitor_key(visitor_id), None)

    def load_aliases(self, aliases: Mapping[str, str]) -> None:
        """Take over aliases from the store."""
        for visitor_id, user_id in aliases.items():
            if self._aliases.get(visitor_id) != user_id:
                self.alias(visitor_id, user_id)

    def user_of(self, visitor_id: str | None, user_id: str | None) -> str | None:
        """Return the account, by itself or through the visitor's alias."""
        return user_id or (self._aliases.get(visitor_id) if visitor_id else None)

    def mood(self, visitor_id: str | None, user_id: str | None, now: float) -> Mood:
        """Return how whoever asks finds the shop now; see :mod:`reco_sdk.sessions.shown`."""
        return self.shown.mood(self._key(visitor_id, user_id) or "", now)

    def show(self, visitor_id: str | None, user_id: str | None, item_ids: Iterable[str], at: float) -> None:
        """Take note of what somebody was shown."""
        if self.shown.wanted:
            self.shown.add(self._key(visitor_id, user_id) or "", item_ids, at)

    def history(self, visitor_id: str | None, user_id: str | None, now: float) -> tuple[Event, ...]:
        """Return the events not older than the TTL, ascending by time. Lock-free."""
        # The browser's own first: a login between the two reads meets every event at least once.
        own = self._histories.get(_visitor_key(visitor_id), ()) if visitor_id else ()
        user = self.user_of(visitor_id, user_id)
        events = self._histories.get(_user_key(user), ()) if user else ()
        if own:
            events = _joined(events, own)[-self.cap :] if events else own
        if events and events[0].at < now - self.ttl_seconds:
            events = events[bisect_left(events, now - self.ttl_seconds, key=lambda e: e.at) :]
        return events

    def _key(self, visitor_id: str | None, user_id: str | None) -> str | None:
        user = self.user_of(visitor_id, user_id)
        if user:
            return _user_key(user)
        return _visitor_key(visitor_id) if visitor_id else None

    def _append(self, key: str, event: Event) -> None:
        events = self._histories.get(key, ())
        latest = not events or event.at >= events[-1].at
        place = len(events) if latest else bisect_right(events, event.at, key=lambda e: e.at)
        if not _known(events, place, event):
            # Replaced in place: at no moment does a reader find the visitor unknown.
            self._histories[key] = (*events[:place], event, *events[place:])[-self.cap :]
        self._histories.move_to_end(key)

    def _evict(self) -> None:
        while len(self._histories) > self.max_visitors:
            self._histories.popitem(last=False)
