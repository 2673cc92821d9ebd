"""Values to columns and back, and what no store takes."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from reco_sdk.errors import InvalidInput, InvalidInteraction, RecoError, StoreError
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.items.item import Item
from reco_sdk.ports import Impression, ItemChange, StoredInteraction, UpsertReport
from reco_sdk.storage.times import from_micros, to_micros
from reco_sdk.types import Vector, Vectors

__all__ = [
    "change_from_row",
    "check_dimension",
    "check_impression",
    "check_interaction",
    "check_limit",
    "check_text",
    "impression_from_row",
    "impression_row",
    "interaction_from_row",
    "interaction_row",
    "is_storable",
    "item_from_text",
    "item_text",
    "storable_keys",
    "upsert_report",
    "vector_from_blob",
    "vector_matrix",
]

_MAX_INTEGER: Final = 2**63 - 1
_WIRE: Final = np.dtype("<f4")


def check_limit(name: str, value: int) -> int:
    """Return ``value``, capped to what a database can count.

    Raises
    ------
    InvalidInput
        When it is below 1: SQLite would read −1 as "all".
    """
    if value < 1:
        raise InvalidInput(name, f"{value!r} is not a whole number from 1 up")
    return min(value, _MAX_INTEGER)


def check_text(name: str, value: str) -> str:
    """Return ``value`` if every database can hold it.

    Raises
    ------
    InvalidInput
        For what is not text, a NUL character or a lone surrogate.
    """
    if not isinstance(value, str):
        raise InvalidInput(name, f"is {type(value).__name__}, not text")
    if not is_storable(value):
        raise InvalidInput(name, f"{value!r} holds a NUL character or a lone surrogate; remove it")
    return value


def is_storable(value: str) -> bool:
    """Return whether every database can hold the text: no NUL character, no lone surrogate."""
    if "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def upsert_report(version: int, batch: Sequence[Item], changed: Sequence[Item], stored: Container[str]) -> UpsertReport:
    """Return what storing a batch did: ``changed`` of it after ``version``, ``stored`` being the ids there were before."""
    return UpsertReport(
        version=version + len(changed),
        inserted=sum(item.id not in stored for item in changed),
        changed=sum(item.id in stored for item in changed),
        unchanged=len(batch) - len(changed),
    )


def storable_keys(keys: Iterable[str]) -> list[str]:
    """Return the distinct keys that a store can hold at all.

    The others cannot match, and must not reach ``json_each``, which cuts a text at a NUL character.
    """
    return [key for key in dict.fromkeys(keys) if is_storable(key)]


def item_text(item: Item) -> str:
    """Return the item as JSON text."""
    return json.dumps(item.to_dict(), ensure_ascii=False, separators=(",", ":"))


def item_from_text(item_id: str, text: str) -> Item:
    """Return the item of :func:`item_text`.

    Raises
    ------
    StoreError
        When the text is damaged.
    """
    try:
        return Item.from_dict(json.loads(text))
    except (ValueError, TypeError, RecoError) as error:
        raise StoreError(f"the stored item {item_id!r} cannot be read: {error}; store it again") from error


def change_from_row(row: Sequence[Any]) -> ItemChange:
    """Return the change of a row (version, item_id, data, deleted)."""
    version, item_id, data, deleted = row
    return ItemChange(version, item_id, None if deleted else item_from_text(item_id, data))


def check_dimension(text_hash: str, dimension: int, wanted: int) -> None:
    """Refuse a vector that is not from the same space as the others of its model.

    Raises
    ------
    StoreError
        When the dimensions differ.
    """
    if dimension != wanted:
        raise StoreError(
            f"vector {text_hash!r} has dimension {dimension}, this model has {wanted}; another model needs another fingerprint"
        )


def vector_matrix(vectors: Mapping[str, Vector]) -> Vectors:
    """Return the vectors as one read-only little-endian float32 matrix, a row for each key in order.

    Parameters
    ----------
    vectors
        At least one.

    Raises
    ------
    StoreError
        For NaN or infinite values, differing dimensions, or what is not a vector.
    """
    rows: list[np.ndarray[Any, np.dtype[Any]]] = []
    for key, vector in vectors.items():
        check_text("text_hash", key)
        row = np.asarray(vector)
        if row.ndim != 1 or row.size == 0 or row.dtype.kind != "f":
            raise StoreError(f"vector {key!r} is not one row of floats (shape {row.shape}, {row.dtype}); give float32 (d,)")
        rows.append(row)
        check_dimension(key, row.size, rows[0].size)
    with np.errstate(over="ignore"):  # a float64 that does not fit becomes infinite, and is refused below
        matrix = np.stack(rows).astype(_WIRE)
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        key = list(vectors)[int(np.argmin(finite))]
        raise StoreError(f"vector {key!r} holds NaN or infinite values; embed its text again")
    matrix.flags.writeable = False
    return matrix


def vector_from_blob(text_hash: str, blob: bytes) -> Vector:
    """Return the vector of a column, read-only.

    Raises
    ------
    StoreError
        When it is damaged.
    """
    try:
        vector = np.frombuffer(blob, dtype=_WIRE).astype(np.float32, copy=False)
    except ValueError as error:
        raise StoreError(f"the stored vector {text_hash!r} is damaged; prune the vectors and embed again") from error
    return vector


def check_interaction(interaction: Interaction) -> None:
    """Refuse whole numbers that no database holds.

    Raises
    ------
    InvalidInteraction
        Naming the field.
    """
    for name in ("quantity", "position"):
        value = getattr(interaction, name)
        if value is not None and value > _MAX_INTEGER:
            raise InvalidInteraction(name, f"{value} is too large; at most {_MAX_INTEGER} is kept")


def interaction_row(interaction: Interaction) -> tuple[Any, ...]:
    """Return the columns of ``reco_interaction`` after ``sequence``."""
    i = interaction
    return (
        i.event_id,
        i.kind,
        i.item_id,
        i.visitor_id,
        i.user_id,
        i.session_id,
        to_micros(i.at),
        i.quantity,
        i.value,
        i.currency,
        i.query,
        i.placement,
        i.slate_id,
        i.position,
    )


def interaction_from_row(row: Sequence[Any]) -> StoredInteraction:
    """Return the interaction of a row of ``reco_interaction``."""
    sequence, event_id, kind, item_id, visitor_id, user_id, session_id, at, *rest = row
    quantity, value, currency, query, placement, slate_id, position = rest
    try:
        interaction = Interaction(
            kind=kind,
            item_id=item_id,
            visitor_id=visitor_id,
            user_id=user_id,
            session_id=session_id,
            at=from_micros(at),
            quantity=quantity,
            value=value,
            currency=currency,
            query=query,
            placement=placement,
            slate_id=slate_id,
            position=position,
            event_id=event_id,
        )
    except (TypeError, OverflowError, RecoError) as error:
        raise StoreError(f"interaction {sequence} cannot be read: {error}; remove it from reco_interaction") from error
    return StoredInteraction(sequence, interaction)


def check_impression(impression: Impression) -> None:
    """Refuse texts that no database holds.

    Raises
    ------
    InvalidInput
        Naming the field.
    """
    for name in ("slate_id", "placement", "strategy", "tier"):
        check_text(name, getattr(impression, name))
    for name in ("visitor_id", "user_id"):
        value = getattr(impression, name)
        if value is not None:
            check_text(name, value)
    for item_id in impression.item_ids:
        check_text("item_ids", item_id)


def impression_row(impression: Impression) -> tuple[Any, ...]:
    """Return the columns of ``reco_impression``."""
    i = impression
    item_ids = json.dumps(list(i.item_ids), ensure_ascii=False, separators=(",", ":"))
    return (i.slate_id, to_micros(i.at), i.placement, i.strategy, i.tier, item_ids, i.visitor_id, i.user_id)


def impression_from_row(row: Sequence[Any]) -> Impression:
    """Return the impression of a row of ``reco_impression``."""
    slate_id, at, placement, strategy, tier, item_ids, visitor_id, user_id = row
    return Impression(slate_id, from_micros(at), placement, strategy, tier, tuple(json.loads(item_ids)), visitor_id, user_id)
