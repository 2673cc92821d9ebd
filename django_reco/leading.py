"""A command that indexes by itself: it holds both leases meanwhile, so that nobody else does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django_reco.keeper import StoreKeeper
from reco_sdk.errors import AlreadyRunning
from reco_sdk.leasing import INDEXER, WORKER, LeaseHolder, holder_name

if TYPE_CHECKING:
    from reco_sdk.blocking import BlockingRecommender

__all__ = ["leading"]

LOOK_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 5.0


@contextmanager
def leading(facade: BlockingRecommender, role: str) -> Iterator[StoreKeeper]:
    """Hold the leases while the block runs, and yield the store to write to.

    Processes that serve pages give way within a second or so; a worker does not.

    Raises
    ------
    AlreadyRunning
        When a worker lives, or whoever indexes does not give way.
    """
    store, ttl = facade.core.store, facade.core.config.lease_seconds
    name = holder_name(role)
    holders = [LeaseHolder(store, lease, name, ttl) for lease in (WORKER, INDEXER)]
    jobs = []
    try:
        for holder in holders:
            # What was killed holds it until it runs out; what lives prolongs it again and again.
            until = time.monotonic() + (0.0 if holder.name == WORKER else ttl + PATIENCE_SECONDS)
            while facade.run(holder.turn()) is None:
                if time.monotonic() >= until:
                    raise AlreadyRunning(f"{holder.other} indexes this shop already; stop it first, or leave it to it")
                time.sleep(LOOK_SECONDS)
            jobs.append(facade.spawn(holder.run()))
        yield StoreKeeper(facade.run, store, holders[1])
    finally:
        for job in jobs:
            job.cancel()
        for holder in reversed(holders):
            facade.run(holder.release())
