"""Order lines of a shop, one file or several: order, item, customer, time, quantity, price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import ImportRefused
from reco_sdk.evaluation.dataset import Dataset, make_log
from reco_sdk.evaluation.folders.catalogue import ITEM_ID, Catalogue, read_catalogue
from reco_sdk.evaluation.folders.tables import Ids, Parquet

__all__ = ["find_order_lines", "read_order_lines"]

ORDER: Final = ("InvoiceNo", "order_id", "Invoice", "order_number", "basket_id")
CUSTOMER: Final = ("CustomerID", "customer_id", "user_id", "customer")
WHEN: Final = ("InvoiceDate", "order_date", "timestamp", "created_at", "date", "time")
QUANTITY: Final = ("Quantity", "qty")
UNIT_PRICE: Final = ("UnitPrice", "price", "unit_price")
# Where nearly all items are numbered alike, what is not is postage, a fee or a correction.
_CODE_DIGITS: Final = 5
_MOST: Final = 0.95
_S = TypeVar("_S", bound=np.generic)


def find_order_lines(folder: Path) -> list[Parquet]:
    """Return the tables of the folder that hold order lines."""
    tables = [Parquet(path) for path in sorted(folder.glob("*.parquet"))]
    return [table for table in tables if all(table.find(names) for names in (ORDER, ITEM_ID, WHEN))]


def read_order_lines(folder: Path, text: Sequence[str] | None) -> Dataset:
    """Read the folder. Orders without a customer are kept, each as of somebody of its own; returns are left out.

    Raises
    ------
    ImportRefused
        When a column cannot be read, or no line is left.
    """
    tables = find_order_lines(folder)
    items, users, orders = Ids(), Ids(), Ids()
    catalogue = Catalogue()
    columns: list[tuple[npt.NDArray[np.int32], ...]] = []
    times: list[npt.NDArray[np.float64]] = []
    quantities: list[npt.NDArray[np.float64]] = []
    prices: list[npt.NDArray[np.float64]] = []
    for number, table in enumerate(tables):
        item_column = table.need("item", ITEM_ID)
        if number == 0:
            catalogue = read_catalogue(table, items, item_column, text)
        customer = table.find(CUSTOMER)
        columns.append(
            (
                table.ids(item_column, items, nulls=True),
                np.full(table.rows, -1, np.int32) if customer is None else table.ids(customer, users, nulls=True),
                table.ids(table.need("order", ORDER), orders, nulls=True),
            )
        )
        times.append(table.times(table.need("time", WHEN)))
        quantities.append(_numbers(table, QUANTITY))
        prices.append(_numbers(table, UNIT_PRICE))
    item, user, order = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    when = np.concatenate(times)
    kept, notes = _kept(item, order, np.concatenate(quantities), np.concatenate(prices), tuple(items), tuple(orders))
    if not kept.any():
        raise ImportRefused(f"{folder}: no order line is left: {'; '.join(notes)}")
    item, user, order, when = item[kept], user[kept], order[kept], when[kept]
    _, first = np.unique(order.astype(np.int64) * len(items) + item, return_index=True)
    if len(first) < len(item):
        notes.append(f"{len(item) - len(first):,} lines name an item of their order again")
        first.sort()
        item, user, order, when = item[first], user[first], order[first], when[first]
    anonymous = user < 0
    if anonymous.any():
        _, own = np.unique(order[anonymous], return_inverse=True)
        user[anonymous] = len(users) + own
        notes.append(f"{int(own.max()) + 1:,} orders name no customer")
    item, item_ids, catalogue = _renumbered(item, tuple(items), catalogue)
    log, _ = make_log(
        user, item, when, order, kinds="purchase", n_users=int(max(user.max() + 1, len(users))), n_items=len(item_ids)
    )
    return catalogue.dataset(folder, item_ids, log, timed=True, baskets=True, notes=notes)


def _numbers(table: Parquet, names: Sequence[str]) -> npt.NDArray[np.float64]:
    column = table.find(names)
    return np.ones(table.rows) if column is None else table.numbers(column)


def _kept(
    item: npt.NDArray[np.int32],
    order: npt.NDArray[np.int32],
    quantity: npt.NDArray[np.float64],
    price: npt.NDArray[np.float64],
    item_ids: tuple[str, ...],
    order_ids: tuple[str, ...],
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Say which lines are sales of things, and what the others are."""
    cancelled = np.fromiter((key[:1] in {"C", "c"} and key[1:].isdigit() for key in order_ids), np.bool_, len(order_ids))
    digits = np.fromiter((key[:_CODE_DIGITS].isdigit() and len(key) >= _CODE_DIGITS for key in item_ids), np.bool_, len(item_ids))
    known = item >= 0
    service = np.zeros(len(item), np.bool_)
    if known.any() and digits[item[known]].mean() >= _MOST:
        service[known] = ~digits[item[known]]
    reasons = {
        "without an item or an order": (item < 0) | (order < 0),
        "of cancelled orders": np.where(order >= 0, cancelled[order] if len(cancelled) else False, False),
        "without a quantity above 0": ~(quantity > 0),
        "without a price above 0": ~(price > 0),
        "of postage, fees and corrections": service,
    }
    kept = np.ones(len(item), np.bool_)
    notes = []
    for reason, dropped in reasons.items():
        count = int((kept & dropped).sum())
        if count:
            notes.append(f"{count:,} lines {reason} are left out")
        kept &= ~dropped
    return kept, notes


def _renumbered(
    item: npt.NDArray[np.int32], item_ids: tuple[str, ...], catalogue: Catalogue
) -> tuple[npt.NDArray[np.int32], tuple[str, ...], Catalogue]:
    """Keep the items that were sold: what remains of the others is a line that was left out."""
    sold, number = np.unique(item, return_inverse=True)
    rows = sold.tolist()

    kept = replace(
        catalogue,
        text={name: [values[row] if row < len(values) else "" for row in rows] for name, values in catalogue.text.items()},
        categories=_picked(catalogue.categories, sold, -1),
        brands=_picked(catalogue.brands, sold, -1),
        prices=_picked(catalogue.prices, sold, np.nan),
    )
    return number.astype(np.int32), tuple(item_ids[row] for row in rows), kept


def _picked(values: npt.NDArray[_S] | None, rows: npt.NDArray[np.int32], nothing: float) -> npt.NDArray[_S] | None:
    if values is None:
        return None
    padded: npt.NDArray[_S] = np.append(values, np.asarray(nothing, values.dtype))
    return padded[np.minimum(rows, len(values))]
