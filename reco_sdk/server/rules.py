"""Merchandising rules over HTTP."""

from __future__ import annotations

from aiohttp import web

from reco_sdk.ranking.rules import Rule
from reco_sdk.server.bodies import read_rule
from reco_sdk.server.context import RECOMMENDER
from reco_sdk.server.problems import Problem

__all__ = ["delete_rule", "get_rules", "put_rule"]


async def get_rules(request: web.Request) -> web.Response:
    """Answer with all rules, and where they are at odds."""
    recommender = request.config_dict[RECOMMENDER]
    rules = await recommender.rules()
    found = await recommender.rule_conflicts()
    conflicts = [{"kind": one.kind, "rule_ids": list(one.rule_ids), "text": one.text} for one in found]
    return web.json_response({"rules": [rule.to_dict() for rule in rules], "conflicts": conflicts})


async def put_rule(request: web.Request) -> web.Response:
    """Store one rule; it holds when this answers."""
    rule: Rule = await read_rule(request, request.match_info["rule_id"])
    await request.config_dict[RECOMMENDER].put_rule(rule, by="api")
    return web.json_response(rule.to_dict())


async def delete_rule(request: web.Request) -> web.Response:
    """Delete one rule; it holds no more when this answers."""
    rule_id = request.match_info["rule_id"]
    if not await request.config_dict[RECOMMENDER].delete_rule(rule_id, by="api"):
        raise Problem(404, "unknown-rule", f"there is no rule {rule_id!r}")
    return web.Response(status=204)
