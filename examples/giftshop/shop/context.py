"""What every page needs: the departments, the cart's size, whether to ask about cookies."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from shop.cart import Cart
from shop.consent import has_answered
from shop.models import Category

DEPARTMENTS_SECONDS: Final = 60


def departments() -> list[Category]:
    found: list[Category] | None = cache.get("departments")
    if not found:
        found = list(Category.objects.filter(parent=None))
        cache.set("departments", found, DEPARTMENTS_SECONDS)
    return found


def shop(request: HttpRequest) -> dict[str, Any]:
    return {
        "departments": departments(),
        "cart_size": len(Cart(request)),
        "ask_consent": settings.RECO_ENABLED and not has_answered(request),
        "reco_enabled": settings.RECO_ENABLED,
    }
