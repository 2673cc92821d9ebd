"""The product page."""

from __future__ import annotations

import os

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render

from benchmarks.bigshop.models import Product

__all__ = ["consents", "live", "page"]


def consents(_request: HttpRequest) -> bool:
    """Return that everybody agreed."""
    return True


def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one product, with a row of recommendations or without; say which process did."""
    product = get_object_or_404(Product, pk=pk)
    name = "bigshop/page_with_row.html" if settings.WITH_RECO else "bigshop/page.html"
    response = render(request, name, {"product": product})
    response["X-Pid"] = str(os.getpid())
    return response


def live(_request: HttpRequest) -> HttpResponse:
    """Say how many items this process has in memory, and how many of them with a vector."""
    from django_reco.recommender import process

    backend = process.backend()
    counts = (0, 0)
    if backend is not None:
        view = backend.facade.core.engine.state.view
        counts = int(view.alive.sum()), int((view.has_vector & view.alive).sum())
    response = JsonResponse(counts, safe=False)
    response["X-Pid"] = str(os.getpid())
    return response
