"""``track``: what a visitor did, recorded without ever breaking the page."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django_reco import metrics
from django_reco.conf import get_settings
from django_reco.context import visitor_of
from django_reco.outage import outages
from django_reco.recommender import process
from django_reco.registry import item_id_of
from reco_sdk.errors import InvalidInteraction
from reco_sdk.interactions.interaction import Interaction

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["track", "track_view", "view_by_row"]

logger = logging.getLogger("django_reco")


def track(request: HttpRequest | None, kind: str, obj: Any = None, **fields: Any) -> bool:
    """Record one interaction of whoever makes this request.

    Parameters
    ----------
    request
        Says who: browser with consent, account, or nobody (a bot, staff), for whom nothing is recorded. ``None`` when
        ``fields`` say who.
    kind
        ``"view_item"``, ``"add_to_cart"``, ``"purchase"``, ``"search"``, …: see :class:`reco_sdk.Interaction`.
    obj
        The object of the shop, or an item id; not for ``"search"``.
    fields
        Further fields of the interaction: ``quantity``, ``value``, ``query``, ``slate_id``, ``position``, …

    Returns
    -------
    bool
        Whether it was recorded. Never raises: what goes wrong is logged and counted.
    """
    try:
        return _track(request, kind, obj, fields)
    except InvalidInteraction as error:
        metrics.count("track.refused")
        logger.warning("reco: %s not recorded: %s", kind, error)
    except Exception as error:
        metrics.count("track.error")
        if not outages.tells(error):
            logger.exception("reco: %s could not be recorded", kind)
    return False


def _track(request: HttpRequest | None, kind: str, obj: Any, fields: dict[str, Any]) -> bool:
    visitor = visitor_of(request)
    if request is not None:
        if not visitor.followed:
            metrics.count("track.left_out")
            return False
        fields = {"visitor_id": visitor.visitor_id, "user_id": visitor.user_id, **fields}
    item_id = None if obj is None else item_id_of(obj)
    if obj is not None and item_id is None:
        raise InvalidInteraction("obj", f"{type(obj).__name__} is no item; name its model in RECO['ITEMS']")
    interaction = Interaction(kind=kind, item_id=item_id, **fields)
    if not process.record([interaction]):
        metrics.count("track.lost")
        return False
    metrics.count("track.recorded")
    if visitor.session is not None and interaction.visitor_id == visitor.visitor_id:
        visitor.session.note(interaction)
    return True


def view_by_row(request: HttpRequest | None, obj: Any) -> None:
    """Record that an item's page was opened, known by the row that starts from it, where no event of the shop's says so."""
    config = get_settings()
    if config.track_views and all(event.kind != "view_item" for event in config.events):
        item_id = item_id_of(obj)
        if item_id:
            track_view(request, item_id)


def track_view(request: HttpRequest | None, item_id: str) -> None:
    """Record that an item's page was opened, once a request."""
    if request is None or request.method != "GET":
        return
    if "prefetch" in request.META.get("HTTP_SEC_PURPOSE", request.META.get("HTTP_PURPOSE", "")):
        return  # the browser looks ahead; nobody looks at the page
    visitor = visitor_of(request)
    if item_id not in visitor.seen:
        visitor.seen.append(item_id)
        track(request, "view_item", item_id)
