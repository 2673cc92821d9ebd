"""The tracker: every live visitor's last events, in this process's memory."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from reco_sdk.interactions.interaction import Interaction
from reco_sdk.sessions.session import Event, current_session

__all__ = ["SessionTracker"]


def _visitor_key(visitor_id: str) -> str:
    return f"v:{visitor_id}"


def _user_key(user_id: str) -> str:
    return f"u:{user_id}"


class SessionTracker:
    """Histories by visitor or user: bounded in length, in age, and in number.

    Writers take a lock; readers take none: each history is an immutable tuple that a writer replaces.

    Parameters
    ----------
    cap
        Events kept for each visitor.
    gap_seconds
        A longer pause starts a new session.
    ttl_seconds
        Older events are forgotten.
    max_visitors
        When exceeded, those not seen for longest are forgotten.
    """

    def __init__(
        self, *, cap: int = 50, gap_seconds: float = 1_800.0, ttl_seconds: float = 2_592_000.0, max_visitors: int = 100_000
    ) -> None:
        self.cap = cap
        self.gap_seconds = gap_seconds
        self.ttl_seconds = ttl_seconds
        self.max_visitors = max_visitors
        self._histories: OrderedDict[str, tuple[Event, ...]] = OrderedDict()
        self._aliases: dict[str, str] = {}
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

    def history(self, visitor_id: str | None, user_id: str | None, now: float) -> tuple[Event, ...]:
        """Return the events not older than the TTL, ascending by time. Lock-free."""
        # The browser's own first: a login between the two reads shows an event twice rather than not at all.
        own = self._histories.get(_visitor_key(visitor_id), ()) if visitor_id else ()
        user = self.user_of(visitor_id, user_id)
        events = self._histories.get(_user_key(user), ()) if user else ()
        if own:
            events = tuple(sorted((*events, *own), key=lambda e: e.at))[-self.cap :] if events else own
        if events and events[0].at < now - self.ttl_seconds:
            events = events[bisect_left(events, now - self.ttl_seconds, key=lambda e: e.at) :]
        return events

    def session(self, visitor_id: str | None, user_id: str | None, now: float) -> tuple[Event, ...]:
        """Return the events of the session that is going on, empty when there is none. Lock-free."""
        return current_session(self.history(visitor_id, user_id, now), now, self.gap_seconds)

    def _key(self, visitor_id: str | None, user_id: str | None) -> str | None:
        user = self.user_of(visitor_id, user_id)
        if user:
            return _user_key(user)
        return _visitor_key(visitor_id) if visitor_id else None

    def _append(self, key: str, event: Event) -> None:
        events = self._histories.get(key, ())
        if not events or event.at >= events[-1].at:
            events = (*events, event)
        else:
            place = bisect_right(events, event.at, key=lambda e: e.at)
            events = (*events[:place], event, *events[place:])
        # Replaced in place: at no moment does a reader find the visitor unknown.
        self._histories[key] = events[-self.cap :]
        self._histories.move_to_end(key)

    def _evict(self) -> None:
        while len(self._histories) > self.max_visitors:
            self._histories.popitem(last=False)
