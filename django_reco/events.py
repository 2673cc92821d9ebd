"""``RECO["EVENTS"]``: the shop's signals as interactions, and the login that joins a browser to an account."""

from __future__ import annotations

# ruff: noqa: SLF001  Model._state is Django's documented API
import logging
from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from django_reco import metrics
from django_reco.conf import EventSpec, get_settings
from django_reco.context import visitor_of
from django_reco.orders import orders
from django_reco.paths import as_list, first, resolve
from django_reco.recommender import process
from django_reco.registry import item_id_of
from django_reco.tracking import track

__all__ = ["on_login", "on_signal"]

logger = logging.getLogger("django_reco")


def on_signal(spec: EventSpec, /, **sent: Any) -> None:
    """Record what a signal of the shop says. Never raises."""
    if sent.get("raw"):
        return  # a fixture says nothing of what a visitor does
    try:
        objects = as_list(resolve(sent, spec.item)) if spec.item else [None]
        if spec.kind == "purchase":
            objects = _without_lines(objects)
            if not objects:
                return
        request = _at(sent, spec.request)
        fields: dict[str, Any] = {}
        if not isinstance(request, HttpRequest):
            request = None
            user = _at(sent, spec.user)
            if user is None or not getattr(user, "is_authenticated", True):
                metrics.count("event.nobody")
                return
            if get_settings().ignore_staff and getattr(user, "is_staff", False):
                return
            fields["user_id"] = str(getattr(user, "pk", user))
        for name in ("query", "quantity", "value"):
            path = getattr(spec, name)
            value = _at(sent, path) if path else None
            if value is not None:
                fields[name] = float(value) if name == "value" else value
        if spec.kind == "search" and not fields.get("query"):
            return  # the page of the search itself
        for obj in objects:
            if spec.kind == "view_item" and request is not None and obj is not None:
                _note_view(request, obj)
            track(request, spec.kind, obj, **fields)
    except Exception:
        metrics.count("event.error")
        logger.exception("reco: signal %s could not be recorded", spec.signal)


def _without_lines(objects: list[Any]) -> list[Any]:
    """Record those that are order lines as the reading of orders does, so that each counts once; return the others."""
    sources = {source.model: source for source in orders()}
    lines = [obj for obj in objects if type(obj) in sources]
    purchases = [made for line in lines if (made := sources[type(line)].purchase(line))]
    if purchases:
        # What is rolled back was never bought.
        transaction.on_commit(partial(process.record, purchases), using=lines[0]._state.db, robust=True)
    return [obj for obj in objects if type(obj) not in sources]


def _note_view(request: HttpRequest, obj: Any) -> None:
    """Keep the item page's row from recording the same view again."""
    item_id = item_id_of(obj)
    if item_id:
        visitor_of(request).seen.append(item_id)


def _at(sent: dict[str, Any], path: str) -> Any:
    return first(resolve(sent, path))


def on_login(request: Any, user: Any) -> None:
    """Join the browser that logged in to its account. Never raises."""
    try:
        if not isinstance(request, HttpRequest) or user is None:
            return
        visitor = visitor_of(request)
        visitor.user_id = str(user.pk)
        if get_settings().ignore_staff and getattr(user, "is_staff", False):
            visitor.followed = False
        if visitor.visitor_id and visitor.followed:
            process.alias(visitor.visitor_id, visitor.user_id)
            metrics.count("visitor.alias")
    except Exception:
        metrics.count("login.error")
        logger.exception("reco: the login could not be joined to its browser")
