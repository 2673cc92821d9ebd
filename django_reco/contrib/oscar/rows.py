"""What the rows on oscar's own pages start from: the shop's recommendations of a product, the products of a basket."""

from __future__ import annotations

import logging
from typing import Any

from django.db.models import QuerySet

from django_reco import metrics
from django_reco.conf import get_settings
from django_reco.outage import outages
from django_reco.registry import adapter_for

__all__ = ["basket_products", "is_on", "pins"]

logger = logging.getLogger("django_reco")


def is_on() -> bool:
    """Whether oscar's pages are to show rows: with the preset only, since the templates are there for whoever has oscar."""
    return get_settings().preset == "oscar"


class _Nothing(QuerySet[Any]):
    """No rows, and no query made up to find that out, whatever is asked of them."""

    def __init__(self, model: Any = None, *args: Any, **options: Any) -> None:
        super().__init__(model, *args, **options)
        self.query.set_empty()

    def _fetch_all(self) -> None:
        self._result_cache = []


def pins(product: Any) -> list[str]:
    """Return the products that the shop recommends beside one, and take them over from the page's own section.

    Oscar's page lists them itself; a row that begins with them would show them twice. The section looks at what is kept on the
    product, finds nothing, and asks for none of their pictures and prices. Never raises: the page then lists them as before.
    """
    try:
        adapter: Any = adapter_for(product)
        found: list[str] = adapter.pins(product) if hasattr(adapter, "pins") else []
        nothing = _Nothing(product.primary_recommendations.model)
        product.__dict__.setdefault("_prefetched_objects_cache", {})["primary_recommendations"] = nothing
    except Exception as error:
        metrics.count("oscar.pins.error")
        if not outages.tells(error):
            logger.exception("reco: the shop's own recommendations could not be read")
        return []
    return found


def basket_products(basket: Any) -> list[Any]:
    """Return what lies in a basket, latest first; the lines are those that the page has read already. Never raises."""
    try:
        return [line.product for line in basket.all_lines()][::-1]
    except Exception as error:
        metrics.count("oscar.basket.error")
        if not outages.tells(error):
            logger.exception("reco: the basket could not be read")
        return []
