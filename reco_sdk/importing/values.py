"""Texts and numbers as merchants write them, to values as :class:`~reco_sdk.items.item.Item` takes them.

Nothing is guessed: what can be read in two ways is refused with the way to write it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from reco_sdk.items.currency import CURRENCIES

__all__ = [
    "BadValue",
    "availability",
    "category_paths",
    "count",
    "identifier",
    "is_empty",
    "labels",
    "mapping_of_prices",
    "mapping_of_texts",
    "money",
    "number",
    "text",
    "time",
]

_MAX_NUMBER: Final = 64
_SYMBOLS: Final = {"€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY", "zł": "PLN"}
_MONEY: Final = re.compile(
    r"^(?P<before>[^\d\s.,+-]*)\s*(?P<number>[+-]?[\d.,'\s]*\d[.,]?|[+-]?nan|[+-]?inf\w*)\s*(?P<after>[^\d\s.,+-]*)$",
    re.IGNORECASE,
)
_SCIENTIFIC: Final = re.compile(r"^[+-]?\d{1,40}(\.\d{1,40})?e[+-]?\d{1,4}$", re.IGNORECASE)
_GROUPED_DOT: Final = re.compile(r"^[+-]?\d{1,3}(\.\d{3})+,\d+$")
_GROUPED_COMMA: Final = re.compile(r"^[+-]?\d{1,3}(,\d{3})+\.\d+$")
_DECIMAL_COMMA: Final = re.compile(r"^[+-]?\d+,\d{1,2}$")
_AVAILABILITY: Final = {
    "in_stock": "in_stock",
    "instock": "in_stock",
    "limitedavailability": "in_stock",
    "limited_availability": "in_stock",
    "true": "in_stock",
    "out_of_stock": "out_of_stock",
    "outofstock": "out_of_stock",
    "soldout": "out_of_stock",
    "sold_out": "out_of_stock",
    "discontinued": "out_of_stock",
    "false": "out_of_stock",
    "preorder": "preorder",
    "pre_order": "preorder",
    "presale": "preorder",
    "backorder": "backorder",
    "back_order": "backorder",
    "available_for_order": "backorder",
}


class BadValue(ValueError):
    """A value that cannot be what its field needs; the text is the reason, with the mend."""


def is_empty(value: object) -> bool:
    """Whether a cell holds nothing: ``None``, blank text, an empty list or mapping."""
    return value is None or (isinstance(value, str) and not value.strip()) or (isinstance(value, list | dict) and not value)


def identifier(value: object) -> str:
    """Return an id as text; whole numbers are ids, other numbers are not."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise BadValue(f"is {type(value).__name__}; write ids as text or whole numbers")


def text(value: object) -> str:
    """Return text; of several values the first."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    raise BadValue(f"is {type(value).__name__}, not text")


def number(value: object) -> float:
    """Return a number; ``"12,5"`` and ``"1.234,50"`` are read, ``"1,234"`` is refused as ambiguous."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as error:
            raise BadValue("is too large a number") from error
    return _plain_number(text(value).strip())


def _plain_number(given: str) -> float:
    if len(given) > _MAX_NUMBER:
        raise BadValue(f"has {len(given):,} characters, which no number has")
    digits = given.replace(" ", "").replace("\u00a0", "").replace("\u202f", "").replace("'", "")
    if _GROUPED_DOT.match(digits):
        digits = digits.replace(".", "").replace(",", ".")
    elif _GROUPED_COMMA.match(digits):
        digits = digits.replace(",", "")
    elif _DECIMAL_COMMA.match(digits):
        digits = digits.replace(",", ".")
    elif "," in digits:
        raise BadValue(f"{given[:40]!r} can be read in two ways; write it with a point and no thousands separator")
    if "_" in digits:
        raise BadValue(f"{given[:40]!r} is not a number")
    try:
        return float(digits)
    except ValueError as error:
        raise BadValue(f"{given[:40]!r} is not a number; write for example 59.00") from error


def money(value: object) -> tuple[float, str | None]:
    """Return amount and ISO 4217 code: ``"59.00 EUR"``, ``"EUR 59.00"``, ``"€59"``, ``59.0``."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, str):
        return number(value), None
    if _SCIENTIFIC.match(value.strip()):
        return float(value), None
    found = _MONEY.match(value.strip()) if len(value) <= _MAX_NUMBER else None
    if found is None:
        raise BadValue(f"{value[:40]!r} is not a price; write for example '59.00 EUR'")
    marks = [mark for mark in (found["before"], found["after"]) if mark]
    codes = [_SYMBOLS.get(mark, mark.upper()) for mark in marks]
    if len(codes) > 1 or (codes and codes[0] not in CURRENCIES):
        raise BadValue(f"{marks[0][:10]!r} is not one currency; write the ISO 4217 code, for example '59.00 USD'")
    return _plain_number(found["number"]), codes[0] if codes else None


def count(value: object) -> int:
    """Return a whole number; ``"5"``, ``5.0`` and ``"5.0"`` are 5."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    parsed = number(value)
    if not math.isfinite(parsed) or not parsed.is_integer():
        raise BadValue(f"{text(value)[:40]!r} is not a whole number")
    return int(parsed)


