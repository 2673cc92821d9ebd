"""Product pages of the gift shop that need no database: what the shop shows itself it holds in memory. With our row, or none."""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

__all__ = ["products", "urlpatterns"]

ROW: Final = "{% load reco %}{% you_may_also_like product n=8 %}" if os.environ["BENCH_ROW"] == "ours" else ""
PAGE: Final = f"<!doctype html><title>{{{{ product.title }}}}</title><h1>{{{{ product.title }}}}</h1>{ROW}</html>"


@cache
def products() -> dict[str, Any]:
    """Return what the shop holds in memory, by stock code."""
    from shop.models import Product

    return {product.stock_code: product for product in Product.objects.select_related("category", "category__parent")}


@cache
def _page() -> Any:
    return engines["django"].from_string(PAGE)


def kept(request: HttpRequest, stock_code: str) -> HttpResponse:
    return HttpResponse(_page().render({"product": products()[stock_code]}, request))


urlpatterns = [path("kept/<str:stock_code>/", kept), path("", include("giftshop.urls"))]
