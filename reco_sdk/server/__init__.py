"""The HTTP API: an aiohttp application that is given a recommender, to be run alone or mounted in another one."""

from __future__ import annotations

from reco_sdk.server.application import create_app
from reco_sdk.server.run import serve

__all__ = ["create_app", "serve"]
