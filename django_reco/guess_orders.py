"""Which installed models look like the shop's order lines, and where their fields stand."""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import models

__all__ = ["OrderCandidate", "generic_candidates", "order_candidates"]


@dataclass(frozen=True, slots=True)
class OrderCandidate:
    """A model that looks like order lines: how much, and the settings it would take."""

    model: type[models.Model]
    score: int
    reason: str
    settings: Mapping[str, Any]
    order: type[models.Model] | None = None
    """The model of the order that its lines hang on."""


_ORDERS: Final = ("order", "purchase", "bought", "sale")
_OTHERS: Final = ("cart", "basket", "wish", "return", "note", "event", "discount", "price", "attribute")
_QUANTITY: Final = ("quantity", "qty", "count", "amount", "units")
_PRICE: Final = ("unit_price", "unit_price_gross_amount", "price", "price_paid")
_NUMBER: Final = ("order_number", "order_id", "number", "reference", "ref_code")
_TIME: Final = (
    "placed_at",
    "date_placed",
    "ordered_at",
    "ordered_date",
    "order_date",
    "purchased_at",
    "completed_at",
    "paid_at",
    "created_at",
    "created",
    "date_created",
    "date",
    "at",
)
_USER: Final = ("user", "customer", "owner", "account", "buyer")
_COUNTS: Final = ("paid", "is_paid", "ordered", "is_ordered", "completed", "is_completed", "complete", "placed")
"""Flags that say whether a line counts."""


def order_candidates(items: Sequence[type[models.Model]], everything: Sequence[type[models.Model]]) -> list[OrderCandidate]:
    """Return the models that look like order lines of ``items``, most likely first.

    Parameters
    ----------
    items
        The product models (their variants included).
    everything
        All installed models.
    """
    found = []
    for model in everything:
        to_item = [f for f in _foreign_keys(model) if f.related_model in items]
        if not to_item or model in items:
            continue
        block: dict[str, Any] = {"model": model._meta.label, "item": to_item[0].name}
        found.append(_candidate(model, block, f"{to_item[0].name} → {to_item[0].related_model._meta.label}"))
    return _likely(found)


def generic_candidates(everything: Sequence[type[models.Model]]) -> list[OrderCandidate]:
    """Return the models that look like order lines and name what was bought by content type and key."""
    found = []
    for model in everything:
        ways = [f for f in model._meta.private_fields if hasattr(f, "ct_field") and hasattr(f, "fk_field")]
        if len(ways) == 1:
            way: Any = ways[0]
            block: dict[str, Any] = {"model": model._meta.label, "item": way.fk_field, "content_type": way.ct_field}
            candidate = _candidate(model, block, f"{way.name}: any model, by {way.ct_field} and {way.fk_field}")
            if any(word in model.__name__.lower() for word in _ORDERS):
                found.append(candidate)
    return sorted(found, key=lambda c: (-c.score, c.model._meta.label))


def _likely(found: Sequence[OrderCandidate]) -> list[OrderCandidate]:
    return sorted((c for c in found if c.score >= 3), key=lambda c: (-c.score, c.model._meta.label))


def _candidate(model: type[models.Model], block: dict[str, Any], reason: str) -> OrderCandidate:
    name = model.__name__.lower()
    order, accessor, group = _order_of(model)
    quantity = _first_name(model, _QUANTITY)
    score = 4 * (order is not None) + 2 * any(word in name for word in _ORDERS) + bool(quantity)
    score += any(word in name for word in ("line", "item"))
    score -= 4 * any(word in name for word in _OTHERS)
    if order is not None:
        block["group"] = group
        reason = f"{reason}, {accessor} → {order._meta.label}"
    elif number := _first_name(model, _NUMBER):
        block["group"] = number
    for key, names in (("user", _USER), ("at", _TIME)):
        inner = _first_name(order, names) if order is not None else None
        own = _first_name(model, names)
        # The order says when it was placed; whose it is, the line may say itself.
        if inner and not (key == "user" and own):
            block[key] = f"{accessor}.{inner}"
        elif own:
            block[key] = own
    if quantity:
        block["quantity"] = quantity
    if price := _first_name(model, _PRICE):
        block["price"] = price
    if counts := _counting(model, order, accessor):
        block["where"] = {counts: True}
    return OrderCandidate(model, score, reason, block, order)


def _order_of(model: type[models.Model]) -> tuple[type[models.Model] | None, str, str]:
    """Return (the order's model, way from the line to it, path to its key)."""
    for field in _foreign_keys(model):
        if _is_order(field.name) or _is_order(field.related_model.__name__):
            return field.related_model, field.name, f"{field.name}_id"
    for candidate in model._meta.get_fields():
        relation: Any = candidate
        if relation.auto_created and relation.many_to_many and _is_order(relation.related_model.__name__):
            accessor = str(relation.get_accessor_name())
            return relation.related_model, accessor, accessor
    return None, "", ""


def _is_order(name: str) -> bool:
    return "order" in name.lower() or "purchase" in name.lower()


def _counting(model: type[models.Model], order: type[models.Model] | None, accessor: str) -> str | None:
    """Return the lookup of a flag that says whether a line counts."""
    own = _first_name(model, _COUNTS, models.BooleanField)
    if own or order is None or accessor.endswith("_set"):
        return own
    flag = _first_name(order, _COUNTS, models.BooleanField)
    return f"{accessor}__{flag}" if flag else None


def _foreign_keys(model: type[models.Model]) -> list[Any]:
    return [f for f in model._meta.get_fields() if isinstance(f, models.ForeignKey) and isinstance(f.related_model, type)]


def _first_name(model: type[models.Model], names: Sequence[str], kind: type[models.Field[Any, Any]] | None = None) -> str | None:
    have = {f.name for f in model._meta.get_fields() if getattr(f, "concrete", False) and (kind is None or isinstance(f, kind))}
    return next((name for name in names if name in have), None)
