"""Values as shops keep them → values as items hold them: text, money, stock, times, addresses, category paths."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from django.db.models import Model
from django.utils import formats, timezone
from django.utils.functional import Promise

from django_reco.paths import MISSING, as_list, translated
from reco_sdk.errors import InvalidItem
from reco_sdk.items.item import AVAILABILITIES

__all__ = [
    "Offer",
    "address",
    "category_path",
    "key_of",
    "moment",
    "money",
    "number",
    "priced",
    "stock",
    "text_of",
    "text_or_none",
]

MAX_ANCESTORS: Final = 16
WHOLE_CURRENCIES: Final = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
"""Currencies without a smaller coin (ISO 4217)."""


def category_path(category: Any) -> str:
    """Return ``"Women > Dresses"`` for a category: text as it is, a model with its parents."""
    if not isinstance(category, Model):
        return text_of(category)
    return " > ".join(text_of(name).replace(">", "›") for name in _ancestors(category))


def _name(obj: Any) -> Any:
    for name in ("title", "name"):
        value = translated(obj, name)
        value = getattr(obj, name, None) if value is MISSING else value
        if isinstance(value, str | Promise):
            return value
    return str(obj)


def _ancestors(category: Any) -> list[Any]:
    """Return the names from the root down to ``category`` (django-mptt, treebeard, or a ``parent`` field)."""
    lookup: Any = getattr(category, "get_ancestors", None)
    if lookup is not None:
        return [*map(_name, lookup()), _name(category)]
    chain = [category]
    while len(chain) < MAX_ANCESTORS:
        parent = getattr(chain[-1], "parent", None)
        if not isinstance(parent, Model) or any(parent.pk == seen.pk for seen in chain):
            break
        chain.append(parent)
    return [_name(entry) for entry in reversed(chain)]


def text_of(value: Any) -> str:
    """Return a value as text: nothing as ``""``, an object of a model by its title or name."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return str(_name(value)) if isinstance(value, Model) else str(value)


def text_or_none(value: Any) -> str | None:
    """Return a value as text, ``None`` for nothing."""
    return text_of(value) or None


def key_of(value: Any) -> str:
    """Return a site, a channel or a language as text: an object by its primary key."""
    return str(value.pk if isinstance(value, Model) else value).lower()


def number(value: Any) -> Any:
    """Return a number as such, ``None`` for nothing."""
    return None if value in (None, "") else float(value)


def money(value: Any) -> tuple[Any, str | None]:
    """Return (amount, currency) of a number, a pair, or an object with both; of several, the lowest: "from 9 EUR"."""
    if isinstance(value, tuple) and len(value) == 2 and (value[1] is None or isinstance(value[1], str)):
        return value
    if isinstance(value, list | tuple):
        return min((money(entry) for entry in as_list(value)), key=_amount, default=(None, None))
    if value is None or value == "":
        return None, None
    amount = getattr(value, "amount", None)
    if amount is None:
        return value, None
    currency = getattr(value, "currency", None)
    code = getattr(currency, "code", currency)
    return amount, None if code is None else str(code)


class Offer(NamedTuple):
    """What one site or channel asks: price, sale price (``None`` for none), and currency where it is known."""

    price: Any
    sale_price: Any = None
    currency: str | None = None

    @classmethod
    def of(cls, value: Any) -> Offer:
        """Read a price as :func:`money` does, or ``{"price": …, "sale_price": …, "currency": …}``."""
        if not isinstance(value, Mapping):
            amount, currency = money(value)
            return cls(amount, None, currency)
        (price, one), (sale, other) = money(value.get("price")), money(value.get("sale_price"))
        currency = value.get("currency") or one or other
        return cls(sale, None, currency) if price is None else cls(price, sale, currency)

    @property
    def prices(self) -> Any:
        """As an item keeps them."""
        return self.price if self.sale_price is None else (self.price, self.sale_price)

    @property
    def asked(self) -> tuple[Any, str | None]:
        """What is asked now."""
        both = [self.price] if self.sale_price is None else [self.price, self.sale_price]
        return min(both, key=float), self.currency


def priced(amount: Any, currency: str | None) -> str:
    """Return a price as the active language writes it: ``"1.234,50 EUR"``, ``"1,235 JPY"``; what is no number as it is."""
    try:
        digits = 0 if currency in WHOLE_CURRENCIES else 2
        number = Decimal(str(amount)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    except InvalidOperation:
        return str(amount)
    shown = formats.number_format(number, decimal_pos=digits)
    # A space that does not break, so that a line never ends between number and currency.
    return f"{shown}\xa0{currency}" if currency else shown


def _amount(found: tuple[Any, str | None]) -> float:
    try:
        return float(found[0])
    except (TypeError, ValueError):
        return float("inf")  # it is refused where it is the only one


def address(value: Any) -> str | None:
    """Return the address of a file, an image model's file, or text."""
    if not value:
        return None
    if isinstance(value, Model):
        names = ("image", "original", "photo", "file", "url")
        return next((found for found in (address(getattr(value, name, None)) for name in names) if found), None)
    if hasattr(value, "url"):
        return str(value.url)
    return text_of(value) or None


def moment(value: Any) -> datetime | None:
    """Return an aware time for a time or a day; ``None`` for nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time.min, tzinfo=UTC)
    if isinstance(value, datetime) and timezone.is_naive(value):
        value = timezone.make_aware(value)
    return value  # type: ignore[no-any-return]


def stock(item_id: str, available: Any, quantity: Any) -> tuple[str, int | None]:
    """Return (availability, quantity) of what a shop keeps: a flag, a word, or a number of pieces.

    Of several (variants, warehouses) pieces are added up, and one that can be bought is enough.
    """
    available, quantity = _together(item_id, available), _together(item_id, quantity)
    if isinstance(available, str) and available in AVAILABILITIES:
        return available, _pieces(item_id, quantity)
    if available is not None and not isinstance(available, bool) and quantity is None and not isinstance(available, str):
        quantity = available
        available = None
    pieces = _pieces(item_id, quantity)
    if isinstance(available, str):
        raise InvalidItem(item_id, "availability", f"{available!r} is unknown; use one of {', '.join(sorted(AVAILABILITIES))}")
    buyable = (pieces is None or pieces > 0) if available is None else available
    return ("in_stock" if buyable else "out_of_stock"), pieces


def _together(item_id: str, value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    entries = as_list(value)
    if any(isinstance(entry, bool | str) for entry in entries):
        flags = [entry for entry in entries if entry is True or entry == "in_stock"]
        return flags[0] if flags else entries[0]
    return sum(_pieces(item_id, entry) or 0 for entry in entries)


def _pieces(item_id: str, quantity: Any) -> int | None:
    if quantity is None or quantity == "":
        return None
    try:
        return max(int(quantity), 0)
    except (TypeError, ValueError) as error:
        raise InvalidItem(item_id, "quantity", f"{quantity!r} is not a whole number") from error
