"""Cards, pictures, prices and links for the templates."""

from __future__ import annotations

from django import template
from django.http import HttpRequest
from django.utils.safestring import SafeString

from shop import cards
from shop.art import picture
from shop.art.motifs import motif_of_department

register = template.Library()

register.simple_tag(cards.card)
register.simple_tag(cards.art_of, name="art")
register.filter(cards.pounds)


@register.simple_tag
def department_art(name: str) -> SafeString:
    """A department's own picture: its motif, coloured by its name."""
    return picture(motif_of_department(name), f"{motif_of_department(name)} {name}", name)


@register.simple_tag
def page_url(request: HttpRequest, page: int) -> str:
    """This page's address with another page number and everything else kept."""
    query = request.GET.copy()
    query["page"] = str(page)
    return f"?{query.urlencode()}"
