"""JSON, an HTML fragment, and the beacon. Plain sync views: they run under WSGI and ASGI alike.

What they may ask is what a tag may ask; what they answer holds nothing that a page does not show.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from django_reco import metrics
from django_reco.context import consents, visitor_of
from django_reco.outage import outages
from django_reco.registry import item_id_of
from django_reco.rendering import cards, heading, render_slate
from django_reco.slates import ObjectSlate, read_token, recommend
from django_reco.starts import MAX_STARTS
from django_reco.tracking import track, view_by_row
from reco_sdk.errors import InvalidInput
from reco_sdk.strategies import STRATEGIES

__all__ = ["as_frame", "as_html", "as_json", "beacon"]

logger = logging.getLogger("django_reco")

MAX_BODY_BYTES: Final = 4_096
MAX_N: Final = 100
BEACON_KINDS: Final = frozenset({"select_item", "add_to_cart", "add_to_wishlist", "dismiss"})
_TEXTS: Final = ("category", "brand", "tag", "language")
_NUMBERS: Final = ("price_min", "price_max")
_FLAGS: Final = ("strict", "relaxed")


def _asked(query: QueryDict) -> tuple[str | None, dict[str, Any]]:
    """Return (strategy, options) of a query string; no strategy where only a placement is named.

    Raises
    ------
    InvalidInput
        For what cannot be.
    """
    default = None if "placement" in query else "you_may_also_like" if "item" in query else "recommended_for_you"
    strategy = query.get("strategy", default)
    number = _number(query, "n", int)
    options: dict[str, Any] = {"seeds": query.getlist("item")[:MAX_STARTS], "n": None if number is None else min(number, MAX_N)}
    if "placement" in query:
        options["placement"] = query["placement"]
    options["exclude"] = query.getlist("exclude")[:200]
    options |= {name: query.getlist(name) for name in _TEXTS if name in query}
    options |= {name: _number(query, name, float) for name in _NUMBERS if name in query}
    options |= {name: query[name] == "1" for name in _FLAGS if name in query}
    options |= {name: query[name] for name in ("fallback", "where") if name in query}
    for seed in options["seeds"]:
        if item_id_of(seed) is None:
            raise InvalidInput("item", f"{seed!r} is no item id; it reads 'app_label.model:key'")
    if strategy is not None and strategy not in STRATEGIES:
        raise InvalidInput("strategy", f"{strategy!r} is unknown; use one of {', '.join(sorted(STRATEGIES))}")
    if strategy is not None and STRATEGIES[strategy].needs_seed and not options["seeds"] and not options.get("fallback"):
        raise InvalidInput("item", f"is missing; {strategy} starts from one")
    return strategy, options


def _number(query: QueryDict, name: str, kind: Callable[[str], Any]) -> Any:
    if name not in query:
        return None
    try:
        return kind(str(query[name]))
    except ValueError as error:
        raise InvalidInput(name, f"{query[name]!r} is not a number") from error


def _answered(request: HttpRequest, answer: Callable[[str | None, ObjectSlate], HttpResponse]) -> HttpResponse:
    try:
        strategy, options = _asked(request.GET)
        return answer(strategy, recommend(request, strategy, **options))
    except InvalidInput as error:
        return JsonResponse({"error": {"field": error.field, "message": error.reason}}, status=400)
    except Exception as error:
        metrics.count("view.error")
        if not outages.tells(error):
            logger.exception("reco: a row could not be made")
        return answer("", ObjectSlate())


def _view(request: HttpRequest) -> None:
    """Record what the call says was opened; after the slate, since what is looked at now is not yet to be reminded of."""
    if request.GET.get("view") == "1" and len(request.GET.getlist("item")) == 1:
        view_by_row(request, request.GET["item"])


@never_cache
@require_GET
def as_json(request: HttpRequest) -> HttpResponse:
    """Return a slate as JSON: ``?strategy=…&item=shop.product:42&n=8&placement=…&category=…&price_max=…``.

    With ``view=1`` and one item, its page was opened: what a shop without templates has recorded.
    """

    def answer(strategy: str | None, slate: ObjectSlate) -> HttpResponse:
        shown = [
            {
                "id": obj.reco.id,
                "title": card.title,
                "url": card.url,
                "image": card.image,
                "price": None if card.price is None else str(card.price),
                "currency": card.currency,
                "reason": obj.reco.reason,
                "reason_kind": obj.reco.reason_kind,
                "position": obj.reco.position,
            }
            for obj, card in cards(slate)
        ]
        token = slate.token if slate else None
        head = {
            "slate": slate.id or None,
            "token": token,
            "strategy": strategy or slate.strategy,
            "placement": slate.placement,
            "tier": slate.tier,
            "fallback": slate.fallback,
            "relaxed": list(slate.relaxed),
        }
        _view(request)
        return JsonResponse({**head, "items": shown})

    return _answered(request, answer)


@never_cache
@require_GET
def as_html(request: HttpRequest) -> HttpResponse:
    """Return a slate as the rendered row, to be put into a page; empty when there is nothing to show.

    ``?placement=cart`` asks for what ``RECO["PLACEMENTS"]`` says. With ``view=1`` and one item, its page was opened: what a lazy
    row records, whose page may come from a cache.
    """
    title = request.GET.get("title")

    def answer(strategy: str | None, slate: ObjectSlate) -> HttpResponse:
        row = HttpResponse(render_slate(slate, request, strategy=strategy, title=title))
        _view(request)
        return row

    return _answered(request, answer)


@xframe_options_sameorigin
@never_cache
@require_GET
def as_frame(request: HttpRequest) -> HttpResponse:
    """Return a row as a page of its own: what a lazy row shows in a frame where there is no JavaScript."""
    title = request.GET.get("title")

    def answer(strategy: str | None, slate: ObjectSlate) -> HttpResponse:
        row = mark_safe(render_slate(slate, request, strategy=strategy, title=title))  # noqa: S308  a template's output
        return render(request, "django_reco/frame.html", {"row": row, "title": title or heading(slate.strategy)})

    return _answered(request, answer)


@csrf_exempt
@never_cache
@require_POST
def beacon(request: HttpRequest) -> HttpResponse:
    """Record what a visitor did with a row that was shown: ``kind``, ``item``, ``token``, ``position``.

    There is no CSRF token, since ``sendBeacon`` carries none and cached pages hold none; the slate's signed token stands
    for it: only what this site showed can be reported. Nothing is recorded without consent.
    """
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        return HttpResponse(status=413)
    kind = request.POST.get("kind", "select_item")
    item_id = item_id_of(request.POST.get("item", ""))
    if kind not in BEACON_KINDS or item_id is None:
        return HttpResponse(status=400)
    try:
        slate_id, placement = read_token(request.POST.get("token", ""))
    except BadSignature:
        return HttpResponse(status=403)
    visitor = visitor_of(request)
    # A browser that was given no cookie yet is not given one for a click.
    if not visitor.new and (consents(request) or visitor.user_id):
        place = request.POST.get("position", "")
        position = int(place) if place.isascii() and place.isdecimal() and len(place) < 5 else None
        track(request, kind, item_id, slate_id=slate_id, placement=placement, position=position)
    return HttpResponse(status=204)
