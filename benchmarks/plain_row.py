"""The row that a shop draws without us: as many cards of the same category, one query, the same markup."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

__all__ = ["register"]

register = template.Library()


@register.simple_tag(takes_context=True)
def plain_row(context: Any, product: Any, n: int) -> SafeString:
    """Draw ``n`` others of the product's category with the template that draws our rows."""
    from shop.models import shown_products

    slate = list(shown_products(context.request).filter(category=product.category_id).exclude(pk=product.pk)[:n])
    given = {"slate": slate, "objects": slate, "title": "More like this", "placement": "item", "strategy": "plain"}
    return mark_safe(get_template("reco/row.html").render(given, context.request))  # noqa: S308 - a template's output
