"""Recommendations for an online shop, inside its own process.

The public names, loaded when first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reco_sdk.blocking import BlockingRecommender
    from reco_sdk.config import Config
    from reco_sdk.errors import RecoError
    from reco_sdk.interactions.interaction import Interaction
    from reco_sdk.items.item import Item
    from reco_sdk.items.text import TextRecipe
    from reco_sdk.ranking.filters import Filters
    from reco_sdk.ranking.slate import RecommendedItem, Slate
    from reco_sdk.request import Request
    from reco_sdk.wiring import Recommender

__version__ = "0.1.0"

_HOMES = {
    "BlockingRecommender": "reco_sdk.blocking",
    "Config": "reco_sdk.config",
    "Filters": "reco_sdk.ranking.filters",
    "Interaction": "reco_sdk.interactions.interaction",
    "Item": "reco_sdk.items.item",
    "RecoError": "reco_sdk.errors",
    "RecommendedItem": "reco_sdk.ranking.slate",
    "Recommender": "reco_sdk.wiring",
    "Request": "reco_sdk.request",
    "Slate": "reco_sdk.ranking.slate",
    "TextRecipe": "reco_sdk.items.text",
}

__all__ = [
    "BlockingRecommender",
    "Config",
    "Filters",
    "Interaction",
    "Item",
    "RecoError",
    "RecommendedItem",
    "Recommender",
    "Request",
    "Slate",
    "TextRecipe",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
