"""The shop's worker: the core's, which embeds, builds and prunes, and beside it the indexer of this shop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import connections

from django_reco import dirty, metrics
from django_reco.indexer import Indexer, aliases
from django_reco.keeper import StoreKeeper
from django_reco.outage import AWAY, first_line
from django_reco.sweep import sweep
from reco_sdk.blocking import LoopThread
from reco_sdk.errors import LeaseLost, RecoError
from reco_sdk.leasing import INDEXER, LeaseHolder, holder_name
from reco_sdk.wiring import make_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from django_reco.orders import OrdersReport
    from django_reco.sweep import SweepReport
    from reco_sdk.config import Config
    from reco_sdk.server.health import Health, Metric
    from reco_sdk.worker import Progress

__all__ = ["ShopWorker"]

logger = logging.getLogger("django_reco")

T = TypeVar("T")

ERROR_SECONDS: Final = 1.0
CONNECTION_SECONDS: Final = 300.0
DRAIN_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 2.0


class _Stopping(Exception):
    """Longer work is ended between two chunks."""


class ShopWorker:
    """Works until it is told to stop, in the thread that calls :meth:`run`; the rest runs on a loop of its own.

    Parameters
    ----------
    config
        Settings of the recommender.
    show
        Called now and then, and between the chunks of longer work, to draw a status line.
    """

    def __init__(self, config: Config, show: Callable[[ShopWorker], None] = lambda _: None) -> None:
        self.config = config
        self.worker = make_worker(config)
        self.marks = 0
        self.done = self.worker.status
        self.stopping = threading.Event()
        self._show = show
        self._loop = LoopThread()
        self.holder = LeaseHolder(self.worker.store, INDEXER, holder_name("worker"), config.lease_seconds, wanted=self._leads)
        self.indexer = Indexer(StoreKeeper(self._run, self.worker.store, self.holder), self._breathe)
        self._connected_at = time.monotonic()
        self._marks_at = 0.0
        self._told: set[str] = set()

    async def _leads(self) -> bool:
        return self.worker.leads

    # -- until it is stopped

    def run(self, health: str | None = None) -> None:
        """Index, embed, build and prune until :meth:`stop`; then end in good order.

        Parameters
        ----------
        health
            Where to serve ``/healthz`` and ``/metrics``.
        """
        stop = asyncio.Event()
        jobs: list[Future[Any]] = []
        closing = contextlib.ExitStack()
        with closing:
            closing.callback(self._loop.stop)
            if health is not None:
                self._serve_health(health, closing)
            done = self._spawn(self.worker.run(stop))
            try:
                self._until_open(done)
                jobs.append(self._spawn(self.holder.run()))
                while not self.stopping.is_set():
                    self._turn()
                    self._show(self)
                    self._wait()
            finally:
                connections.close_all()
                for job in jobs:
                    job.cancel()
                self._loop.run(self.holder.release())
                self._loop.loop.call_soon_threadsafe(stop.set)
                with contextlib.suppress(TimeoutError):
                    done.result(DRAIN_SECONDS)

    def stop(self) -> None:
        """End soon; what is being written is written."""
        self.stopping.set()

    def _until_open(self, done: Future[Any]) -> None:
        while not (self.worker.status.open or self.stopping.is_set()):
            if done.done():
                done.result()
            self._show(self)
            self.stopping.wait(0.1)

    def _turn(self) -> None:
        """Index if it is this worker's turn; what goes wrong is logged, once as long as it stays the same."""
        if self.holder.lease is None:
            return
        try:
            self.indexer.turn()
            self._look_at_marks()
        except LeaseLost as error:
            logger.info("reco: %s", error)
        except _Stopping:
            pass
        except Exception as error:
            metrics.count("indexer.error")
            self.worker.troubles.note("indexing", error)
            if str(error) not in self._told:
                if isinstance(error, (RecoError, *AWAY)):
                    text = "reco: the indexer failed; it tries again every %.0f s: %s"
                    logger.warning(text, ERROR_SECONDS, first_line(error))
                else:
                    logger.exception("reco: the indexer failed; it tries again every %.0f s", ERROR_SECONDS)
            self._told.add(str(error))
            connections.close_all()
            self.stopping.wait(ERROR_SECONDS)
            return
        self._told.clear()
        self.worker.troubles.mended("indexing")
        if time.monotonic() - self._connected_at > CONNECTION_SECONDS:
            connections.close_all()
            self._connected_at = time.monotonic()

    def _look_at_marks(self) -> None:
        if time.monotonic() - self._marks_at > 1.0:
            self._marks_at = time.monotonic()
            self.marks = sum(dirty.pending(alias) for alias in aliases())

    def _breathe(self) -> None:
        if self.stopping.is_set():
            raise _Stopping
        self._show(self)

    def _wait(self) -> None:
        """Wait until something may have changed, at most until the next look."""
        seconds = self.config.poll_interval_seconds
        try:
            self._loop.run(self.worker.store.wait_for_change(seconds, waiter="indexer"))
        except Exception:  # noqa: BLE001  whatever keeps it from waiting there
            self.stopping.wait(seconds)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it; once this worker is to stop, not for a store that is silent."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop.loop)
        while not wait([future], PATIENCE_SECONDS).done:
            if self.stopping.is_set():
                future.cancel()
                raise _Stopping
        return future.result()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop.loop)

    # -- health

    def _serve_health(self, address: str, closing: contextlib.ExitStack) -> None:
        from reco_sdk.server.health import serve_health  # noqa: PLC0415  aiohttp is optional

        serving = serve_health(address, self.health)
        base = self._loop.run(serving.__aenter__())
        closing.callback(lambda: self._loop.run(serving.__aexit__(None, None, None)))
        logger.info("reco: health at %s/healthz, figures at %s/metrics", base, base)

    def health(self) -> Health:
        """Return how it is, from memory."""
        from reco_sdk.server.health import Metric, worker_health  # noqa: PLC0415  aiohttp is optional

        found: list[Metric] = [
            Metric(
                "worker_indexes", "Whether this worker brings the store in line with the shop.", self.holder.lease is not None
            ),
            Metric("marks_pending", "Items that are marked as changed and not read again yet.", self.marks),
        ]
        found += [
            Metric("events_total", "What happened in this process, by name.", count, (("name", name),))
            for name, count in metrics.counts().items()
        ]
        return worker_health(self.worker, found)

    # -- once, or only looking

    def would(self) -> tuple[SweepReport, int, int, str | None]:
        """Return what there is to do, and do nothing: the sweep's report, marks, versions to embed, why to build."""
        worker = self.worker
        try:
            self._loop.run(worker.start())
            report = sweep(self.indexer.keeper, dry_run=True)
            marks = sum(dirty.pending(alias) for alias in aliases())
            return report, marks, self._loop.run(worker.not_embedded()), self._loop.run(worker.why_due())
        finally:
            self._loop.run(worker.aclose())
            self._loop.stop()
            connections.close_all()

    def once(self, *, progress: Progress | None = None) -> tuple[SweepReport, OrdersReport]:
        """Do everything once; return what the sweep and the orders found.

        Raises
        ------
        AlreadyRunning
            When another worker leads.
        RecoError
            What goes wrong; what was done until then stays.
        """
        worker = self.worker
        try:
            self._loop.run(worker.start())
            self._loop.run(worker.lead())
            keeping = [self._spawn(worker.lease.run()), self._spawn(self.holder.run())]
            try:
                while self.holder.lease is None:  # whoever serves pages gives way
                    time.sleep(0.05)
                found = self.indexer.everything()
            finally:
                for job in keeping:
                    job.cancel()
            self._loop.run(worker.once(progress=progress))
            self.done = worker.status
        finally:
            self._loop.run(self.holder.release())
            self._loop.run(worker.aclose())
            self._loop.stop()
            connections.close_all()
        return found
