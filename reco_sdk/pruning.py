"""Pruning: what is older than the settings keep goes, and snapshots that would miss a deletion are told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from reco_sdk.building import PRUNED_BEFORE
from reco_sdk.config import Config
from reco_sdk.ports import Store

__all__ = ["prune_old"]

TOMBSTONE_MARGIN: Final = timedelta(days=1)
"""Clocks of hosts differ, and a build takes a while: snapshots must be younger by this than what is forgotten."""


async def prune_old(store: Store, config: Config, now: datetime) -> int:
    """Delete what is older than ``config`` keeps; return how many rows."""
    gone = 0
    if config.keep_interactions_days:
        gone += await store.prune_interactions(now - timedelta(days=config.keep_interactions_days))
    if config.keep_impressions_days:
        gone += await store.prune_impressions(now - timedelta(days=config.keep_impressions_days))
    if config.keep_deleted_days:
        before = now - timedelta(days=config.keep_deleted_days)
        # Said first: a snapshot that would not hear of what is forgotten now must not be served any more.
        limit = (before + TOMBSTONE_MARGIN).timestamp()
        if limit > float(await store.get_state(PRUNED_BEFORE) or 0.0):
            await store.put_state(PRUNED_BEFORE, f"{limit:.0f}")
        gone += await store.prune_deleted(before)
    return gone
