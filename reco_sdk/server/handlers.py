"""What each route does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from reco_sdk.errors import NotRunning, UnknownItem
from reco_sdk.server.bodies import read_interactions, read_items
from reco_sdk.server.context import OPENAPI, RECOMMENDER
from reco_sdk.server.parameters import FILTERS, RECOMMEND, SIMILAR, WHY_NOT, filters_of, parse

__all__ = ["delete_item", "healthz", "openapi", "post_interactions", "post_items", "recommend", "similar", "why", "why_not"]


async def post_items(request: web.Request) -> web.Response:
    """Store items; recommendable when it answers."""
    items = await read_items(request)
    report = await request.config_dict[RECOMMENDER].upsert_items(items)
    return web.json_response(asdict(report))


async def delete_item(request: web.Request) -> web.Response:
    """Delete one item; not recommended any more when it answers."""
    item_id = request.match_info["item_id"]
    if not await request.config_dict[RECOMMENDER].delete_items([item_id]):
        raise UnknownItem(item_id)
    return web.Response(status=204)


async def post_interactions(request: web.Request) -> web.Response:
    """Record interactions; the next slate knows them, the store has them within the flush interval."""
    interactions = await read_interactions(request)
    await request.config_dict[RECOMMENDER].record_many(interactions)
    return web.json_response({"accepted": len(interactions)}, status=202)


async def recommend(request: web.Request) -> web.Response:
    """Answer with a slate."""
    arguments = _arguments(parse(request.query, RECOMMEND))
    slate = await request.config_dict[RECOMMENDER].recommend(**arguments)
    return web.json_response(slate.to_dict())


async def why(request: web.Request) -> web.Response:
    """Answer with why each item is in the slate that :func:`recommend` would give."""
    arguments = _arguments(parse(request.query, RECOMMEND))
    told = await request.config_dict[RECOMMENDER].why(**arguments)
    return web.json_response(told.to_dict())


async def why_not(request: web.Request) -> web.Response:
    """Answer with what keeps an item out of that slate, and what would show it."""
    given = parse(request.query, WHY_NOT)
    missed = await request.config_dict[RECOMMENDER].why_not(given["item"], **_arguments(given))
    return web.json_response(missed.to_dict())


def _arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a recommender is to be asked with."""
    names = ("visitor_id", "user_id", "n", "placement", "strategy", "seeds", "fallback", "strict", "relaxed", "segments")
    arguments = {name: given[name] for name in names if name in given}
    if any(parameter.name in given for parameter in FILTERS):
        arguments["filters"] = filters_of(given)  # instead of the placement's
    return arguments


async def similar(request: web.Request) -> web.Response:
    """Answer with the items most like one item."""
    given = parse(request.query, SIMILAR)
    filters = filters_of(given)
    arguments = {name: given[name] for name in ("visitor_id", "user_id", "n", "placement") if name in given}
    slate = await request.config_dict[RECOMMENDER].similar_items(request.match_info["item_id"], **arguments, filters=filters)
    return web.json_response(slate.to_dict())


async def healthz(request: web.Request) -> web.Response:
    """Answer from memory whether it serves; what is wrong in detail is for ``reco doctor``."""
    recommender = request.config_dict[RECOMMENDER]
    if not recommender.is_open:
        raise NotRunning("the recommender is not open")
    status = "degraded" if recommender.last_error else "ok"
    counts = recommender.recorder.counts
    at_risk, dropped = sum(counts.at_risk.values()), sum(counts.dropped.values())
    items = int(recommender.engine.state.view.alive.sum())
    return web.json_response({"status": status, "items": items, "recorder": {"at_risk": at_risk, "dropped": dropped}})


async def openapi(request: web.Request) -> web.Response:
    """Answer with the description of all this."""
    return web.json_response(request.config_dict[OPENAPI])
