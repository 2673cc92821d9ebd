"""What concerns the visitor rather than the goods."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from shop.consent import remember


@require_POST
def consent(request: HttpRequest) -> HttpResponse:
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    response = redirect(target)
    remember(response, accepted=request.POST.get("answer") == "accept")
    return response


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/about.html")
