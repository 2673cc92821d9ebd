"""Merchandising rules: what a merchant says about rows, whatever the models say. Values only; see ``merchandising.py``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from reco_sdk.errors import InvalidExpression, InvalidRule
from reco_sdk.ports import StoredRule

__all__ = ["ACTIONS", "MAX_SLOT", "Rule"]

ACTIONS: Final = ("pin", "boost", "bury", "hide", "replace")
MAX_SLOT: Final = 1_000
MAX_ENTRIES: Final = 1_000
MAX_FACTOR: Final = 1_000.0
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LISTS: Final = (
    "items",
    "categories",
    "brands",
    "placements",
    "strategies",
    "in_categories",
    "sites",
    "languages",
    "segments",
)
_DEFAULT_FACTORS: Final = {"boost": 2.0, "bury": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One merchandising rule.

    Parameters
    ----------
    id
        1 to 64 letters, digits, ``_``, ``.`` and ``-``; contributions name it ``rule:<id>``.
    action
        ``pin`` (to a slot), ``boost``, ``bury``, ``hide``, or ``replace`` (a row's strategy, or the row by a fixed list).
    items, categories, brands, where
        What it acts on: items by id, at or under category paths, of brands, or for which a filter expression holds; whatever
        is named by any of them. A pin shows ``items`` in their order, else the best of the rest.
    slot
        Of a pin: the place of the first item, 1 is the first.
    factor
        Of a boost (above 1) or a bury (below 1): scores are multiplied by it.
    strategy
        Of a replacement: what answers instead. Without one, the row is ``items``, in their order, and nothing else.
    placements, strategies
        Only there, only in these rows; everywhere when empty.
    in_categories
        Only on pages of these categories: the seed lies at or under one, or the row is filtered to one.
    sites, languages, segments
        Only for these.
    starts_at, ends_at
        Holds from, and until; timezone-aware, a naive time is read as UTC.
    priority
        The greater goes first: of two pins on one slot it has the slot.
    note
        For people.
    enabled
        Whether it does anything.

    Raises
    ------
    InvalidRule
        Naming the field and the mend.
    """

    id: str
    action: str
    items: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    where: str = ""
    slot: int | None = None
    factor: float | None = None
    strategy: str | None = None
    placements: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    in_categories: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    priority: int = 0
    note: str = ""
    enabled: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not _ID.fullmatch(self.id):
            raise InvalidRule(str(self.id)[:64], "id", "is not 1 to 64 letters, digits, _, . or -, a letter or digit first")
        if self.action not in ACTIONS:
            raise self._wrong("action", f"{self.action!r} is unknown; use one of {', '.join(ACTIONS)}")
        for name in _LISTS:
            self._set(name, self._texts(name, getattr(self, name)))
        for name in ("where", "note"):
            self._text(name, getattr(self, name), 10_000)
        for name in ("starts_at", "ends_at"):
            self._set(name, self._time(name, getattr(self, name)))
        if self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at:
            raise self._wrong("ends_at", "is not after starts_at")
        if isinstance(self.priority, bool) or not isinstance(self.priority, int) or not abs(self.priority) <= 1_000_000:
            raise self._wrong("priority", f"{self.priority!r} is not a whole number")
        if not isinstance(self.enabled, bool):
            raise self._wrong("enabled", f"{self.enabled!r} is not true or false")
        self._check_action()
        if self.where:
            from reco_sdk.ranking.expressions import parse_expression  # noqa: PLC0415  only where expressions are used

            try:
                parse_expression(self.where)
            except InvalidExpression as error:
                raise self._wrong("where", error.reason) from error

    def _check_action(self) -> None:
        targets = bool(self.items or self.categories or self.brands or self.where)
        if self.action == "replace":
            if bool(self.strategy) == bool(self.items) or self.categories or self.brands or self.where:
                raise self._wrong("strategy", "a row is replaced by a strategy or by a list of items; give one of the two")
        elif not targets:
            raise self._wrong("items", "says of nothing what it acts on; give items, categories, brands or where")
        elif self.strategy is not None:
            raise self._wrong("strategy", "belongs to the action replace; leave it out")
        if self.action == "pin":
            if isinstance(self.slot, bool) or not isinstance(self.slot, int) or not 1 <= self.slot <= MAX_SLOT:
                raise self._wrong("slot", f"{self.slot!r} is not a place from 1 (the first) to {MAX_SLOT:,}")
        elif self.slot is not None:
            raise self._wrong("slot", "belongs to the action pin; leave it out")
        if self.action not in _DEFAULT_FACTORS:
            if self.factor is not None:
                raise self._wrong("factor", "belongs to the actions boost and bury; leave it out")
            return
        factor: Any = _DEFAULT_FACTORS[self.action] if self.factor is None else self.factor
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not math.isfinite(factor):
            raise self._wrong("factor", f"{factor!r} is not a number")
        low, high = (1.0, MAX_FACTOR) if self.action == "boost" else (1.0 / MAX_FACTOR, 1.0)
        if not low <= factor <= high or factor == 1.0:
            mend = (
                "above 1, 2 doubles scores"
                if self.action == "boost"
                else "below 1, 0.5 halves scores; hide what is not to be seen"
            )
            raise self._wrong("factor", f"{factor!r} does not {self.action}: give a number {mend}")
        self._set("factor", float(factor))

    def _wrong(self, name: str, reason: str) -> InvalidRule:
        return InvalidRule(self.id, name, reason)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _text(self, name: str, value: object, limit: int) -> str:
        if not isinstance(value, str):
            raise self._wrong(name, f"is {type(value).__name__}, not text")
        if len(value) > limit:
            raise self._wrong(name, f"has {len(value):,} characters; at most {limit:,} are kept")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self._wrong(name, "holds a lone surrogate; decode the source as UTF-8") from None
        if "\x00" in value:
            raise self._wrong(name, "holds a null character; remove it")
        return value

    def _texts(self, name: str, given: object) -> tuple[str, ...]:
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise self._wrong(name, f"is {type(given).__name__}; give a list of texts")
        values = tuple(given)
        if len(values) > MAX_ENTRIES:
            raise self._wrong(name, f"has {len(values):,} entries; at most {MAX_ENTRIES:,} are kept")
        texts = (self._text(name, value, 4_000).strip() for value in values)
        return tuple(dict.fromkeys(text for text in texts if text))

    def _time(self, name: str, value: object) -> datetime | None:
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise self._wrong(name, f"{value!r} is not an ISO 8601 time such as 2026-01-31T12:00:00+00:00") from None
        if value is None:
            return None
        if not isinstance(value, datetime):
            raise self._wrong(name, f"is {type(value).__name__}; give a datetime or ISO 8601 text")
        try:
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError:
            raise self._wrong(name, "lies outside the years 1 to 9999 in UTC; leave it out for no bound") from None

    def holds_at(self, now: float) -> bool:
        """Return whether its dates let it hold at ``now`` (epoch seconds)."""
        begun = self.starts_at is None or self.starts_at.timestamp() <= now
        return begun and (self.ends_at is None or now < self.ends_at.timestamp())

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields; those that are empty are left out."""
        out: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name in {"id", "action", "enabled"} or value not in {None, "", (), 0}:
                if isinstance(value, datetime):
                    value = value.isoformat()
                out[f.name] = list(value) if isinstance(value, tuple) else value
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Rule:
        """Build a rule from plain fields.

        Raises
        ------
        InvalidRule
            For unknown fields, a missing ``id`` or ``action``, or any value that cannot be.
        """
        rule_id = data.get("id")
        shown = None if rule_id is None else str(rule_id)[:64]
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(data) - set(known))
        if unknown:
            raise InvalidRule(shown, unknown[0], f"is not a field of a rule; known are {', '.join(known)}")
        for name in ("id", "action"):
            if data.get(name) in {None, ""}:
                raise InvalidRule(shown, name, "is missing; every rule needs one")
        return cls(**data)

    def stored(self) -> StoredRule:
        """Return it as a store keeps it."""
        data = json.dumps(self.to_dict(), ensure_ascii=False, sort_keys=True)
        return StoredRule(self.id, self.action, self.enabled, self.priority, self.note, data)

    @classmethod
    def of_stored(cls, stored: StoredRule) -> Rule:
        """Return the rule that a store keeps.

        Raises
        ------
        InvalidRule
            When this release cannot read it.
        """
        try:
            data = json.loads(stored.data)
        except ValueError:
            raise InvalidRule(stored.rule_id, "data", "is not JSON; put the rule again") from None
        if not isinstance(data, dict):
            raise InvalidRule(stored.rule_id, "data", "is not a rule; put it again")
        return cls.from_dict(data)
