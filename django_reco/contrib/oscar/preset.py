"""The settings of an oscar shop, as they would be written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["OSCAR"]

OSCAR: Final[Mapping[str, Any]] = {
    "ITEMS": {"model": "catalogue.Product", "adapter": "django_reco.contrib.oscar.products.ProductItems"},
    "ORDERS": {
        "model": "order.Line",
        "item": "product",
        "group": "order",
        "user": "order.user",
        "quantity": "quantity",
        "price": "unit_price_incl_tax",
        "at": "order.date_placed",
    },
    "EVENTS": {
        "oscar.apps.catalogue.signals.product_viewed": {"kind": "view_item", "item": "product"},
        "oscar.apps.basket.signals.basket_addition": {"kind": "add_to_cart", "item": "product"},
        # Oscar says who searched, not in which request; the view that says it has one.
        "oscar.apps.search.signals.user_search": {"kind": "search", "query": "query", "request": "sender.request"},
        "oscar.apps.order.signals.order_placed": {"kind": "purchase", "item": "order.lines"},
        # Wishlists send no signal of their own.
        "django.db.models.signals.post_save": {
            "kind": "add_to_wishlist",
            "sender": "wishlists.Line",
            "item": "instance.product",
            "user": "instance.wishlist.owner",
        },
    },
}
