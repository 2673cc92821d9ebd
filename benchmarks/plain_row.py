"""Rows that a shop draws without us, each from one query: the same category, or what it is told to show."""

from __future__ import annotations

from typing import Any, Final

from django import template
from django.http import HttpRequest

__all__ = ["ROWS", "fetched", "register"]

register = template.Library()

ROWS: Final[dict[str, list[int]]] = {}
"""Stock code of the page's product → keys of what its row shows."""


@register.simple_tag(takes_context=True)
def same_category(context: Any, product: Any, n: int) -> list[Any]:
    """Return ``n`` others of the product's category: what a shop shows that knows nothing better."""
    from shop.models import shown_products

    return list(shown_products(context.request).filter(category=product.category_id).exclude(pk=product.pk)[:n])


@register.simple_tag(takes_context=True)
def known_row(context: Any, product: Any) -> list[Any]:
    """Return what is known to be shown beside a product."""
    return fetched(context.request, ROWS[product.stock_code])


def fetched(request: HttpRequest, keys: list[int]) -> list[Any]:
    """Fetch products as the shop fetches cards."""
    from shop.models import shown_products

    by_key = {product.pk: product for product in shown_products(request).filter(pk__in=keys).order_by()}
    return [by_key[key] for key in keys]
