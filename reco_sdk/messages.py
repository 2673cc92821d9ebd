"""Messages: what is said to people in English, with the parts that another language puts together in its own way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

__all__ = ["Said", "plain", "said"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Said(str):
    """English text that knows how it was made, so that whoever shows it can say it in another language.

    Attributes
    ----------
    message, plural
        The text with ``%(name)s`` in the place of what differs, for one and for several; no plural where nothing is counted.
    number
        What decides between the two.
    parts
        By name: texts and whole numbers, scores (``float``), prices (``Decimal``), times, other messages, or lists of them.
    """

    __slots__ = ("message", "number", "parts", "plural")

    message: str
    plural: str
    number: int
    parts: Mapping[str, Any]

    def __reduce__(self) -> Any:
        return _made, (self.message, self.plural, self.number, dict(self.parts))


def said(message: str, plural: str = "", number: int = 1, **parts: Any) -> Said:
    """Return a message, in English.

    Parameters
    ----------
    message, plural, number, **parts
        As of :class:`Said`. Both texts stand here as they are: translations are looked up by them.

    Examples
    --------
    >>> said("%(n)s order", "%(n)s orders", 31, n=31)
    '31 orders'
    """
    return _made(message, plural, number, parts)


def _made(message: str, plural: str, number: int, parts: Mapping[str, Any]) -> Said:
    text = plural if plural and number != 1 else message
    out = Said(text % {name: plain(part) for name, part in parts.items()} if parts else text)
    out.message, out.plural, out.number, out.parts = message, plural, number, parts or _NOTHING
    return out


def plain(part: Any) -> str:
    """Return a part of a message as English writes it."""
    if isinstance(part, str):
        return part
    if isinstance(part, datetime):
        return part.strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(part, Decimal):
        return f"{part:f}"
    if isinstance(part, float):
        return f"{part:.3f}"
    if isinstance(part, int):
        return f"{part:,}"
    if isinstance(part, list | tuple):
        return ", ".join(map(plain, part))
    return str(part)
