"""The session: a visitor's interactions with no gap over 30 minutes (GA4's rule)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reco_sdk.interactions.interaction import Interaction

__all__ = ["Event", "current_session", "sessions_of"]


class Event(NamedTuple):
    """One interaction as a live session keeps it; a tuple, because a request hashes a history of them.

    Parameters
    ----------
    kind
        The interaction's kind.
    item_id
        The item, ``None`` for a search.
    at
        Epoch seconds.
    value
        The rating, for ``rate``.
    query
        The words, for ``search``.
    """

    kind: str
    item_id: str | None
    at: float
    value: float | None = None
    query: str | None = None

    @classmethod
    def of(cls, interaction: Interaction) -> Event:
        """Keep what a live session needs of an interaction."""
        return cls(interaction.kind, interaction.item_id, interaction.at.timestamp(), interaction.value, interaction.query)


def current_session(events: tuple[Event, ...], now: float, gap_seconds: float) -> tuple[Event, ...]:
    """Return the trailing events with no gap over ``gap_seconds``; empty when the last is older than that.

    Parameters
    ----------
    events
        Ascending by time.
    now
        Epoch seconds.
    """
    if not events or now - events[-1].at > gap_seconds:
        return ()
    start = len(events) - 1
    while start > 0 and events[start].at - events[start - 1].at <= gap_seconds:
        start -= 1
    return events[start:]


def sessions_of(events: Iterable[Event], gap_seconds: float) -> Iterator[tuple[Event, ...]]:
    """Split one visitor's events, ascending by time, into sessions."""
    session: list[Event] = []
    for event in events:
        if session and event.at - session[-1].at > gap_seconds:
            yield tuple(session)
            session = []
        session.append(event)
    if session:
        yield tuple(session)
