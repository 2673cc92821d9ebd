"""What of an item stands in tables beside its model: variants, stock, and listings for each site or channel."""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import models

__all__ = ["Listing", "Own", "Table", "listing_of", "table_of", "variants_of"]

_TABLES: Final = ("variant", "stock", "price", "offer", "inventory", "sku")
_SITES: Final = ("site", "channel", "store", "storefront", "market")
_PRICES: Final = ("price", "unit_price", "amount", "price_amount", "discounted_price_amount", "price_excl_tax")
_PIECES: Final = ("stock", "quantity", "pieces", "num_in_stock", "stock_quantity", "qty")
_SHOWN: Final = ("is_published", "is_active", "published", "active", "available", "is_available", "visible")


class Own(str):
    """Dotted name of a function that stands beside the settings."""

    __slots__ = ()

    def __repr__(self) -> str:
        return 'f"{__name__}.' + str(self) + '"'


@dataclass(frozen=True, slots=True)
class Table:
    """A table of variants or of stock: price, pieces, and the field that leads back to the item."""

    model: type[models.Model]
    accessor: str
    back: str
    price: str | None
    pieces: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A table that says for each site or channel whether an item is sold there, and for how much."""

    model: type[models.Model]
    accessor: str
    back: str
    site: str
    key: str
    site_model: type[models.Model]
    shown: str | None
    price: str | None
    currency: str | None

    @property
    def prefetch(self) -> str:
        """The relation that the functions read."""
        return self.accessor if self.key.endswith("_id") else f"{self.accessor}__{self.site}"

    @property
    def knows_sites(self) -> bool:
        """Whether these are the sites of ``django.contrib.sites``, of which a request knows its own."""
        return self.site_model._meta.label == "sites.Site"

    def functions(self) -> dict[str, str]:
        """Return the source of each function that the settings need, by its name."""
        rows = f"product.{self.accessor}.all()"
        only = f" if entry.{self.shown}" if self.shown else ""
        out = {"sites_of": f"def sites_of(product):\n    return [entry.{self.key} for entry in {rows}{only}]\n"}
        if self.price:
            value = f"(entry.{self.price}, entry.{self.currency})" if self.currency else f"entry.{self.price}"
            out["prices_of"] = f"def prices_of(product):\n    return {{entry.{self.key}: {value} for entry in {rows}}}\n"
        if not self.knows_sites:
            out["site_of"] = (
                "def site_of(request):\n"
                f'    return request.GET.get("{self.site}")  # however your storefront says which {self.site} it is\n'
            )
        return out


def table_of(model: type[models.Model]) -> Table | None:
    """Return the one table of variants or stock that holds price or pieces of a model; ``None`` for none or several."""
    found = []
    for related, accessor, back in _pointing_at(model):
        if not any(word in related.__name__.lower() for word in _TABLES) or _site_field(related) is not None:
            continue
        price, pieces = _first(related, _PRICES), _first(related, _PIECES)
        if price or pieces:
            found.append(Table(related, accessor, back, price, pieces))
    return found[0] if len(found) == 1 else None


def variants_of(model: type[models.Model]) -> list[tuple[type[models.Model], str]]:
    """Return (model of variants, way back to the product)."""
    return [(related, back) for related, _, back in _pointing_at(model) if "variant" in related.__name__.lower()]


def listing_of(model: type[models.Model]) -> Listing | None:
    """Return the one table that lists a model for each site or channel; ``None`` for none or several."""
    found = []
    for related, accessor, back in _pointing_at(model):
        field = _site_field(related)
        if field is None or "order" in related.__name__.lower():
            continue
        site: Any = field.related_model
        slug = _first(site, ("slug", "code")) if site._meta.label != "sites.Site" else None
        key = f"{field.name}.{slug}" if slug else f"{field.name}_id"
        shown = _first(related, _SHOWN) or _first(related, _PIECES)
        price = _first(related, _PRICES)
        currency = _first(related, ("currency", "currency_code"))
        if shown or price:
            found.append(Listing(related, accessor, back, field.name, key, site, shown, price, currency))
    return found[0] if len(found) == 1 else None


def _pointing_at(model: type[models.Model]) -> list[tuple[type[models.Model], str, str]]:
    """Return (model, accessor to its rows, field) of each foreign key that leads to a model."""
    out = []
    for candidate in model._meta.get_fields():
        relation: Any = candidate
        if relation.auto_created and relation.one_to_many and relation.related_model is not model:
            accessor = relation.get_accessor_name()
            if accessor:
                out.append((relation.related_model, str(accessor), relation.field.name))
    return out


def _site_field(model: type[models.Model]) -> Any:
    for field in model._meta.concrete_fields:
        if field.is_relation and isinstance(field.related_model, type) and field.related_model.__name__.lower() in _SITES:
            return field
    return None


def _first(model: type[models.Model], names: Sequence[str]) -> str | None:
    have = {field.name for field in model._meta.concrete_fields}
    return next((name for name in names if name in have), None)
