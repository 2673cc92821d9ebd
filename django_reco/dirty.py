"""Dirty marks: "this item may have changed", written in the shop's own transaction.

A mark is only a hint. It goes in under a savepoint on the connection that the shop's write uses, so that it is there
exactly if the write is, and so that our failure never breaks theirs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Final

from django.db import connections, transaction

from django_reco import metrics
from django_reco.conf import get_settings
from django_reco.models import DirtyMark

__all__ = ["discard", "mark", "pending", "take"]

logger = logging.getLogger("django_reco")

CHANNEL: Final = "reco_change"
"""That of the store: who indexes listens there."""


def mark(item_ids: Iterable[str], using: str) -> None:
    """Insert one mark for each item. Never raises: what fails is logged, counted, and found by the sweep."""
    ids = list(dict.fromkeys(item_ids))
    if not ids:
        return
    now = time.time_ns() // 1_000
    try:
        connection = connections[using]
        if connection.in_atomic_block and connection.needs_rollback:
            # The shop's transaction is lost already, and every query in it would raise.
            return
        with transaction.atomic(using=using, savepoint=True):
            DirtyMark.objects.using(using).bulk_create([DirtyMark(item_id=item_id, marked_at=now) for item_id in ids])
            if connection.vendor == "postgresql" and get_settings().mode == "listen":
                # Delivered with the commit, and lost with a rollback, as the mark is.
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_notify(%s, 'mark')", [CHANNEL])
    except Exception:
        metrics.count("dirty.error")
        logger.warning("reco: could not mark %s as changed; the sweep will find it", ids[:3], exc_info=True)
    else:
        metrics.count("dirty.marked", len(ids))


def take(using: str, limit: int = 500) -> list[tuple[int, str]]:
    """Return the oldest marks as (mark, item id), leaving them in place until :func:`discard`."""
    return list(DirtyMark.objects.using(using).order_by("id").values_list("id", "item_id")[:limit])


def discard(marks: Iterable[int], using: str) -> None:
    """Delete marks whose items were brought up to date. A mark set meanwhile has another number and stays."""
    DirtyMark.objects.using(using).filter(id__in=list(marks)).delete()


def pending(using: str) -> int:
    """Return how many marks wait."""
    return DirtyMark.objects.using(using).count()
