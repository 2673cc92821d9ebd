"""The session's cookie: what a browser did lately, brought by the browser itself to whichever worker answers next.

The store brings it to every worker as well, but only once it is written and read again. Until then a visitor whose next
request lands in another process would be a stranger there.

The cookie is signed for one visitor, so that a browser can neither write it nor borrow another's, and it says which account
it was made for. It is a copy: what does not hold is passed over and counted, and the store makes up for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from django.core import signing
from django.utils.crypto import salted_hmac

from django_reco import metrics
from reco_sdk.interactions.interaction import KIND_CODES, MAX_CLOCK_SKEW_SECONDS
from reco_sdk.sessions.session import Event, current_session

if TYPE_CHECKING:
    from reco_sdk.interactions.interaction import Interaction

__all__ = ["MAX_BYTES", "MAX_EVENTS", "SESSION_SECONDS", "SessionCookie", "carried"]

SALT: Final = "django_reco.session"
MAX_EVENTS: Final = 20
MAX_BYTES: Final = 1_024
MAX_TEXT: Final = 100
SESSION_SECONDS: Final = 1_800
"""After such a pause it is another session, and the cookie holds nothing any more."""
_NOT_OURS: Final = (signing.BadSignature, ValueError, TypeError, IndexError)


class SessionCookie:
    """The session of the browser that makes this request, as far as it brings it along.

    Parameters
    ----------
    visitor_id
        The browser.
    text
        The cookie as it came, ``None`` without one. It is read when somebody asks, and not before.
    """

    __slots__ = ("_brought", "_done", "_owner", "_taken", "_text", "_visitor_id")

    def __init__(self, visitor_id: str, text: str | None) -> None:
        self._visitor_id = visitor_id
        self._text = text
        self._owner = ""
        self._brought: tuple[Event, ...] | None = None
        self._done: list[Event] = []
        self._taken = False

    def note(self, interaction: Interaction) -> None:
        """Have the browser carry what this request recorded of it."""
        event = Event.of(interaction)
        if len(event.item_id or "") <= MAX_TEXT and len(event.query or "") <= MAX_TEXT:
            self._done.append(event._replace(at=event.at // 1.0))

    def take(self, user_id: str | None) -> tuple[Event, ...]:
        """Return what this process is to be told of, ascending by time, in whole seconds; nothing when asked again.

        Parameters
        ----------
        user_id
            The account, if any: what another account did in this browser is none of its business.
        """
        if self._taken:
            return ()
        self._taken = True
        return self._events_for(user_id)

    def replacement(self, user_id: str | None) -> str | None:
        """Return what the cookie should be from now on: ``None`` for the same, empty text for no cookie."""
        if self._brought is None and not self._done:
            return None  # nobody asked, and nothing was done
        kept = carried((*self._events_for(user_id), *self._done), time.time())
        # Who logs out leaves the session to the account: the browser is its, until another logs in.
        owner = _mark(user_id) if user_id else self._owner
        if kept and kept == self._brought and owner == self._owner:
            return None
        text = _encode(self._visitor_id, owner, kept)
        return text if text or self._text else None

    def _events_for(self, user_id: str | None) -> tuple[Event, ...]:
        if self._brought is None:
            self._brought = self._read() if self._text else ()
        if user_id and self._owner not in {"", _mark(user_id)}:
            self._owner, self._brought = "", ()
            metrics.count("session.refused")
        return self._brought

    def _read(self) -> tuple[Event, ...]:
        try:
            owner, found = _decode(self._visitor_id, self._text or "")
        except _NOT_OURS:
            # Forged, another visitor's, of a secret key long gone, or of another release.
            metrics.count("session.refused")
            return ()
        events = carried(found, time.time())
        metrics.count("session.read" if events else "session.expired")
        self._owner = owner if events else ""
        return events


def carried(events: Iterable[Event], now: float) -> tuple[Event, ...]:
    """Return what a cookie holds of these, ascending by time: the session that goes on, each thing once, the latest of it.

    Parameters
    ----------
    events
        In any order.
    now
        Epoch seconds. What lies further ahead than clocks of two hosts may differ is left out.
    """
    ordered = sorted((event for event in events if event.at <= now + MAX_CLOCK_SKEW_SECONDS), key=lambda event: event.at)
    latest: dict[tuple[str, str | None, str | None], Event] = {}
    for event in reversed(current_session(tuple(ordered), now, SESSION_SECONDS)):
        latest.setdefault((event.kind, event.item_id, event.query), event)
    return tuple(latest.values())[:MAX_EVENTS][::-1]


def _mark(user_id: str) -> str:
    """Return what tells an account from others, and nothing more."""
    return salted_hmac(SALT, user_id, algorithm="sha256").hexdigest()[:12]


def _encode(visitor_id: str, owner: str, events: tuple[Event, ...]) -> str:
    """Return the cookie of events that ascend by time: as many of the newest as it may hold, empty for none."""
    newest = int(events[-1].at) if events else 0
    rows = [_row(event, newest) for event in reversed(events)]
    while rows:
        text = signing.dumps([owner, newest, rows], salt=f"{SALT}:{visitor_id}", compress=True)
        if len(text) <= MAX_BYTES:
            return text
        rows = rows[: len(rows) * MAX_BYTES // len(text)]
    return ""


def _row(event: Event, newest: int) -> list[Any]:
    row = [KIND_CODES.index(event.kind), newest - int(event.at), event.item_id, event.query, event.value]
    while row[-1] is None:
        row.pop()
    return row


def _decode(visitor_id: str, text: str) -> tuple[str, list[Event]]:
    if len(text) > MAX_BYTES:
        raise ValueError(f"{len(text)} characters are none of ours")
    owner, newest, rows = signing.loads(text, salt=f"{SALT}:{visitor_id}")
    return str(owner), [_event(newest, *row) for row in reversed(rows)]


def _event(
    newest: int, code: int, seconds: int, item_id: str | None = None, query: str | None = None, value: float | None = None
) -> Event:
    return Event(KIND_CODES[code], item_id, float(newest - seconds), value, query)
