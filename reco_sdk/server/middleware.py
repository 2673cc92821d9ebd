"""What every request passes through: an id, the token, and errors made into problem documents."""

from __future__ import annotations

import hmac
import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from reco_sdk.errors import RecoError
from reco_sdk.server.context import TOKEN
from reco_sdk.server.problems import Problem, problem_of, problem_response

__all__ = ["REQUEST_ID", "guard"]

logger = logging.getLogger(__name__)

REQUEST_ID: Final = "X-Request-ID"
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_HEADERS: Final = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}
_KINDS: Final = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}


@web.middleware
async def guard(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    """Answer with the request's id, and with a problem document where something is wrong."""
    given = request.headers.get(REQUEST_ID, "")
    request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
    try:
        _check_token(request)
        response = await handler(request)
    except (Problem, RecoError) as error:
        problem = error if isinstance(error, Problem) else problem_of(error)
        if problem.status >= 500:
            logger.exception("request %s: %s %s", request_id, request.method, request.path)
        response = problem_response(problem, request_id, _HEADERS.get(problem.status))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        detail = f"{request.method} {request.path}: {error.reason}; /openapi.json lists what there is"
        response = problem_response(Problem(error.status, _KINDS.get(error.status, "refused"), detail), request_id, headers)
    except Exception:
        logger.exception("request %s: %s %s", request_id, request.method, request.path)
        detail = "something went wrong; the log has it under the request id"
        response = problem_response(Problem(500, "internal", detail), request_id)
    response.headers[REQUEST_ID] = request_id
    return response


def _check_token(request: web.Request) -> None:
    token = request.config_dict[TOKEN]
    resource = request.match_info.route.resource
    if not token or (resource is not None and resource.canonical.endswith("/healthz")):
        return
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), token.encode()):
        raise Problem(401, "unauthorized", "this needs the bearer token: send 'Authorization: Bearer …'")
