"""The OpenAPI 3.1 document, made of the table of routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from reco_sdk import __version__
from reco_sdk.server.problems import CONTENT_TYPE
from reco_sdk.server.routes import Route
from reco_sdk.server.schemas import SCHEMAS

__all__ = ["document"]


def document(routes: Sequence[Route], *, with_token: bool) -> dict[str, Any]:
    """Return the document; with the bearer scheme where a token is configured."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, with_token=with_token)
    components: dict[str, Any] = {"schemas": SCHEMAS}
    if with_token:
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "reco", "version": __version__, "summary": "Recommendations for an online shop"},
        "paths": paths,
        "components": components,
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _operation(route: Route, *, with_token: bool) -> dict[str, Any]:
    schema, description = route.answers
    success: dict[str, Any] = {"description": description}
    if schema:
        success["content"] = {"application/json": {"schema": _ref(schema)}}
    problems = dict(route.problems)
    if with_token and route.needs_token:
        problems[401] = "The bearer token is missing or wrong."
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "responses": {
            str(route.status): success,
            **{
                str(status): {"description": text, "content": {CONTENT_TYPE: {"schema": _ref("Problem")}}}
                for status, text in sorted(problems.items())
            },
        },
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ] + [
        {
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "schema": parameter.schema(),
            **({"required": True} if parameter.required else {}),
        }
        for parameter in route.parameters
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body:
        one = _ref(route.body)
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": [one, {"type": "array", "items": one}]}}},
        }
    if with_token and route.needs_token:
        operation["security"] = [{"bearer": []}]
    return operation
