"""The interaction: one thing a visitor did, named as Google Analytics 4 names it."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reco_sdk.errors import InvalidInteraction

__all__ = ["KINDS", "KIND_CODES", "MAX_AGE_YEARS", "MAX_CLOCK_SKEW_SECONDS", "MONEY_KINDS", "Interaction", "check_time"]

KIND_CODES: Final = (
    "view_item",
    "select_item",
    "add_to_cart",
    "remove_from_cart",
    "add_to_wishlist",
    "purchase",
    "refund",
    "search",
    "rate",
    "dismiss",
)
"""Kind by its code, where many interactions are kept as numbers. The order is part of that format: append only."""
KINDS: Final = frozenset(KIND_CODES)
MONEY_KINDS: Final = frozenset({"purchase", "refund"})
"""What counts once by its ``event_id``, whoever says it and however often."""
MAX_CLOCK_SKEW_SECONDS: Final = 300
MAX_AGE_YEARS: Final = 5
MAX_TEXT: Final = 1_000
MAX_COUNT: Final = 2**63 - 1
MAX_RATING: Final = 5
MAX_VALUE: Final = 1e15


def _now() -> datetime:
    return datetime.now(UTC)


def _event_id() -> str:
    return uuid.uuid4().hex


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One thing a visitor did.

    Parameters
    ----------
    kind
        One of :data:`KINDS`.
    item_id
        The item it was done to; ``None`` for ``search`` only. An item that is not known yet is
        kept and joined when it arrives.
    visitor_id
        The browser; at least one of ``visitor_id`` and ``user_id`` is needed.
    user_id
        The account.
    session_id
        The shop's own session, if it has one; otherwise the 30-minute rule makes them.
    at
        When; timezone-aware, a naive time is read as UTC. Default: now.
    quantity
        Pieces, from 1 up.
    value
        Price paid for one piece, or the rating given, 0 to 5 (``rate``).
    currency
        ISO 4217 code of ``value``.
    query
        The words searched for (``search``).
    placement, slate_id, position
        Where the item was shown, which slate showed it, and at which place (from 0).
    event_id
        Idempotency key: the same id is stored once. Default: a fresh UUID.

    Raises
    ------
    InvalidInteraction
        Naming the field and the mend.
    """

    kind: str
    item_id: str | None = None
    visitor_id: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    at: datetime = field(default_factory=_now)
    quantity: int = 1
    value: float | None = None
    currency: str | None = None
    query: str | None = None
    placement: str | None = None
    slate_id: str | None = None
    position: int | None = None
    event_id: str = field(default_factory=_event_id)

    def __post_init__(self) -> None:
        kind: object = self.kind
        if not isinstance(kind, str) or kind not in KINDS:
            raise InvalidInteraction("kind", f"{self.kind!r} is unknown; use one of {', '.join(sorted(KINDS))}")
        for name in _TEXT_FIELDS:
            self._check_text(name)
        if self.kind == "search":
            if not self.query:
                raise InvalidInteraction("query", "is missing; a search needs the words searched for")
        elif not self.item_id:
            raise InvalidInteraction("item_id", f"is missing; {self.kind} is done to an item")
        if not self.visitor_id and not self.user_id:
            raise InvalidInteraction("visitor_id", "is missing; give visitor_id or user_id")
        if not self.event_id:
            raise InvalidInteraction("event_id", "is empty; leave it out to get a fresh one")
        if not _is_count(self.quantity) or self.quantity < 1:
            raise InvalidInteraction(
                "quantity", f"{self.quantity!r} is not a whole number from 1 to {MAX_COUNT:,}; use kind 'refund' to undo"
            )
        if self.value is not None:
            self._check_value(self.value)
        if self.position is not None and not _is_count(self.position):
            raise InvalidInteraction("position", f"{self.position!r} is not a whole number from 0 to {MAX_COUNT:,}")
        self._check_at(self.at)

    def _check_text(self, name: str) -> None:
        value = getattr(self, name)
        if value is None:
            return
        if not isinstance(value, str):
            raise InvalidInteraction(name, f"is {type(value).__name__}, not text")
        if len(value) > MAX_TEXT:
            raise InvalidInteraction(name, f"has {len(value):,} characters; at most {MAX_TEXT:,} are kept")
        text = value.strip()
        if not text.isprintable():
            # Not all that is unprintable is wrong: a no-break space or the joiner of an emoji is text.
            bad = next((c for c in text if unicodedata.category(c) in {"Cc", "Cs"}), None)
            if bad is not None:
                what = "control character" if unicodedata.category(bad) == "Cc" else "lone surrogate"
                raise InvalidInteraction(name, f"holds {what} U+{ord(bad):04X}; remove it")
        if text != value:
            object.__setattr__(self, name, text)

    def _check_value(self, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_VALUE:
            raise InvalidInteraction("value", f"{value!r} is not a number from 0 to {MAX_VALUE:g}; leave it out when unknown")
        if self.kind == "rate" and value > MAX_RATING:
            raise InvalidInteraction("value", f"{value!r} is no rating from 0 to {MAX_RATING}; scale it")
        object.__setattr__(self, "value", float(value))

    def _check_at(self, at: object) -> None:
        if isinstance(at, str):
            try:
                at = datetime.fromisoformat(at)
            except ValueError as error:
                raise InvalidInteraction("at", f"{at!r} is not an ISO 8601 time") from error
        if not isinstance(at, datetime):
            raise InvalidInteraction("at", f"is {type(at).__name__}; give a datetime or ISO 8601 text")
        try:
            object.__setattr__(self, "at", at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
        except OverflowError as error:
            raise InvalidInteraction("at", f"{at.isoformat()} lies outside the years 1 to 9999 in UTC") from error

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields; those that are ``None`` are left out."""
        out: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if value is not None:
                out[f.name] = value.isoformat() if isinstance(value, datetime) else value
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Interaction:
        """Build an interaction from plain fields.

        Raises
        ------
        InvalidInteraction
            For unknown fields, a missing ``kind``, or any value that cannot be.
        """
        unknown = sorted(set(data) - _FIELD_NAMES)
        if unknown:
            raise InvalidInteraction(unknown[0], f"is not a field of an interaction; known are {', '.join(sorted(_FIELD_NAMES))}")
        if "kind" not in data:
            raise InvalidInteraction("kind", "is missing")
        return cls(**data)

    @classmethod
    def view_item(cls, item_id: str, **fields: Any) -> Interaction:
        """Make a ``view_item``: the item's page was opened."""
        return cls(kind="view_item", item_id=item_id, **fields)

    @classmethod
    def select_item(cls, item_id: str, **fields: Any) -> Interaction:
        """Make a ``select_item``: the item was clicked in a list."""
        return cls(kind="select_item", item_id=item_id, **fields)

    @classmethod
    def add_to_cart(cls, item_id: str, **fields: Any) -> Interaction:
        """Make an ``add_to_cart``."""
        return cls(kind="add_to_cart", item_id=item_id, **fields)

    @classmethod
    def remove_from_cart(cls, item_id: str, **fields: Any) -> Interaction:
        """Make a ``remove_from_cart``."""
        return cls(kind="remove_from_cart", item_id=item_id, **fields)

    @classmethod
    def add_to_wishlist(cls, item_id: str, **fields: Any) -> Interaction:
        """Make an ``add_to_wishlist``."""
        return cls(kind="add_to_wishlist", item_id=item_id, **fields)

    @classmethod
    def purchase(cls, item_id: str, **fields: Any) -> Interaction:
        """Make a ``purchase`` of one order line; give ``event_id`` for idempotency."""
        return cls(kind="purchase", item_id=item_id, **fields)

    @classmethod
    def refund(cls, item_id: str, **fields: Any) -> Interaction:
        """Make a ``refund``."""
        return cls(kind="refund", item_id=item_id, **fields)

    @classmethod
    def search(cls, query: str, **fields: Any) -> Interaction:
        """Make a ``search`` for words."""
        return cls(kind="search", query=query, **fields)

    @classmethod
    def rate(cls, item_id: str, value: float, **fields: Any) -> Interaction:
        """Make a ``rate``: ``value`` is the rating given."""
        return cls(kind="rate", item_id=item_id, value=value, **fields)

    @classmethod
    def dismiss(cls, item_id: str, **fields: Any) -> Interaction:
        """Make a ``dismiss``: the visitor does not want to see it."""
        return cls(kind="dismiss", item_id=item_id, **fields)


_FIELD_NAMES: Final = frozenset(f.name for f in fields(Interaction))
_TEXT_FIELDS: Final = (
    "item_id",
    "visitor_id",
    "user_id",
    "session_id",
    "currency",
    "query",
    "placement",
    "slate_id",
    "event_id",
)


def check_time(interaction: Interaction, now: datetime, *, max_age_years: int | None = MAX_AGE_YEARS) -> None:
    """Refuse an interaction whose time cannot be.

    History that is imported may be older (``max_age_years=None``); what is recorded live may not.

    Raises
    ------
    InvalidInteraction
        When ``at`` is over five minutes ahead of ``now``, or over ``max_age_years`` behind it.
    """
    if interaction.at > now + timedelta(seconds=MAX_CLOCK_SKEW_SECONDS):
        raise InvalidInteraction("at", f"{interaction.at.isoformat()} is in the future; check the clock and the time zone")
    if max_age_years is not None and interaction.at < now - timedelta(days=365 * max_age_years):
        raise InvalidInteraction(
            "at", f"{interaction.at.isoformat()} is over {max_age_years} years ago; check its unit and time zone"
        )
