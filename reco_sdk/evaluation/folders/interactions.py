"""``interactions.parquet`` with ``items.parquet``: user, item, and a position or a timestamp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import ImportRefused
from reco_sdk.evaluation.dataset import Dataset, make_log, session_numbers
from reco_sdk.evaluation.folders.catalogue import ITEM_ID, Catalogue, read_catalogue
from reco_sdk.evaluation.folders.tables import Ids, Parquet, normalise
from reco_sdk.training.model import KIND_CODES

__all__ = ["INTERACTIONS", "ITEMS", "read_interactions", "read_items"]

INTERACTIONS: Final = "interactions.parquet"
ITEMS: Final = "items.parquet"
USER_ID: Final = ("user_id", "visitor_id", "customer_id", "user")
TIME: Final = ("timestamp", "time", "at", "date", "datetime")
_KINDS: Final = {
    "view": "view_item",
    "pageview": "view_item",
    "detail": "view_item",
    "click": "select_item",
    "cart": "add_to_cart",
    "addtocart": "add_to_cart",
    "basket": "add_to_cart",
    "wishlist": "add_to_wishlist",
    "favourite": "add_to_wishlist",
    "transaction": "purchase",
    "buy": "purchase",
    "order": "purchase",
    "rating": "rate",
}


def read_items(folder: Path, ids: Ids, text: Sequence[str] | None) -> Catalogue:
    """Read ``items.parquet`` where there is one."""
    if not (folder / ITEMS).exists():
        return Catalogue()
    table = Parquet(folder / ITEMS)
    return read_catalogue(table, ids, table.need("item's id", ITEM_ID), text)


def read_interactions(folder: Path, text: Sequence[str] | None) -> Dataset:
    """Read the folder.

    Raises
    ------
    ImportRefused
        When a file or a column is missing or cannot be read.
    """
    table = Parquet(folder / INTERACTIONS)
    user_column = table.need("user", USER_ID)
    item_column = table.need("item", ITEM_ID)
    time_column = table.find(TIME)
    position_column = table.find(("position",))
    items, users = Ids(), Ids()
    catalogue = read_items(folder, items, text)
    described = len(items)
    item_numbers = table.ids(item_column, items)
    user_numbers = table.ids(user_column, users)
    positions = None if position_column is None else _finite(table, position_column)
    if time_column is not None:
        times = table.times(time_column)
    elif positions is not None:
        times = positions
    else:
        column = table.need("time of each interaction, or its position among its user's", ("timestamp", "position"))
        times = table.times(column)
    rating_column = table.find(("rating", "stars"))
    ratings = None if rating_column is None else _finite(table, rating_column).astype(np.float32)
    kind_column = table.find(("kind", "event", "event_name", "event_type"))
    session_column = table.find(("session_id", "basket_id", "order_id"))
    if session_column is not None:
        sessions = table.ids(session_column, Ids()).astype(np.int64) * len(users) + user_numbers
    elif time_column is not None:
        sessions = session_numbers(user_numbers, times)
    else:
        sessions = user_numbers.astype(np.int64)
    kinds = _kinds(table.texts(kind_column), table) if kind_column else ("view_item" if ratings is None else "rate")
    if positions is not None and time_column is not None:  # one time is often given to many: the position tells them apart
        order = np.argsort(positions, kind="stable")
        item_numbers, user_numbers, times, sessions = item_numbers[order], user_numbers[order], times[order], sessions[order]
        ratings = None if ratings is None else ratings[order]
        kinds = kinds if isinstance(kinds, str) else kinds[order]
    log, _ = make_log(
        user_numbers, item_numbers, times, sessions, kinds=kinds, n_users=len(users), n_items=len(items), ratings=ratings
    )
    notes: tuple[str, ...] = ()
    if described and len(items) > described:
        notes = (f"{len(items) - described:,} items are not in {ITEMS}; they have no text",)
    return catalogue.dataset(folder, items, log, timed=time_column is not None, notes=notes)


def _finite(table: Parquet, column: str) -> npt.NDArray[np.float64]:
    values = table.numbers(column)
    missing = ~np.isfinite(values)
    if missing.any():
        raise ImportRefused(f"{table.path}, row {int(np.argmax(missing)) + 1:,}: has no {column}; fill it in or leave it out")
    return values


def _kinds(names: list[str], table: Parquet) -> npt.NDArray[np.int8]:
    known = {normalise(kind): code for code, kind in enumerate(KIND_CODES)}
    known |= {alias: KIND_CODES.index(kind) for alias, kind in _KINDS.items()}
    codes: dict[str, int] = {}
    for name in set(names):
        code = known.get(normalise(name))
        if code is None:
            raise ImportRefused(f"{table.path}: {name!r:.60} is no kind of interaction; known are {', '.join(KIND_CODES)}")
        codes[name] = code
    return np.fromiter((codes[name] for name in names), np.int8, len(names))
