"""JSON bodies: read within the limit, then made into items or interactions, all or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from aiohttp import web

from reco_sdk.errors import InvalidInput
from reco_sdk.interactions.interaction import Interaction, check_time
from reco_sdk.items.item import Item
from reco_sdk.ranking.rules import Rule
from reco_sdk.server.context import LIMITS
from reco_sdk.server.problems import FieldError, Problem, field_error

__all__ = ["read_interactions", "read_items", "read_rule"]

T = TypeVar("T")
_CHUNK: Final = 2**16
_SHOWN: Final = 100


async def read_items(request: web.Request) -> list[Item]:
    """Return the items of a body.

    Raises
    ------
    Problem
        400 for no JSON, 413 for too much of it, 415 for another content type, 422 with each wrong item named.
    """
    items, errors = _each(await _batch(request), Item.from_dict)
    first: dict[str, int] = {}
    for index, item in items:
        if item.id in first:
            errors.append(FieldError("id", f"stands at {first[item.id]} and at {index}; send each item once", index, item.id))
        first.setdefault(item.id, index)
    return _all_or_none(items, errors, "items")


async def read_interactions(request: web.Request) -> list[Interaction]:
    """Return the interactions of a body; raises as :func:`read_items`."""
    interactions, errors = _each(await _batch(request), _interaction)
    return _all_or_none(interactions, errors, "interactions")


async def read_rule(request: web.Request, rule_id: str) -> Rule:
    """Return the rule of a body, with the id of the path; raises as :func:`read_items`."""
    batch = await _batch(request)
    if len(batch) == 1 and isinstance(batch[0], dict):
        batch[0].setdefault("id", rule_id)
    rules, errors = _each(batch, Rule.from_dict)
    made = _all_or_none(rules, errors, "rules")
    if len(made) != 1 or made[0].id != rule_id:
        raise Problem(422, "invalid-input", f"send one rule, with the id {rule_id!r} or none")
    return made[0]


async def _batch(request: web.Request) -> list[Any]:
    if request.content_type != "application/json":
        raise Problem(415, "unsupported-media-type", "send JSON, with the header 'Content-Type: application/json'")
    limits = request.config_dict[LIMITS]
    body = bytearray()
    # Not request.read(): its limit is that of the outermost application, which may be somebody else's.
    async for chunk in request.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > limits.body_bytes:
            raise Problem(413, "too-large", f"the body is over {limits.body_bytes:,} bytes; send less at once")
    try:
        value = json.loads(body)
    except UnicodeDecodeError as error:
        raise Problem(400, "invalid-json", "the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise Problem(
            400, "invalid-json", f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise Problem(400, "invalid-json", "the body is JSON too deep or too large to be read") from error
    batch = value if isinstance(value, list) else [value]
    if len(batch) > limits.batch:
        raise Problem(413, "too-large", f"{len(batch):,} at once; at most {limits.batch:,} are taken")
    return batch


def _each(batch: list[Any], make: Callable[[dict[str, Any]], T]) -> tuple[list[tuple[int, T]], list[FieldError]]:
    made: list[tuple[int, T]] = []
    errors: list[FieldError] = []
    for index, fields in enumerate(batch):
        if not isinstance(fields, dict):
            errors.append(FieldError("", f"is {type(fields).__name__}; send an object", index))
            continue
        try:
            made.append((index, make(fields)))
        except InvalidInput as error:
            errors.append(field_error(error, index))
    return made, errors


def _interaction(fields: dict[str, Any]) -> Interaction:
    interaction = Interaction.from_dict(fields)
    check_time(interaction, datetime.now(UTC))
    return interaction


def _all_or_none(made: list[tuple[int, T]], errors: list[FieldError], what: str) -> list[T]:
    if errors:
        detail = f"{len(errors):,} of the {what} cannot be taken, so none was"
        if len(errors) > _SHOWN:
            detail += f"; the first {_SHOWN} are shown"
        raise Problem(422, "invalid-input", detail, sorted(errors, key=lambda e: e.index or 0)[:_SHOWN])
    return [value for _, value in made]
