"""The one place where the shop tells the recommender what a visitor did; views are told by the product page's row."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from shop.models import Product


def record(request: HttpRequest, kind: str, product: Product, **details: Any) -> None:
    if settings.RECO_ENABLED:
        import django_reco  # noqa: PLC0415 - the shop also runs without it

        django_reco.track(request, kind, product, **details)
