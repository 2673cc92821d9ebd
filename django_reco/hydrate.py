"""Item ids → the shop's own objects: one query, in order, visibility checked again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django_reco import metrics
from django_reco.registry import adapters
from reco_sdk.errors import ConfigError

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["hydrate"]

logger = logging.getLogger("django_reco")


def hydrate(item_ids: Sequence[str], request: HttpRequest | None) -> dict[str, Any]:
    """Return the objects that may be shown, by item id; what is gone or hidden is left out.

    One query for each model in the slate (nearly always one), through its ``result_queryset(request)``.
    """
    known = adapters()
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
        adapter = known[label]
        # A queryset of the shop may be ordered, sliced by distinct() or joined; the order is the slate's.
        rows = adapter.result_queryset(request).filter(pk__in=list(keys.values())).order_by()
        by_key = {obj.pk: obj for obj in rows if adapter.visible(obj, request)}
        found.update({item_id: by_key[pk] for item_id, pk in keys.items() if pk in by_key})
    metrics.count("hydrate.dropped", len(item_ids) - len(found))
    return found
