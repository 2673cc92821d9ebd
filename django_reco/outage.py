"""While the shop's database is away: it is said once, it is not asked again at every row, and rows show what they showed before.

A row is fetched through the shop's own queryset, so without its database there is nothing to fetch. What was fetched last is
kept for that: values, not objects, since whatever a page does to an object must not reach the next page. Only models whose
``result_queryset`` gives everybody the same are kept (:attr:`django_reco.items.Items.same_for_all`), and what is kept is shown
only while the database is away.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError
from django.db.models.base import ModelState

from django_reco import metrics

if TYPE_CHECKING:
    from django.db.models import Model

__all__ = ["AWAY", "KeptObjects", "Outages", "first_line", "kept", "outages"]

logger = logging.getLogger("django_reco")

AWAY: Final = (OperationalError, InterfaceError)
"""What Django raises when a database cannot be reached, went away, or cannot answer now."""
RETRY_SECONDS: Final = 1.0
SAID_AGAIN_SECONDS: Final = 60.0
TEXTS_REMEMBERED: Final = 50
OBJECTS_KEPT: Final = 1_000
"""Twice as many at most, about 2 KB each."""


class Outages:
    """Which of the shop's databases are away."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._retry_at: dict[str, float] = {}
        self._said_at: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._retry_at)

    def asks(self, database: str) -> bool:
        """Return whether to ask a database: always while it is there, else one row a second finds out."""
        if not self._retry_at:
            return True
        with self._lock:
            retry_at, now = self._retry_at.get(database, 0.0), time.monotonic()
            if now < retry_at:
                return False
            if retry_at:
                self._retry_at[database] = now + RETRY_SECONDS  # the others go on meanwhile
            return True

    def failed(self, database: str, error: Exception) -> None:
        """Take note that a database could not be asked; said once an outage."""
        metrics.count("database.away")
        with self._lock:
            known = database in self._retry_at
            self._retry_at[database] = time.monotonic() + RETRY_SECONDS
        if not known:
            logger.warning(
                "reco: the database %r cannot be asked; rows show what they showed before: %s", database, first_line(error)
            )

    def answered(self, database: str) -> None:
        """Take note that a database answers."""
        if not self._retry_at:
            return
        with self._lock:
            was_away = self._retry_at.pop(database, None) is not None
        if was_away:
            logger.info("reco: the database %r answers again", database)

    def tells(self, error: Exception) -> bool:
        """Return whether an error only says that a database is away, and say so at most once a minute instead of at each page."""
        if not isinstance(error, AWAY):
            return False
        text, now = first_line(error), time.monotonic()
        with self._lock:
            said = DEFAULT_DB_ALIAS in self._retry_at or now < self._said_at.get(text, 0.0)
            if not said:
                if len(self._said_at) >= TEXTS_REMEMBERED:
                    self._said_at.clear()
                self._said_at[text] = now + SAID_AGAIN_SECONDS
        if not said:
            logger.warning("reco: the database cannot be asked; what needs it is left out: %s", text)
        return True


def first_line(error: Exception) -> str:
    """Return what an error says first: a driver adds advice on further lines."""
    return (str(error).splitlines() or [type(error).__name__])[0]


class KeptObjects:
    """The objects that rows showed last, as values, by item id.

    No lock: two dictionaries, and the older one is let go when the younger is full. At worst a thread keeps one in a dictionary
    that was just let go.

    Parameters
    ----------
    limit
        How many each of the two holds.
    """

    def __init__(self, limit: int = OBJECTS_KEPT) -> None:
        self._limit = limit
        self._young: dict[str, tuple[type[Model], dict[str, Any], str | None, dict[str, Any]]] = {}
        self._old = self._young

    def keep(self, objects: Mapping[str, Model]) -> None:
        """Keep what was just fetched, before anybody else sees it."""
        if len(self._young) >= self._limit:
            self._old, self._young = self._young, {}
        young = self._young
        for item_id, obj in objects.items():
            values = obj.__dict__.copy()
            state: ModelState = values.pop("_state")
            young[item_id] = type(obj), values, state.db, dict(state.fields_cache)

    def get(self, item_id: str) -> Any:
        """Return a fresh object with the values that were kept; ``None`` where there are none."""
        found = self._young.get(item_id) or self._old.get(item_id)
        if found is None:
            return None
        kind, values, database, related = found
        state: Any = ModelState()
        state.adding, state.db, state.fields_cache = False, database, dict(related)
        obj: Any = kind.__new__(kind)
        obj.__dict__.update(values, _state=state)
        return obj


outages = Outages()
kept = KeptObjects()


def _after_fork() -> None:
    """Have a lock of the child's own: one that another thread held at the fork would never be released here."""
    outages._lock = threading.Lock()  # noqa: SLF001


os.register_at_fork(after_in_child=_after_fork)
