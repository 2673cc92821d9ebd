"""Where the fields of an item stand in a model that was named without saying so.

Every guess carries its reason and what else could have been meant, so that ``reco_init`` and ``reco_doctor`` can show
them: nothing is chosen silently.
"""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import models

__all__ = ["Choice", "guess", "visible_querysets"]

Field = Any


@dataclass(frozen=True, slots=True)
class Choice:
    """One guess: the path that was chosen, why, and which other fields could have been meant."""

    path: str
    reason: str
    others: tuple[str, ...] = ()


def _is_text(field: Field) -> bool:
    return isinstance(field, models.CharField | models.TextField) and not field.choices


def _is_number(field: Field) -> bool:
    return (
        isinstance(field, models.DecimalField | models.FloatField | models.IntegerField)
        or hasattr(field, "currency_field_name")
        or "Money" in type(field).__name__
    )


def _is_flag(field: Field) -> bool:
    return isinstance(field, models.BooleanField)


def _is_count(field: Field) -> bool:
    return isinstance(field, models.IntegerField)


def _is_time(field: Field) -> bool:
    return isinstance(field, models.DateTimeField | models.DateField)


def _is_image(field: Field) -> bool:
    return isinstance(field, models.FileField | models.CharField)  # an address is text to Django


def _is_relation(field: Field) -> bool:
    return bool(field.is_relation and (field.many_to_one or field.many_to_many) and not field.auto_created)


def _is_named(field: Field) -> bool:
    return _is_relation(field) or _is_text(field)


# Item field → names it goes by in shops, best first, and what kind of model field it must be.
_NAMES: Final[Mapping[str, tuple[Sequence[str], Callable[[Field], bool]]]] = {
    "title": (("title", "name", "product_name", "item_name", "label"), _is_text),
    "description": (
        (
            "description",
            "long_description",
            "description_plaintext",
            "plain_description",
            "body",
            "details",
            "short_description",
            "summary",
            "content",
        ),
        _is_text,
    ),
    "brand": (("brand", "manufacturer", "maker", "vendor", "publisher"), _is_named),
    "price": (("price", "unit_price", "regular_price", "list_price", "base_price", "cost", "amount"), _is_number),
    "sale_price": (("sale_price", "discount_price", "discounted_price", "special_price", "promo_price"), _is_number),
    "currency": (("currency", "currency_code"), _is_text),
    "available": (("available", "is_available", "in_stock", "is_in_stock"), _is_flag),
    "quantity": (("stock", "quantity", "stock_quantity", "num_in_stock", "inventory", "qty", "count_in_stock"), _is_count),
    "categories": (
        ("categories", "category", "product_category", "section", "department", "departments", "collections"),
        _is_named,
    ),
    "tags": (("tags", "labels", "keywords"), _is_relation),
    "image": (("image", "image_url", "photo", "picture", "thumbnail", "main_image", "cover"), _is_image),
    "published": (
        (
            "published_at",
            "published",
            "publish_date",
            "pub_date",
            "date_published",
            "created_at",
            "created",
            "date_created",
            "created_on",
            "date_added",
            "added",
        ),
        _is_time,
    ),
    "expires": (("expires_at", "available_until", "end_date", "expiry_date"), _is_time),
    "rating": (("rating", "average_rating", "avg_rating"), _is_number),
    "rating_count": (("rating_count", "num_ratings", "review_count", "num_reviews"), _is_count),
}
# A flag of this name says that shoppers may see the thing at all.
_VISIBLE: Final = ("is_active", "active", "is_public", "is_published", "published", "visible", "is_visible", "enabled", "public")

_MANAGED: Final = ("browsable", "visible", "published", "public", "available", "active", "on_sale", "live")


def guess(model: type[models.Model]) -> dict[str, Choice]:
    """Return what the names and kinds of a model's fields suggest, by item field; ``where`` holds a lookup name.

    Parameters
    ----------
    model
        The shop's product model.
    """
    fields = {f.name: f for f in model._meta.get_fields() if getattr(f, "concrete", False)}
    translated = _translated_names(model)
    found: dict[str, Choice] = {}
    for target, (names, fits) in _NAMES.items():
        present = [name for name in names if (name in fields and fits(fields[name])) or name in translated]
        if present:
            kind = "translated field" if present[0] in translated else type(fields[present[0]]).__name__
            found[target] = Choice(present[0], f"{kind} {present[0]!r}", tuple(present[1:]))
    _without_fields(model, found)
    visible = [name for name in _VISIBLE if name in fields and _is_flag(fields[name])]
    if visible:
        found["where"] = Choice(visible[0], f"only rows whose {visible[0]!r} is True", tuple(visible[1:]))
    return found


def _without_fields(model: type[models.Model], found: dict[str, Choice]) -> None:
    """Add what stands in methods and properties rather than in columns."""
    for name in _NAMES["categories"][0]:
        # A short code with a word for each: the word is what shoppers know.
        if "categories" not in found and getattr(_field(model, name), "choices", None):
            found["categories"] = Choice(f"get_{name}_display", f"the word for {name!r}, one of its choices")
    if "title" not in found:
        found["title"] = Choice("__str__", "no field named title or name: the text of the object itself")
    if callable(getattr(model, "get_absolute_url", None)):
        found["url"] = Choice("get_absolute_url", "method get_absolute_url()")
    for target, names in (
        ("price", ("price", "get_price")),
        ("available", ("is_available", "in_stock")),
        ("categories", ("category_path",)),
    ):
        if target in found or (target == "available" and "quantity" in found):
            continue
        for name in names:
            member = getattr(model, name, None)
            if isinstance(member, property) or (callable(member) and not getattr(member, "alters_data", False)):
                found[target] = Choice(name, f"{'property' if isinstance(member, property) else 'method'} {name!r}")
                break


def _field(model: type[models.Model], name: str) -> Any:
    return next((field for field in model._meta.concrete_fields if field.name == name), None)


def visible_querysets(model: type[models.Model]) -> list[str]:
    """Return the methods of the model's querysets whose names say that they give what shoppers may see."""
    manager = model._default_manager
    return [f"{manager.name}.{name}" for name in _MANAGED if callable(getattr(manager, name, None))]


def _translated_names(model: type[models.Model]) -> frozenset[str]:
    meta = getattr(model, "_parler_meta", None)
    return frozenset() if meta is None else frozenset(meta.get_all_fields())
