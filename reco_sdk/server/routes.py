"""The table of routes: what the application serves is what the OpenAPI document says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from reco_sdk.server import handlers, rules
from reco_sdk.server.parameters import RECOMMEND, SIMILAR, WHY_NOT, Parameter

__all__ = ["ROUTES", "Route"]

_UNKNOWN_ITEM: Final = "There is no such item."
_INVALID: Final = "Something sent cannot be taken; `errors` names each field, and nothing was stored."


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route.

    Parameters
    ----------
    method, path, handler
        What aiohttp is told.
    summary
        One line for the document.
    answers
        Schema name and description of success; an empty name for no body.
    status
        Of success.
    body
        Schema name of what is sent, one or a list of them.
    parameters
        Of the query.
    problems
        Status → description.
    needs_token
        Where a token is configured.
    explains
        Whether it tells what visitors did, and so is served only where ``explanations`` is set.
    """

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    summary: str
    answers: tuple[str, str]
    status: int = 200
    body: str = ""
    parameters: tuple[Parameter, ...] = ()
    problems: Mapping[int, str] = field(default_factory=dict)
    needs_token: bool = True
    explains: bool = False


_BODY_PROBLEMS: Final = {
    400: "The body is not JSON.",
    413: "The body, or the batch, is too large.",
    415: "The body is not declared as JSON.",
    422: _INVALID,
    503: "The store cannot take it now.",
}

ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/items",
        handler=handlers.post_items,
        summary="Add or change items, all or none of them",
        body="Item",
        answers=("UpsertReport", "All are stored and recommendable."),
        problems=_BODY_PROBLEMS,
    ),
    Route(
        method="DELETE",
        path="/v1/items/{item_id}",
        handler=handlers.delete_item,
        summary="Delete an item",
        status=204,
        answers=("", "It is deleted, and not recommended any more."),
        problems={404: _UNKNOWN_ITEM, 503: "The store cannot do it now."},
    ),
    Route(
        method="GET",
        path="/v1/items/{item_id}/similar",
        handler=handlers.similar,
        summary="The items most like one item",
        parameters=SIMILAR,
        answers=("Slate", "A slate, best first."),
        problems={404: _UNKNOWN_ITEM, 422: _INVALID},
    ),
    Route(
        method="POST",
        path="/v1/interactions",
        handler=handlers.post_interactions,
        summary="Record what visitors did, all or none of it",
        body="Interaction",
        status=202,
        answers=("Accepted", "The next slate knows them; they are written to the store in a moment."),
        problems=_BODY_PROBLEMS,
    ),
    Route(
        method="GET",
        path="/v1/recommend",
        handler=handlers.recommend,
        summary="A slate for a visitor, a user, or nobody in particular",
        parameters=RECOMMEND,
        answers=("Slate", "A slate, best first; empty where nothing fits."),
        problems={404: "None of the seeds is in the catalogue.", 422: _INVALID},
    ),
    Route(
        method="GET",
        path="/v1/why",
        handler=handlers.why,
        summary="Why each item is in the slate that /v1/recommend would give",
        parameters=RECOMMEND,
        answers=("Explanation", "The evidence of each item; its contributions sum to the score."),
        problems={404: "None of the seeds is in the catalogue.", 422: _INVALID},
        explains=True,
    ),
    Route(
        method="GET",
        path="/v1/why-not",
        handler=handlers.why_not,
        summary="Why an item is not in that slate, and what would show it",
        parameters=WHY_NOT,
        answers=("WhyNot", "The first stage that dropped it, and changes that together show it."),
        problems={404: "None of the seeds is in the catalogue.", 422: _INVALID},
        explains=True,
    ),
    Route(
        method="GET",
        path="/v1/rules",
        handler=rules.get_rules,
        summary="The merchandising rules, and where they are at odds",
        answers=("Rules", "All of them."),
        problems={503: "The store cannot be read now."},
    ),
    Route(
        method="PUT",
        path="/v1/rules/{rule_id}",
        handler=rules.put_rule,
        summary="Store a merchandising rule",
        body="Rule",
        answers=("Rule", "It holds; in other processes within a second."),
        problems=_BODY_PROBLEMS,
    ),
    Route(
        method="DELETE",
        path="/v1/rules/{rule_id}",
        handler=rules.delete_rule,
        summary="Delete a merchandising rule; its history is kept",
        status=204,
        answers=("", "It holds no more."),
        problems={404: "There is no such rule.", 503: "The store cannot do it now."},
    ),
    Route(
        method="GET",
        path="/healthz",
        handler=handlers.healthz,
        summary="Whether it serves",
        answers=("Health", "It serves."),
        problems={503: "It does not serve."},
        needs_token=False,
    ),
    Route(
        method="GET",
        path="/openapi.json",
        handler=handlers.openapi,
        summary="This document",
        answers=("OpenAPI", "OpenAPI 3.1."),
    ),
)
