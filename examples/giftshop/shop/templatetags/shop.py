"""Pictures, prices and links for the templates."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.http import HttpRequest
from django.utils.safestring import SafeString

from shop.art import picture
from shop.art.motifs import motif_of_department
from shop.models import Product

register = template.Library()


@register.simple_tag
def art(product: Product) -> SafeString:
    return picture(product.stock_code, product.title, product.category.path.partition(" > ")[0])


@register.simple_tag
def department_art(name: str) -> SafeString:
    """A department's own picture: its motif, coloured by its name."""
    return picture(motif_of_department(name), f"{motif_of_department(name)} {name}", name)


@register.filter
def pounds(amount: Decimal) -> str:
    return f"£{amount:,.2f}"


@register.simple_tag
def page_url(request: HttpRequest, page: int) -> str:
    """This page's address with another page number and everything else kept."""
    query = request.GET.copy()
    query["page"] = str(page)
    return f"?{query.urlencode()}"
