"""What is known of the items: texts, categories, brands, prices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import ConfigError, InvalidItem
from reco_sdk.evaluation.dataset import Dataset
from reco_sdk.evaluation.folders.tables import Ids, Parquet, normalise
from reco_sdk.items.item import Item
from reco_sdk.items.text import DEFAULT_RECIPE
from reco_sdk.training.model import Items, Log

__all__ = ["ALIASES", "ITEM_ID", "Catalogue", "read_catalogue"]

ITEM_ID: Final = ("item_id", "product_id", "sku", "StockCode", "article_id", "asin")
ALIASES: Final = {
    "title": ("title", "name", "product_name", "item_name", "Description"),
    "brand": ("brand", "manufacturer", "vendor"),
    "category": ("category", "categories", "category_path", "product_type", "genres", "genre"),
    "price": ("price", "UnitPrice", "unit_price"),
}
_MAX_TITLE: Final = 500
_S = TypeVar("_S", bound=np.generic)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


@dataclass(slots=True)
class Catalogue:
    """Columns of items, by number; shorter ones are filled up with nothing.

    Parameters
    ----------
    text
        What is to be embedded, by the name that was asked for, in that order.
    """

    text: dict[str, list[str]] = field(default_factory=dict)
    categories: npt.NDArray[np.int32] | None = None
    brands: npt.NDArray[np.int32] | None = None
    prices: npt.NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()

    def dataset(
        self, folder: Path, item_ids: Iterable[str], log: Log, *, timed: bool, notes: Iterable[str] = (), **more: Any
    ) -> Dataset:
        """Return the data set of a folder: these items, and the log of what happened with them.

        Parameters
        ----------
        notes
            What was left out beside what the catalogue left out.
        more
            Further fields of :class:`~reco_sdk.evaluation.dataset.Dataset`.
        """
        ids = tuple(item_ids)
        count = len(ids)
        return Dataset(folder.name, ids, self.items(count), self.texts(count), log, timed, notes=(*self.notes, *notes), **more)

    def items(self, count: int) -> Items:
        """Return them for ``count`` items."""
        return Items(
            count=count,
            categories=_filled(self.categories, count, -1),
            brands=_filled(self.brands, count, -1),
            prices=_filled(self.prices, count, np.nan),
        )

    def texts(self, count: int) -> tuple[str, ...] | None:
        """Return what is embedded for each item, as a shop's items are; ``None`` where there is nothing."""
        if not self.text:
            return None
        columns = [values + [""] * (count - len(values)) for values in self.text.values()]
        texts = tuple(_item_text(tuple(self.text), values) for values in zip(*columns, strict=True))
        return texts if any(texts) else None


def _filled(values: npt.NDArray[_S] | None, count: int, nothing: float) -> npt.NDArray[_S] | None:
    if values is None:
        return None
    out: npt.NDArray[_S] = np.full(count, nothing, values.dtype)
    out[: len(values)] = values
    return out


def _item_text(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Return the text that the default recipe makes of an item with these fields."""
    title, rest = "", []
    for name, given in zip(names, values, strict=True):
        value = _CONTROL.sub(" ", given).strip()
        if value and not title:
            title = value  # whatever comes first: an item without a title still has a name of some kind
        elif value:
            rest.append((name, value))
    if not title:
        return ""
    fields: dict[str, object] = {"brand": None, "categories": (), "description": ""}
    attributes = {}
    for name, value in rest:
        key = normalise(name)
        if key == "brand":
            fields["brand"] = value
        elif key in {"category", "categories"}:
            fields["categories"] = tuple(value.split("|"))
        elif key == "description":
            fields["description"] = value
        else:
            attributes[name] = value
    try:
        return DEFAULT_RECIPE.text(Item(id="x", title=title[:_MAX_TITLE], attributes=attributes, **fields))  # type: ignore[arg-type]
    except InvalidItem:  # a brand of two thousand letters, say
        return title[:_MAX_TITLE]


def read_catalogue(table: Parquet, ids: Ids, item_column: str, text: Sequence[str] | None) -> Catalogue:
    """Read the item columns of a table, whose rows may name an item again: the first value of each item counts.

    Parameters
    ----------
    table
        ``items.parquet``, or the order lines themselves.
    ids
        Numbers of items; grows.
    item_column
        Holds the item's id.
    text
        Columns to embed, by their own or their usual names; ``None`` for title, brand and category, as there are.

    Raises
    ------
    ConfigError
        When the table has none of the columns asked for.
    ImportRefused
        When it cannot be read.
    """
    numbers = table.ids(item_column, ids, nulls=True)
    first = _first_rows(numbers, len(ids))
    out = Catalogue()
    wanted, absent = _text_columns(table, text, item_column)
    for name, column in wanted.items():
        values = table.texts(column)
        out.text[name] = _chosen(values, numbers, first)
    if absent:
        out.notes += (f"no column {', '.join(absent)}",)
    categories, brands, price = (table.find(ALIASES[name]) for name in ("category", "brand", "price"))
    if categories is not None:
        heads = [value.split("|")[0].strip() for value in table.texts(categories)]
        out.categories = _codes(heads, first)
    if brands is not None:
        out.brands = _codes(table.texts(brands), first)
    if price is not None:
        prices = table.numbers(price)
        prices[~(prices >= 0)] = np.nan
        out.prices = np.where(first >= 0, prices[first], np.nan)
    again = int((numbers >= 0).sum() - (first >= 0).sum())
    if again and normalise(table.path.stem) == "items":
        out.notes += (f"{again:,} rows of {table.path.name} name an item again; the first is kept",)
    return out


def _first_rows(numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    first = np.full(count, -1, np.int64)
    rows = np.arange(len(numbers))[::-1]
    known = numbers[::-1] >= 0
    first[numbers[::-1][known]] = rows[known]
    return first


def _chosen(values: list[str], numbers: npt.NDArray[np.int32], first: npt.NDArray[np.int64]) -> list[str]:
    """Return each item's first value that is not empty."""
    out = [values[row] if row >= 0 else "" for row in first.tolist()]
    for number, value in zip(numbers.tolist(), values, strict=True):
        if value and number >= 0 and not out[number]:
            out[number] = value
    return out


def _codes(values: list[str], first: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    codes: dict[str, int] = {"": -1}
    return np.fromiter(
        (codes.setdefault(values[row], len(codes) - 1) if row >= 0 else -1 for row in first.tolist()), np.int32, len(first)
    )


def _text_columns(table: Parquet, text: Sequence[str] | None, item_column: str) -> tuple[dict[str, str], list[str]]:
    names = ("title", "brand", "category") if text is None else tuple(text)
    found: dict[str, str] = {}
    absent = []
    for name in names:
        column = table.find((name, *ALIASES.get(normalise(name), ())))
        if column is not None and column not in found.values():
            found[name] = column
        elif column is None:
            absent.append(name)
    if text and not found:
        others = [column for column in table.columns if column != item_column]
        raise ConfigError(f"{table.path}: has none of the columns {', '.join(text)} to embed; it has {', '.join(others)}")
    return found, absent if text else []
