"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from reco_sdk.errors import InvalidInput, InvalidItem, NotRunning, RecoError, StoreError, UnknownItem

__all__ = ["CONTENT_TYPE", "FieldError", "Problem", "field_error", "problem_of", "problem_response"]

CONTENT_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with what was sent.

    Parameters
    ----------
    field
        Or the query parameter.
    reason
        With the mend.
    index
        Place in the list that was sent, from 0.
    item_id
        Of the item, where it has one.
    """

    field: str
    reason: str
    index: int | None = None
    item_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return {"index": self.index, "item_id": self.item_id, "field": self.field, "reason": self.reason}


class Problem(Exception):
    """Answer with a problem document.

    Parameters
    ----------
    status
        HTTP status.
    kind
        Last part of ``type``.
    detail
        For a human.
    errors
        Field by field.
    """

    def __init__(self, status: int, kind: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        super().__init__(detail)


def field_error(error: InvalidInput, index: int | None = None) -> FieldError:
    """Return what one refused value says."""
    return FieldError(error.field, error.reason, index, error.item_id if isinstance(error, InvalidItem) else None)


def problem_of(error: RecoError) -> Problem:
    """Return the problem that an error of the recommender is to a client."""
    if isinstance(error, UnknownItem):
        return Problem(404, "unknown-item", str(error))
    if isinstance(error, InvalidInput):
        return Problem(422, "invalid-input", str(error), [field_error(error)])
    if isinstance(error, NotRunning | StoreError):
        return Problem(503, "unavailable", "the store cannot do it now; nothing was stored, try again")
    return Problem(500, "internal", "something went wrong; the log has it under the request id")


def problem_response(problem: Problem, request_id: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return the document."""
    body: dict[str, Any] = {
        "type": f"urn:reco:problem:{problem.kind}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "request_id": request_id,
    }
    if problem.errors:
        body["errors"] = [error.to_dict() for error in problem.errors]
    return web.Response(text=json.dumps(body), status=problem.status, content_type=CONTENT_TYPE, headers=headers)
