"""The row that a shop draws when it knows what to show: these products, from one query, in this order."""

from __future__ import annotations

from typing import Any, Final

from django import template
from django.http import HttpRequest

__all__ = ["ROWS", "fetched", "register"]

register = template.Library()

ROWS: Final[dict[str, list[int]]] = {}
"""Stock code of the page's product → keys of what its row shows."""


@register.simple_tag(takes_context=True)
def plain_slate(context: Any, product: Any) -> list[Any]:
    """Return what the product's row shows."""
    return fetched(context.request, ROWS[product.stock_code])


def fetched(request: HttpRequest, keys: list[int]) -> list[Any]:
    """Fetch products as the shop fetches cards."""
    from shop.models import shown_products

    by_key = {product.pk: product for product in shown_products(request).filter(pk__in=keys).order_by()}
    return [by_key[key] for key in keys]
