"""Django's ``Q`` objects as filter expressions, as far as they speak of an item's fields."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from django.db.models import Q

from reco_sdk.errors import InvalidRequest
from reco_sdk.ranking.expression_builder import FIELDS

__all__ = ["expression_of"]

_COMPARISONS: Final = {"exact": "==", "iexact": "==", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_LOOKUPS: Final = (*_COMPARISONS, "in", "range", "isnull")
_SAME: Final = {"tags": "tag", "categories": "category"}


def expression_of(where: Q) -> str:
    """Return the filter expression that says what a ``Q`` says.

    Raises
    ------
    InvalidRequest
        Where it speaks of what no item has, or of what the database alone knows.
    """
    parts = [expression_of(child) if isinstance(child, Q) else _condition(child) for child in where.children]
    if not parts:
        raise InvalidRequest("where", "is an empty Q; leave it out for no condition")
    joiner = {Q.AND: " and ", Q.OR: " or "}.get(where.connector)
    if joiner is None:
        raise InvalidRequest("where", f"a Q joined by {where.connector} is not taken; use & and |")
    joined = parts[0] if len(parts) == 1 else joiner.join(f"({part})" for part in parts)
    return f"not ({joined})" if where.negated else joined


def _condition(child: Any) -> str:
    if not isinstance(child, tuple):
        raise InvalidRequest("where", f"{type(child).__name__} is worked out by the database, which rows do not ask; name fields")
    path, value = child
    field, lookup = _field_and_lookup(path)
    if lookup == "isnull":
        return f"{field} is {'unknown' if value else 'known'}"
    if lookup == "range":
        low, high = value
        return f"{field} between {_literal(path, low)} and {_literal(path, high)}"
    if field == "category":
        given = value if lookup == "in" else [value]
        return f"category under [{', '.join(_literal(path, one) for one in given)}]"
    if lookup == "in":
        return f"{field} in [{', '.join(_literal(path, one) for one in value)}]"
    if value is None:
        return f"{field} is unknown"
    return f"{field} {_COMPARISONS[lookup]} {_literal(path, value)}"


def _field_and_lookup(path: str) -> tuple[str, str]:
    names = path.split("__")
    lookup = names.pop() if len(names) > 1 and names[-1] in _LOOKUPS else "exact"
    field = _SAME.get(names[0], names[0])
    if field in {"attribute", "attributes"} and len(names) == 2:
        return f'attributes["{names[1]}"]', lookup
    if len(names) != 1 or field not in FIELDS:
        raise InvalidRequest(
            "where",
            f"{path!r} cannot be looked up in memory: known are {', '.join(FIELDS)} and attributes__NAME, "
            f"with {', '.join(_LOOKUPS)}; put what it says into an attribute of the item",
        )
    return field, lookup


def _literal(path: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return f'"{value.isoformat()}"'
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    try:
        return f"{float(value)!r}"
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise InvalidRequest(
            "where", f"{path!r} is compared with {kind}, which an item does not have; give a text or number"
        ) from None
