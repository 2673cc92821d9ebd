"""What handlers find in their application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from reco_sdk.recommender import CoreRecommender

__all__ = ["LIMITS", "OPENAPI", "RECOMMENDER", "TOKEN", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may send.

    Parameters
    ----------
    body_bytes
        Of a JSON body.
    batch
        Items, or interactions.
    """

    body_bytes: int = 16 * 2**20
    batch: int = 10_000


RECOMMENDER: Final = web.AppKey("reco_recommender", CoreRecommender)
TOKEN: Final = web.AppKey("reco_token", str)
LIMITS: Final = web.AppKey("reco_limits", Limits)
OPENAPI: Final = web.AppKey("reco_openapi", dict[str, Any])
