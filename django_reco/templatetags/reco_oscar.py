"""``{% load reco_oscar %}``: what the rows on an oscar shop's pages start from; see ``templates/oscar``."""

from __future__ import annotations

from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html

from django_reco.contrib.oscar import rows

__all__ = ["register"]

register = template.Library()


@register.simple_tag
def reco_styles() -> str:
    """Link the row's styles, where oscar's pages show rows."""
    return format_html('<link rel="stylesheet" href="{}">', static("reco/reco.css")) if rows.is_on() else ""


@register.simple_tag
def reco_pins(product: Any) -> list[str] | None:
    """Return the products that the shop pinned to this one, which head its row; ``None`` where pages show no rows."""
    return rows.pins(product) if rows.is_on() else None


@register.simple_tag
def reco_basket(basket: Any) -> list[Any]:
    """Return the products of a basket, to start a row from; none where pages show no rows."""
    return rows.basket_products(basket) if rows.is_on() else []
