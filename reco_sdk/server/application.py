"""The application: routes of the table, behind one middleware."""

from __future__ import annotations

from aiohttp import web

from reco_sdk.recommender import CoreRecommender
from reco_sdk.server.context import LIMITS, OPENAPI, RECOMMENDER, TOKEN, Limits
from reco_sdk.server.middleware import guard
from reco_sdk.server.openapi import document
from reco_sdk.server.routes import ROUTES

__all__ = ["create_app"]


def create_app(recommender: CoreRecommender, *, token: str | None = None, limits: Limits | None = None) -> web.Application:
    """Return the application; opening and closing the recommender stays with the caller.

    Parameters
    ----------
    recommender
        Open by the time of the first request, on the loop that serves.
    token
        Wanted as a bearer token by every route but ``/healthz``; default: the recommender's ``api_token``, and
        ``""`` for none.
    limits
        Of what one request may send.

    Examples
    --------
    >>> app.add_subapp("/reco", create_app(reco))  # doctest: +SKIP
    """
    app = web.Application(middlewares=[guard])
    app[RECOMMENDER] = recommender
    app[TOKEN] = recommender.config.api_token if token is None else token
    app[LIMITS] = limits or Limits()
    routes = [route for route in ROUTES if recommender.config.explanations or not route.explains]
    app[OPENAPI] = document(routes, with_token=bool(app[TOKEN]))
    for route in routes:
        app.router.add_route(route.method, route.path, route.handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, route.handler)
    return app
