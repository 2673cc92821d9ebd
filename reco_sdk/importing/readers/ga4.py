"""Google Analytics 4, as exported to BigQuery and from there as JSON lines or Parquet: one event a row, items nested in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reco_sdk.importing.opening import Opened
from reco_sdk.importing.options import ImportOptions
from reco_sdk.importing.readers.jsonlines import read_jsonlines
from reco_sdk.importing.readers.table import BadRow, Row, Table

__all__ = ["is_ga4", "read_ga4", "unfold"]

_OF_ITEMS: Final = frozenset(
    {"view_item", "select_item", "add_to_cart", "remove_from_cart", "add_to_wishlist", "purchase", "refund"}
)
_COLUMNS: Final = frozenset({"event_name", "event_timestamp", "event_params"})
_SEARCHES: Final = frozenset({"search", "view_search_results"})
_NOTHING: Final = frozenset({"", "(not set)", "(not provided)"})
_VALUES: Final = ("string_value", "int_value", "double_value", "float_value")


def read_ga4(opened: Opened, options: ImportOptions) -> Table:
    """Return one row an item of each event that says something of items, and one a search.

    A purchase is known by its transaction: an event that was sent again (a reloaded page of thanks) is stored once.

    Raises
    ------
    MissingExtra
        For Parquet without pyarrow.
    ImportRefused
        While the rows are taken, when the file is not what its format says.
    """
    if opened.is_parquet():
        from reco_sdk.importing.readers.parquet import read_parquet  # noqa: PLC0415 - pyarrow is optional

        table = read_parquet(opened)
    else:
        table = read_jsonlines(opened, options)
    return unfold(table)


def is_ga4(columns: tuple[str, ...] | None) -> bool:
    """Whether a table's columns are those of the export."""
    return columns is not None and set(columns) >= _COLUMNS


def unfold(events: Table) -> Table:
    """Return the rows of a table of events; see :func:`read_ga4`."""
    left_out: dict[str, int] = {}
    return Table(columns=None, rows=_rows(events.rows, left_out), position=events.position, left_out=left_out)


def _rows(events: Iterator[Row | BadRow], left_out: dict[str, int]) -> Iterator[Row | BadRow]:
    for event in events:
        if isinstance(event, BadRow):
            yield event
            continue
        name = str(event.values.get("event_name") or "")
        if name not in _OF_ITEMS and name not in _SEARCHES:
            what = f"event {name}" if name else "event without a name"
            left_out[what] = left_out.get(what, 0) + 1
            continue
        parameters = _parameters(event.values.get("event_params"))
        common = _common(event.values, parameters)
        if name in _SEARCHES:
            yield Row(event.line, common | {"kind": "search", "query": _told(parameters.get("search_term"))})
            continue
        items = [entry for entry in _entries(event.values.get("items")) if isinstance(entry, Mapping)]
        if not items:
            what = f"event {name} without items"
            left_out[what] = left_out.get(what, 0) + 1
        transaction = _transaction(event.values, parameters) if name in {"purchase", "refund"} else None
        for place, item in enumerate(items):
            row = common | {"kind": name, "item_id": _told(item.get("item_id"))} | _worth(item, parameters)
            if transaction is not None:
                row["event_id"] = _key(name, transaction, str(item.get("item_id")), str(place))
            yield Row(event.line, row)


def _common(event: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    visitor = _told(event.get("user_pseudo_id"))
    session = parameters.get("ga_session_id")
    return {
        "at": event.get("event_timestamp"),
        "visitor_id": visitor,
        "user_id": _told(event.get("user_id")),
        "session_id": None if session is None or visitor is None else f"{visitor}.{session}",
    }


def _worth(item: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    price, quantity = item.get("price"), item.get("quantity")
    out: dict[str, Any] = {} if quantity in (None, 0, "0") else {"quantity": quantity}
    if price is not None:
        out |= {"value": price, "currency": _told(parameters.get("currency"))}
    return out


def _parameters(given: object) -> dict[str, Any]:
    """Return event parameters by name, whichever of the typed columns holds the value."""
    out = {}
    for entry in _entries(given):
        if isinstance(entry, Mapping) and isinstance(entry.get("value"), Mapping):
            value = entry["value"]
            out[str(entry.get("key"))] = next((value[kind] for kind in _VALUES if value.get(kind) is not None), None)
    return out


def _entries(given: object) -> list[Any]:
    """Return a repeated field: a list, or what older Parquet writers wrap it in."""
    if isinstance(given, Mapping):
        given = given.get("list")
    if not isinstance(given, list):
        return []
    return [entry["element"] if isinstance(entry, Mapping) and set(entry) == {"element"} else entry for entry in given]


def _told(value: object) -> object:
    return None if value is None or (isinstance(value, str) and value.strip() in _NOTHING) else value


def _transaction(event: Mapping[str, Any], parameters: Mapping[str, Any]) -> str | None:
    shop = event.get("ecommerce")
    found = parameters.get("transaction_id")
    if found is None and isinstance(shop, Mapping):
        found = shop.get("transaction_id")
    return None if _told(found) is None else str(found)


def _key(*parts: str) -> str:
    return "ga4-" + hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:40]
