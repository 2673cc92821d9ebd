"""Rows to items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

from reco_sdk.errors import InvalidItem
from reco_sdk.importing import values
from reco_sdk.importing.columns import ATTRIBUTE, ColumnMap, Gathered, Vocabulary
from reco_sdk.importing.options import ImportOptions
from reco_sdk.items.item import Item

__all__ = ["ITEM_VOCABULARY", "ItemRows"]

_FACETS: Final = ("color", "size", "gender", "age_group", "material", "pattern", "condition", "size_type", "size_system")

ITEM_VOCABULARY: Final = Vocabulary(
    fields=frozenset(f.name for f in fields(Item)) | {"sale_price_effective_date"},
    required=("id", "title"),
    aliases={
        "item_group_id": "group_id",
        "link": "page_url",
        "image_link": "image_url",
        "product_type": "categories",
        "category": "categories",
        "google_product_category": "categories",
        "sell_on_google_quantity": "quantity",
        "expiration_date": "expires_at",
        "content_language": "language",
        "summary": "description",
        "custom_label_0": "tags",
        "custom_label_1": "tags",
        "custom_label_2": "tags",
        "custom_label_3": "tags",
        "custom_label_4": "tags",
        **{name: ATTRIBUTE + name for name in _FACETS},
    },
    merged=frozenset({"categories", "tags"}),
    ignored=frozenset(
        {
            "additional_image_link", "adult", "ads_redirect", "availability_date", "canonical_link", "cost_of_goods_sold",
            "gtin", "guid", "identifier_exists", "installment", "is_bundle", "mobile_link", "mpn", "multipack", "pubdate",
            "published", "shipping", "shipping_height", "shipping_label", "shipping_length", "shipping_weight",
            "shipping_width", "tax", "tax_category", "unit_pricing_base_measure", "unit_pricing_measure", "updated",
        }
    ),
)  # fmt: skip

_SIMPLE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "title": values.text,
    "description": values.text,
    "group_id": values.identifier,
    "brand": values.text,
    "currency": values.text,
    "prices": values.mapping_of_prices,
    "availability": values.availability,
    "quantity": values.count,
    "image_url": values.text,
    "page_url": values.text,
    "rating": values.number,
    "rating_count": values.count,
    "published_at": values.time,
    "expires_at": values.time,
    "language": values.text,
}


class ItemRows:
    """Make items of rows by the names of the item's fields, of Google's feed specification, and of a mapping.

    Parameters
    ----------
    options
        Mapping, constants, attributes.
    now
        For ``sale_price_effective_date``: a sale that is over, or not yet on, leaves no sale price.
    """

    def __init__(self, options: ImportOptions, now: datetime | None = None) -> None:
        self.kind = "items"
        self.columns = ColumnMap(ITEM_VOCABULARY, options)
        self._separator = options.category_separator
        self._now = now or datetime.now(UTC)

    def convert(self, gathered: Gathered) -> Item:
        """Return the item of one row.

        Raises
        ------
        InvalidItem
            Naming the field and the mend.
        """
        given = gathered.values
        out: dict[str, Any] = {}
        item_id = self._call(None, "id", values.identifier, given["id"]) if "id" in given else None
        if item_id is not None:
            out["id"] = item_id
        for name, convert in _SIMPLE.items():
            if name in given:
                out[name] = self._call(item_id, name, convert, given[name])
        self._prices(item_id, given, out)
        if "categories" in given:
            paths = [self._call(item_id, "categories", self._paths, value) for value in given["categories"]]
            out["categories"] = tuple(path for some in paths for path in some)
        if "tags" in given:
            out["tags"] = tuple(tag for value in given["tags"] for tag in self._call(item_id, "tags", values.labels, value))
        self._attributes(item_id, gathered, out)
        return Item.from_dict(out)

    def _paths(self, value: object) -> tuple[str, ...]:
        return values.category_paths(value, self._separator)

    @staticmethod
    def _call(item_id: str | None, name: str, convert: Callable[[Any], Any], value: object) -> Any:
        try:
            return convert(value)
        except values.BadValue as error:
            raise InvalidItem(item_id, name, str(error)) from error

    def _prices(self, item_id: str | None, given: Mapping[str, Any], out: dict[str, Any]) -> None:
        for name in ("price", "sale_price"):
            if name not in given:
                continue
            amount, code = self._call(item_id, name, values.money, given[name])
            out[name] = amount
            if code is not None and out.setdefault("currency", code).strip().upper() != code:
                raise InvalidItem(item_id, name, f"is in {code}, but the item's currency is {out['currency']}; keep to one")
        interval = given.get("sale_price_effective_date")
        if interval is None or "sale_price" not in out:
            return
        begin, _, end = values.text(interval).partition("/")
        times = [self._call(item_id, "sale_price_effective_date", values.time, part) for part in (begin, end) if part.strip()]
        if (times and self._now < times[0]) or (len(times) > 1 and self._now > times[1]):
            del out["sale_price"]

    def _attributes(self, item_id: str | None, gathered: Gathered, out: dict[str, Any]) -> None:
        facets: dict[str, Any] = {}
        if "attributes" in gathered.values:
            facets = self._call(item_id, "attributes", values.mapping_of_texts, gathered.values["attributes"])
        for name, value in gathered.attributes.items():
            parts = self._call(item_id, f"attributes.{name}", _facet, value)
            facets[name] = parts[0] if len(parts) == 1 else parts
        if facets:
            out["attributes"] = facets


def _facet(value: object) -> tuple[str, ...]:
    if isinstance(value, str) and "|" not in value:
        return (value,)
    return values.labels(value)
