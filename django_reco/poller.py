"""The thread of a process that serves pages: writes what waits, and indexes the shop where no worker does."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from django.db import connections

from django_reco import metrics
from django_reco.conf import get_settings
from django_reco.indexer import Indexer
from django_reco.keeper import StoreKeeper
from django_reco.outage import AWAY, first_line
from reco_sdk.building import embed_next
from reco_sdk.embedding.backlog import EmbeddingBacklog
from reco_sdk.errors import LeaseLost, RecoError, StoreUnavailable
from reco_sdk.leasing import INDEXER, WORKER, LeaseHolder, holder_name
from reco_sdk.pruning import prune_old
from reco_sdk.threads import BackgroundThread

if TYPE_CHECKING:
    from django_reco.backend import Backend

__all__ = ["Gate", "Poller"]

logger = logging.getLogger("django_reco")

ERROR_SECONDS: Final = 1.0
FORK_WAIT_SECONDS: Final = 5.0
CONNECTION_SECONDS: Final = 300.0
PRUNE_SECONDS: Final = 86_400.0
PRUNED_AT: Final = "pruned_at"
AT_ONCE: Final = 50
"""So few changes are taken over here without waiting for the next look at the store."""


class Gate:
    """Keeps a fork out while the indexer is inside the database.

    SQLite's library locks, and some drivers', do not live through a fork: held by a thread that the child does not have,
    they would never be released there. So a fork waits until the indexer is between two chunks, at most five seconds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held = False
        self._asked = False
        self._armed = False

    def arm(self) -> None:
        """Set the hooks, once, and after the store has set its own.

        The last set goes first: the other way about, the store would keep the indexer waiting that the fork waits for.
        """
        if not self._armed:
            self._armed = True
            os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._in_child)

    def __enter__(self) -> None:
        self._yield()
        self._lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.release()

    def breathe(self) -> None:
        """Let a fork that waits go first."""
        if self._asked:
            self._lock.release()
            self._yield()
            self._lock.acquire()

    def _yield(self) -> None:
        while self._asked:
            time.sleep(0.001)

    def _before(self) -> None:
        self._asked = True
        self._held = self._lock.acquire(timeout=FORK_WAIT_SECONDS)

    def _after(self) -> None:
        self._asked = False
        if self._held:
            self._held = False
            self._lock.release()

    def _in_child(self) -> None:
        self._held = self._asked = False
        self._lock = threading.Lock()


_gate = Gate()


class _Stopping(Exception):
    """Longer work is ended between two chunks."""


