"""The item: what a shop may recommend, in the fields that merchants know.

The field names follow the Google Merchant product data specification, so that a feed maps one to one.
"""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final

from reco_sdk.errors import InvalidItem
from reco_sdk.items.currency import CURRENCIES

__all__ = ["AVAILABILITIES", "CATEGORY_SEPARATOR", "Item", "check_unique_ids"]

AVAILABILITIES: Final = frozenset({"in_stock", "out_of_stock", "preorder", "backorder"})
CATEGORY_SEPARATOR: Final = ">"
MAX_ID: Final = 255
MAX_TITLE: Final = 1_000
MAX_SHORT: Final = 4_000
MAX_DESCRIPTION: Final = 200_000
MAX_ENTRIES: Final = 200
MAX_COUNT: Final = 2**63 - 1

AttributeValue = str | tuple[str, ...]
SitePrice = float | tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One recommendable thing.

    Parameters
    ----------
    id
        The shop's own id, 1 to 255 characters.
    title
        What a shopper reads, 1 to 1,000 characters.
    description
        Longer text, at most 200,000 characters; HTML is kept here and stripped by the text recipe.
    group_id
        Shared by variants of one product; a slate shows one item per group.
    categories
        Paths from the root, ``"Women > Dresses"``; the first is the main one.
    brand
        Maker or label.
    price, sale_price
        In units of ``currency``; ``sale_price`` is what is asked now if it is lower.
    currency
        ISO 4217 code, for example ``"EUR"``.
    prices
        What sites or channels ask where it is another price: ``{"uk": 17.0, "outlet": (17.0, 12.5)}``, a price, or price and
        sale price; each in what that site asks for.
    availability
        ``in_stock``, ``out_of_stock``, ``preorder`` or ``backorder``.
    quantity
        Pieces in stock, ``None`` when unknown; 0 makes an ``in_stock`` item unavailable.
    image_url, page_url
        Absolute or site-relative addresses.
    attributes
        Free facets, ``{"colour": "red", "size": ["S", "M"]}``.
    tags
        Free labels.
    rating, rating_count
        Mean of the shoppers' ratings (0 to 5) and how many there are.
    published_at, expires_at
        The item may be recommended from, and until; timezone-aware, a naive time is read as UTC.
    language
        BCP 47 tag of title and description.

    Raises
    ------
    InvalidItem
        Naming the item, the field and the mend.
    """

    id: str
    title: str
    description: str = ""
    group_id: str | None = None
    categories: tuple[str, ...] = ()
    brand: str | None = None
    price: float | None = None
    sale_price: float | None = None
    currency: str | None = None
    prices: Mapping[str, SitePrice] = field(default_factory=dict)
    availability: str = "in_stock"
    quantity: int | None = None
    image_url: str | None = None
    page_url: str | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    rating: float | None = None
    rating_count: int | None = None
    published_at: datetime | None = None
    expires_at: datetime | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        _Checker(self).run()

    def __hash__(self) -> int:
        return hash((self.id, self.content_hash))

    @property
    def effective_price(self) -> float | None:
        """What is asked now: the lower of ``price`` and ``sale_price``."""
        known = [p for p in (self.price, self.sale_price) if p is not None]
        return min(known) if known else None

    @property
    def discount(self) -> float:
        """The part of ``price`` that ``sale_price`` takes off, 0 when it takes off nothing."""
        return _discount(self.price, self.sale_price)

    def asked_at(self, site: str) -> tuple[float | None, float]:
        """Return what a site asks now, and the part that its sale takes off."""
        own = self.prices.get(site)
        if own is None:
            return self.effective_price, self.discount
        given = own if isinstance(own, tuple) else (own,)
        return min(given), _discount(given[0], given[-1])

    @property
    def is_available(self) -> bool:
        """Whether it can be bought now, by availability and stock."""
        if self.availability == "out_of_stock":
            return False
        return not (self.availability == "in_stock" and self.quantity == 0)

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of every field; equal content has an equal hash."""
        payload = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(payload.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields; those that are empty or ``None`` are left out."""
        out: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if value is None or (f.name not in {"id", "title"} and value in ("", (), {})):
                continue
            if isinstance(value, datetime):
                value = value.isoformat()
            elif isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, Mapping):
                value = {k: list(v) if isinstance(v, tuple) else v for k, v in value.items()}
            out[f.name] = value
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Item:
        """Build an item from plain fields (JSON, a row of a table).

        Raises
        ------
        InvalidItem
            For unknown fields, missing ``id`` or ``title``, or any value that cannot be.
        """
        item_id = data.get("id")
        shown = None if item_id is None else str(item_id)
        unknown = sorted(set(data) - _FIELD_NAMES)
        if unknown:
            raise InvalidItem(shown, unknown[0], f"is not a field of an item; known are {', '.join(sorted(_FIELD_NAMES))}")
        for name in ("id", "title"):
            if data.get(name) in (None, ""):
                raise InvalidItem(shown, name, "is missing; every item needs one")
        return cls(**data)


_FIELD_NAMES: Final = frozenset(f.name for f in fields(Item))


def _discount(price: float | None, sale_price: float | None) -> float:
    return 0.0 if price is None or sale_price is None or sale_price >= price else 1.0 - sale_price / price


class _Checker:
    """Normalise and check the fields of one item in place."""

    __slots__ = ("item", "item_id")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.item_id: str | None = item.id if isinstance(item.id, str) else None

    def run(self) -> None:
        self._text("id", MAX_ID, required=True)
        self._text("title", MAX_TITLE, required=True)
        self._text("description", MAX_DESCRIPTION, multiline=True)
        for name in ("group_id", "brand", "image_url", "page_url", "language"):
            self._text(name, MAX_SHORT, optional=True)
        paths = (self._path(c) for c in self._texts("categories"))
        self._set("categories", tuple(dict.fromkeys(path for path in paths if path)))
        self._set("tags", self._texts("tags"))
        for name in ("price", "sale_price"):
            self._number(name, 0.0, math.inf, "leave it out when unknown")
        self._number("rating", 0.0, 5.0, "scale it to 0–5")
        self._count("quantity")
        self._count("rating_count")
        self._currency()
        availability: object = self.item.availability
        if not isinstance(availability, str) or availability not in AVAILABILITIES:
            self.fail("availability", f"{self.item.availability!r} is unknown; use one of {', '.join(sorted(AVAILABILITIES))}")
        self._attributes()
        if self.item.prices != {}:
            self._prices()
        for name in ("published_at", "expires_at"):
            self._time(name)

    def fail(self, name: str, reason: str) -> None:
        raise InvalidItem(self.item_id, name, reason)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self.item, name, value)

    def _clean(self, name: str, value: object, limit: int, *, multiline: bool = False) -> str:
        if not isinstance(value, str):
            raise InvalidItem(self.item_id, name, f"is {type(value).__name__}, not text")
        if len(value) > limit:
            raise InvalidItem(self.item_id, name, f"has {len(value):,} characters; at most {limit:,} are kept, shorten it")
        text = value.strip()
        if text.isascii() and text.isprintable():
            return text
        for position, char in enumerate(text):
            kind = unicodedata.category(char)
            if kind == "Cs":
                self.fail(name, f"lone surrogate U+{ord(char):04X} at character {position}; decode the source as UTF-8")
            if kind == "Cc" and not (multiline and char in "\n\r\t"):
                self.fail(name, f"control character U+{ord(char):04X} at character {position}; remove it")
        return text

    def _text(self, name: str, limit: int, *, required: bool = False, optional: bool = False, multiline: bool = False) -> None:
        value = getattr(self.item, name)
        if value is None and optional:
            return
        if value is None and required:
            self.fail(name, "is missing; every item needs one")
        text = self._clean(name, value, limit, multiline=multiline)
        if not text and required:
            self.fail(name, "is missing; every item needs one")
        self._set(name, text or (None if optional else ""))

    def _texts(self, name: str) -> tuple[str, ...]:
        value: object = getattr(self.item, name)
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise InvalidItem(self.item_id, name, f"is {type(value).__name__}; give a list of texts")
        entries = tuple(value)
        if len(entries) > MAX_ENTRIES:
            self.fail(name, f"has {len(entries):,} entries; at most {MAX_ENTRIES} are kept")
        cleaned = (self._clean(name, entry, MAX_SHORT) for entry in entries)
        return tuple(dict.fromkeys(text for text in cleaned if text))

    @staticmethod
    def _path(path: str) -> str:
        return f" {CATEGORY_SEPARATOR} ".join(part.strip() for part in path.split(CATEGORY_SEPARATOR) if part.strip())

    def _number(self, name: str, low: float, high: float, mend: str) -> None:
        value = getattr(self.item, name)
        if value is not None:
            self._set(name, self._amount(name, value, low, high, mend))

    def _amount(self, name: str, value: Any, low: float, high: float, mend: str) -> float:
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            raise InvalidItem(self.item_id, name, f"{value!r} is not a number; {mend}") from None
        if not math.isfinite(number) or not low <= number <= high:
            self.fail(name, f"{number!r} is not between {low:g} and {high:g}; {mend}")
        return number

    def _count(self, name: str) -> None:
        value = getattr(self.item, name)
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
            self.fail(name, f"{value!r} is not a whole number from 0 to {MAX_COUNT:,}; leave it out when unknown")

    def _currency(self) -> None:
        code = self.item.currency
        if code is None:
            return
        upper = code.strip().upper() if isinstance(code, str) else ""
        if upper not in CURRENCIES:
            self.fail("currency", f"{code!r} is not an ISO 4217 code such as EUR, USD or CNY")
        self._set("currency", upper)

    def _attributes(self) -> None:
        given: object = self.item.attributes
        if not isinstance(given, Mapping):
            raise InvalidItem(self.item_id, "attributes", f"is {type(given).__name__}; give a mapping of names to texts")
        if len(given) > MAX_ENTRIES:
            self.fail("attributes", f"has {len(given):,} entries; at most {MAX_ENTRIES} are kept")
        out: dict[str, AttributeValue] = {}
        for key, value in given.items():
            name = self._clean("attributes", key, MAX_ID)
            if isinstance(value, str):
                out[name] = self._clean(f"attributes.{name}", value, MAX_SHORT)
            elif isinstance(value, Sequence):
                if len(value) > MAX_ENTRIES:
                    self.fail(f"attributes.{name}", f"has {len(value):,} entries; at most {MAX_ENTRIES} are kept")
                out[name] = tuple(self._clean(f"attributes.{name}", entry, MAX_SHORT) for entry in value)
            else:
                self.fail(f"attributes.{name}", f"is {type(value).__name__}; give text or a list of texts")
        self._set("attributes", out)

    def _prices(self) -> None:
        given: object = self.item.prices
        if not isinstance(given, Mapping):
            raise InvalidItem(self.item_id, "prices", f"is {type(given).__name__}; give a mapping of sites to prices")
        if len(given) > MAX_ENTRIES:
            self.fail("prices", f"has {len(given):,} entries; at most {MAX_ENTRIES} are kept")
        out: dict[str, SitePrice] = {}
        for key, value in given.items():
            site = self._clean("prices", key, MAX_ID)
            both = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
            if len(both) not in (1, 2):
                self.fail(f"prices.{site}", f"has {len(both)} entries; give a price, or price and sale price")
            asked = tuple(self._amount(f"prices.{site}", entry, 0.0, math.inf, "leave it out when unknown") for entry in both)
            out[site] = asked[0] if len(asked) == 1 else asked
        self._set("prices", out)

    def _time(self, name: str) -> None:
        value = getattr(self.item, name)
        if value is None:
            return
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                self.fail(name, f"{value!r} is not an ISO 8601 time such as 2026-01-31T12:00:00+00:00")
        if not isinstance(value, datetime):
            self.fail(name, f"is {type(value).__name__}; give a datetime or ISO 8601 text")
            return
        try:
            self._set(name, value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))
        except OverflowError:
            self.fail(name, f"{value.isoformat()} lies outside the years 1 to 9999 in UTC; leave it out for no bound")


def check_unique_ids(items: Sequence[Item]) -> None:
    """Refuse a batch that names one id twice, since which of the two is meant cannot be known.

    Raises
    ------
    InvalidItem
        Naming the first id that stands in the batch twice.
    """
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise InvalidItem(item.id, "id", "stands twice in one batch; send each item once")
        seen.add(item.id)