def availability(value: object) -> str:
    """Return one of Google's availabilities; what is unknown is passed on for the item to refuse."""
    given = text(value).strip()
    key = given.rsplit("/", 1)[-1].lower().replace(" ", "_").replace("-", "_")
    return _AVAILABILITY.get(key, given)


def time(value: object) -> datetime:
    """Return a UTC time from ISO 8601 text, a date, or an epoch in seconds, milli-, micro- or nanoseconds."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        moment = _epoch(float(value))
    else:
        given = text(value).strip()
        moment = _epoch(float(given)) if re.fullmatch(r"-?\d{9,}(\.\d+)?", given) else _iso(given)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise BadValue(f"{moment.isoformat()} is outside the years 1 to 9999") from error


def _iso(given: str) -> datetime:
    try:
        return datetime.fromisoformat(given)
    except ValueError as error:
        raise BadValue(f"{given[:40]!r} is not a time; write ISO 8601 such as 2026-01-31T12:00:00Z, or epoch seconds") from error


def _epoch(value: float) -> datetime:
    for limit, divisor in ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9)):
        if abs(value) < limit:
            try:
                return datetime.fromtimestamp(value / divisor, tz=UTC)
            except (ValueError, OverflowError, OSError):
                break
    raise BadValue(f"{value:g} is not an epoch; write seconds since 1970, or ISO 8601")


def _json_list(value: str) -> list[Any] | None:
    if not value.lstrip().startswith("["):
        return None
    try:
        parsed = json.loads(value)
    except ValueError:
        return None
    return parsed if isinstance(parsed, list) else None


def labels(value: object) -> tuple[str, ...]:
    """Return a list of texts: a list as it is, a JSON list, else split at ``|``, or at commas where there is no bar."""
    if isinstance(value, str):
        parsed = _json_list(value)
        if parsed is None:
            return tuple(part.strip() for part in value.split("|" if "|" in value else ",") if part.strip())
        value = parsed
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        return tuple(text(entry) for entry in value if not is_empty(entry))
    return (text(value),)


def category_paths(value: object, separator: str = ">") -> tuple[str, ...]:
    """Return category paths, levels joined by ``>``.

    A list, or a JSON list, holds one path each. Text is split into paths at ``|``; without a bar it is split at
    commas only if every part is itself a path of two levels or more, since category names hold commas
    (``"Food, Beverages & Tobacco > Food Items"`` is one path, ``"Women > Dresses, Sale > Summer"`` are two).
    A Google taxonomy number holds no words and is left out.
    """
    if isinstance(value, str):
        parsed = _json_list(value)
        entries = _split_paths(value, separator) if parsed is None else parsed
    else:
        entries = list(value) if isinstance(value, Iterable) and not isinstance(value, Mapping) else [value]
    paths = (
        " > ".join(level.strip() for level in text(entry).split(separator) if level.strip())
        for entry in entries
        if not is_empty(entry)
    )
    return tuple(path for path in paths if path and not path.isdigit())


def _split_paths(value: str, separator: str) -> list[str]:
    if "|" in value and separator != "|":
        return value.split("|")
    parts = value.split(",")
    if len(parts) > 1 and all(separator in part for part in parts):
        return parts
    return [value]


def mapping_of_texts(value: object) -> dict[str, str | tuple[str, ...]]:
    """Return attributes from a mapping, a JSON object, or the key-value pairs of a Parquet map."""
    found = _mapping(value, '{"colour": "red"}', "texts")
    return {str(name): _facet(entry) for name, entry in found.items() if not is_empty(entry)}


def mapping_of_prices(value: object) -> dict[str, float | tuple[float, ...]]:
    """Return what sites ask from a mapping, as :func:`mapping_of_texts`: a price, or a list of price and sale price."""
    out: dict[str, float | tuple[float, ...]] = {}
    for site, entry in _mapping(value, '{"uk": 17.5}', "prices").items():
        if isinstance(entry, list | tuple):
            out[str(site)] = tuple(money(amount)[0] for amount in entry if not is_empty(amount))
        elif not is_empty(entry):
            out[str(site)] = money(entry)[0]
    return out


def _mapping(value: object, example: str, of: str) -> Mapping[Any, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise BadValue(f"is not a JSON object; write for example {example}") from error
    if isinstance(value, list) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        value = dict(value)
    if not isinstance(value, Mapping):
        raise BadValue(f"is {type(value).__name__}; give a mapping of names to {of}")
    return value


def _facet(value: object) -> str | tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(text(entry) for entry in value if not is_empty(entry))
    return text(value)