class Poller:
    """The thread that writes what a process recorded, and that indexes while it holds the lease.

    Where a worker lives the lease is left to it, and nothing is read from the shop's tables here.

    Parameters
    ----------
    backend
        The process's recommender.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.stopping = threading.Event()
        self.thread = BackgroundThread(self._run, "reco-indexer")
        core = backend.facade.core
        self.holder = LeaseHolder(
            core.store, INDEXER, holder_name("web"), core.config.lease_seconds, wanted=self._no_worker_lives
        )
        self.indexer = Indexer(StoreKeeper(backend.facade.run, core.store, self.holder), self._breathe)
        self._jobs: list[Future[None]] = []
        self._told: set[str] = set()
        self._connected_at = 0.0

    def start(self) -> None:
        """Begin."""
        _gate.arm()
        self._jobs = [self.backend.facade.spawn(work()) for work in (self.holder.run, self._embed, self._prune)]
        self.thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End, waiting for what was begun, and give the lease back."""
        self.stopping.set()
        for job in self._jobs:
            job.cancel()
        if not self.thread.is_current:
            self.thread.join(timeout)
        try:
            self.backend.facade.run(self.holder.release())
        except Exception:
            logger.warning("reco: the lease could not be given back; it runs out by itself", exc_info=True)

    def turn(self) -> int:
        """Write what waits; index if it is this process's turn. Return how many items changed."""
        self.backend.write_aliases()
        if self.holder.lease is None:
            return 0
        changed = self.indexer.turn()
        if 0 < changed <= AT_ONCE:
            self.backend.refresh()
        return changed

    def _run(self) -> None:
        while not self.stopping.is_set():
            with _gate:
                went_well = self._guarded_turn()
                self._let_go(force=not went_well)
            if went_well:
                self._wait(get_settings().poll_seconds)
            else:
                self.stopping.wait(ERROR_SECONDS)
        connections.close_all()

    def _guarded_turn(self) -> bool:
        """Take a turn; what goes wrong is logged: an outage once, anything else once as long as it stays the same."""
        try:
            self.turn()
        except LeaseLost as error:
            logger.info("reco: %s", error)
        except _Stopping:
            pass
        except (RecoError, *AWAY) as error:
            metrics.count("indexer.error")
            if not self._told:
                text = "reco: the indexer waits; it tries again every %.0f s: %s"
                logger.warning(text, ERROR_SECONDS, first_line(error))
            self._told.add(str(error))
            return False
        except Exception as error:
            metrics.count("indexer.error")
            if str(error) not in self._told:
                logger.exception("reco: the indexer failed; it tries again every %.0f s", ERROR_SECONDS)
            self._told.add(str(error))
            return False
        self._told.clear()
        return True

    def _let_go(self, *, force: bool) -> None:
        """Close connections that would not live through a fork, stand idle, broke, or grow old."""
        now = time.monotonic()
        sqlite = any(connection.vendor == "sqlite" for connection in connections.all(initialized_only=True))
        if force or sqlite or self.holder.lease is None or now - self._connected_at > CONNECTION_SECONDS:
            connections.close_all()
            self._connected_at = now

    def _wait(self, seconds: float) -> None:
        """Wait until something may have changed, at most for a while."""
        try:
            self.backend.facade.run(self.backend.facade.core.store.wait_for_change(seconds, waiter="indexer"))
        except Exception:  # noqa: BLE001  whatever keeps it from waiting there
            self.stopping.wait(seconds)

    def _breathe(self) -> None:
        if self.thread.is_current:
            if self.stopping.is_set():
                raise _Stopping
            _gate.breathe()

    # -- on the recommender's loop

    async def _no_worker_lives(self) -> bool:
        return await self.backend.facade.core.store.get_lease(WORKER) is None

    async def _embed(self) -> None:
        """While it holds the lease: vectors for what has none, with a model that this process may load."""
        core = self.backend.facade.core
        if core.embedder is None:
            return
        backlog = EmbeddingBacklog(core.store, core.embedder, core.recipe)
        told = ""
        while True:
            try:
                while self.holder.lease is not None and await embed_next(core.store, backlog):
                    pass
            except StoreUnavailable:
                await asyncio.sleep(ERROR_SECONDS)  # who follows the store says so
            except RecoError as error:
                if str(error) != told:
                    logger.warning("reco: items are found by category and popularity only: %s", error)
                told = str(error)
                await asyncio.sleep(ERROR_SECONDS)
            else:
                told = ""
            await core.store.wait_for_change(core.config.poll_interval_seconds, waiter="embed")

    async def _prune(self) -> None:
        """While it holds the lease: once a day, what is older than the settings keep."""
        core: Any = self.backend.facade.core
        while True:
            await asyncio.sleep(60.0)
            try:
                age = time.time() - float(await core.store.get_state(PRUNED_AT) or 0.0)
                if self.holder.lease is not None and not 0.0 <= age < PRUNE_SECONDS:
                    await core.store.put_state(PRUNED_AT, f"{time.time():.0f}", lease=self.holder.lease)
                    await prune_old(core.store, core.config, core.clock.now())
            except StoreUnavailable:
                pass  # who follows the store says so
            except RecoError as error:
                logger.warning("reco: old rows could not be deleted; it is tried again: %s", error)
