"""What a page gives a row to start from → item ids: products, lines, a basket, a queryset, or a list of any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Manager

from django_reco import metrics
from django_reco.registry import item_id_of

__all__ = ["MAX_STARTS", "starts_of"]

MAX_STARTS: Final = 50
"""So many are read; more would say nothing more."""
_DEPTH: Final = 6
"""A list of baskets, each with a manager of lines, each with a product."""
_OF_A_LINE: Final = ("product", "item", "variant", "content_object")
"""What a line of a basket or an order calls its product."""
_LINES: Final = ("all_lines", "lines", "line_items", "items", "products")
"""What a basket, a cart or an order calls what lies in it."""


def starts_of(given: Any, limit: int = MAX_STARTS) -> list[str]:
    """Return the ids of the items in whatever a page names, each once, in order.

    An item, or a text that is an item's id, is itself. Any other object is a line (``product``, ``item``, ``variant``,
    ``content_object``) or a basket (``all_lines``, ``lines``, ``line_items``, ``items``, ``products``), or stands for its
    entries; a dict stands for its values. What holds no item is passed over and counted: a page may be of a thing that is not in
    the catalogue.
    """
    found: dict[str, None] = {}
    _take(given, found, _DEPTH, limit)
    return list(found)[:limit]


def _take(given: Any, found: dict[str, None], depth: int, limit: int) -> None:
    if given is None or given == "" or len(found) >= limit:
        return
    item_id = item_id_of(given)
    if item_id is not None:
        found[item_id] = None
        return
    for entry in _held(given) if depth else ():
        _take(entry, found, depth - 1, limit)
        if len(found) >= limit:
            return


def _held(given: Any) -> Iterable[Any]:
    """Return what an object that is no item holds."""
    if isinstance(given, str | bytes | int | float):
        metrics.count("seed.no_item")
        return ()
    if isinstance(given, Mapping):
        return given.values()
    if isinstance(given, Manager):
        return given.all()
    for names in (_OF_A_LINE, _LINES):
        for name in names:
            if hasattr(type(given), name) or name in getattr(given, "__dict__", ()):
                value = getattr(given, name, None)
                return (value() if callable(value) and not isinstance(value, Manager) else value,)
    if isinstance(given, Iterable):
        return given
    metrics.count("seed.no_item")
    return ()
