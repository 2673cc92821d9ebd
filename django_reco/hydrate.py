"""Item ids → the shop's own objects: one query, in order, visibility checked again.

While the shop's database is away, those that were shown before.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import get_language

from django_reco import metrics
from django_reco.conf import get_settings
from django_reco.outage import AWAY, kept, outages
from django_reco.places import is_inline
from django_reco.registry import adapters
from django_reco.scopes import Scope, scope_of
from reco_sdk.errors import ConfigError

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_reco.items import Items

__all__ = ["hydrate"]

logger = logging.getLogger("django_reco")


def hydrate(item_ids: Sequence[str], request: HttpRequest | None, scope: Scope | None = None) -> dict[str, Any]:
    """Return the objects that may be shown, by item id; what is gone or hidden is left out.

    One query for each model in the slate (nearly always one), through its ``result_queryset(request)``; what it prefetches comes
    on top.
    """
    known = adapters()
    if scope is None:
        scope = scope_of(request)
    wanted: dict[str, dict[str, Any]] = {}
    for item_id in item_ids:
        adapter = known.get(item_id.partition(":")[0])
        if adapter is None:
            metrics.count("hydrate.no_model")
            continue
        try:
            wanted.setdefault(adapter.label, {})[item_id] = adapter.pk_of(item_id)
        except ConfigError:
            metrics.count("hydrate.no_key")
    found: dict[str, Any] = {}
    for label, keys in wanted.items():
        found.update(_of_one_model(known[label], keys, request, scope))
    metrics.count("hydrate.dropped", len(item_ids) - len(found))
    return found


def _of_one_model(adapter: Items, keys: dict[str, Any], request: HttpRequest | None, scope: Scope) -> dict[str, Any]:
    queryset = adapter.result_queryset(request)
    in_tests = is_inline(get_settings())
    if in_tests or outages.asks(queryset.db):
        try:
            # A queryset of the shop may be ordered, sliced by distinct() or joined; the order is the slate's.
            rows = list(queryset.filter(pk__in=list(keys.values())).order_by())
            adapter.prepare(rows, request)
            by_key = {obj.pk: obj for obj in rows if adapter.visible(obj, request) and scope.holds(adapter, obj)}
        except AWAY as error:
            if in_tests:
                raise
            outages.failed(queryset.db, error)
        else:
            outages.answered(queryset.db)
            found = {item_id: by_key[pk] for item_id, pk in keys.items() if pk in by_key}
            if adapter.shows_all_the_same and not in_tests:
                kept.keep(found)
            return found
    shown = {item_id: kept.get(item_id) for item_id in keys}
    return {
        item_id: _spoken(obj)
        for item_id, obj in shown.items()
        if obj is not None and adapter.visible(obj, request) and scope.holds(adapter, obj)
    }


def _spoken(obj: Any) -> Any:
    """Let an object that was fetched for another page speak this one's language, as django-parler keeps it."""
    if hasattr(obj, "set_current_language"):
        obj.set_current_language(get_language() or settings.LANGUAGE_CODE)
    return obj
