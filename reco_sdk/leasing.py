"""Leases as a process keeps them: wanted, prolonged, given back, and not trusted longer than they last."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final

from reco_sdk.errors import RecoError
from reco_sdk.ports import Lease, LeaseStore

__all__ = ["INDEXER", "WORKER", "LeaseHolder", "holder_name"]

logger = logging.getLogger(__name__)

WORKER: Final = "worker"
"""Held by the worker process that leads: it embeds and prunes, and web processes leave the indexing to it."""
INDEXER: Final = "indexer"
"""Held by the one process that brings the store in line with the shop."""

RELEASE_SECONDS: Final = 2.0


def holder_name(role: str) -> str:
    """Return a name that no other process has, and that tells people where to look."""
    return f"{role}:{platform.node()}:{os.getpid()}:{secrets.token_hex(4)}"


class LeaseHolder:
    """Takes one lease whenever it is free, and keeps it.

    Parameters
    ----------
    store
        Where leases are.
    name
        Of the lease.
    holder
        Of this process; see :func:`holder_name`.
    ttl_seconds
        How long it lasts without being prolonged.
    wanted
        Asked before it is taken or prolonged; where it says no the lease is given back.
    """

    def __init__(
        self,
        store: LeaseStore,
        name: str,
        holder: str,
        ttl_seconds: float,
        *,
        wanted: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self.name = name
        self.holder = holder
        self.error: str | None = None
        self.other: str | None = None
        self._store = store
        self._ttl = ttl_seconds
        self._wanted = wanted
        self._lease: Lease | None = None
        self._until = 0.0

    @property
    def lease(self) -> Lease | None:
        """The lease while it is held; ``None`` once this process was away for longer than it lasts."""
        # A monotonic clock: a wall clock that is put forward or back changes nothing here.
        return self._lease if time.monotonic() < self._until else None

    def lost(self) -> None:
        """Take note that a write was refused: somebody else has it."""
        self._lease = None

    async def turn(self) -> Lease | None:
        """Take, prolong or give back once, as is due; return the lease while it is held.

        Raises
        ------
        StoreError
            When the store cannot be asked.
        """
        if self._wanted is not None and not await self._wanted():
            await self.release()
            return None
        if self.lease is None:
            # Looking is cheaper than trying: most processes of a shop find it held, for ever.
            found = await self._store.get_lease(self.name)
            self.other = None if found is None else found.holder
            if found is not None and found.holder != self.holder:
                return None
        asked = time.monotonic()
        held = await self._store.acquire_lease(self.name, self.holder, self._ttl)
        if held is not None:
            self._until = asked + self._ttl
            if self._lease is None or self._lease.epoch != held.epoch:
                logger.info("holds the lease %r (epoch %d)", self.name, held.epoch)
        elif self._lease is not None:
            logger.info("lost the lease %r", self.name)
        self._lease = held
        return held

    async def run(self) -> None:
        """Take turns for ever; what the store cannot do now is tried again."""
        while True:
            try:
                await self.turn()
            except RecoError as error:
                if self.error is None:
                    logger.warning("the lease %r cannot be kept: %s", self.name, error)
                self.error = str(error)
            else:
                self.error = None
            await asyncio.sleep(self.pause)

    @property
    def pause(self) -> float:
        """Seconds until the next turn: often enough that two missed ones lose nothing."""
        return min(self._ttl / 5, 1.0)

    async def release(self) -> None:
        """Give the lease back, so that nobody waits for its end; where the store cannot be reached it runs out."""
        lease, self._lease = self._lease, None
        if lease is not None:
            with contextlib.suppress(RecoError, TimeoutError):
                await asyncio.wait_for(self._store.release_lease(lease), RELEASE_SECONDS)
