"""The indexer: marks become items, orders become purchases, the sweep catches the rest.

Each process that serves pages runs one in a daemon thread (:class:`Poller`), started by the first request and never by
import; commands call its parts directly. Several processes may do the same work at once: it is idempotent.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final

from django.db import connections, router

from django_reco import dirty, metrics
from django_reco.conf import get_settings
from django_reco.models import DirtyMark
from django_reco.orders import OrdersReport, orders
from django_reco.registry import adapters
from django_reco.sweep import SweepReport, bring_up_to_date, pulse, sweep

if TYPE_CHECKING:
    from django_reco.backend import Backend

__all__ = ["Gate", "Poller", "aliases", "process_dirty", "read_orders"]

logger = logging.getLogger("django_reco")

BATCH: Final = 500
ERROR_SECONDS: Final = 5.0
FORK_WAIT_SECONDS: Final = 5.0
SWEPT_AT: Final = "django.swept_at"


def aliases() -> list[str]:
    """Return the databases that hold marks: those to which the item models are written."""
    found = {router.db_for_write(adapter.model) for adapter in adapters().values()}
    return sorted(alias for alias in found if router.allow_migrate_model(alias, DirtyMark))


def process_dirty(backend: Backend) -> SweepReport:
    """Bring every marked item up to date; a mark goes only after its item was read again."""
    total = SweepReport()
    for alias in aliases():
        while marks := dirty.take(alias, BATCH):
            done = bring_up_to_date(backend, list(dict.fromkeys(item_id for _, item_id in marks)))
            dirty.discard([number for number, _ in marks], alias)
            total.items += done.items
            total.new += done.new
            total.changed += done.changed
            total.deleted += done.deleted
            total.refused += done.refused
            if len(marks) < BATCH:
                break
    for error in total.refused:
        logger.warning("reco: %s", error)
    return total


def read_orders(
    backend: Backend, *, recount: bool = True, rebuild: bool = False, progress: Callable[[int], None] | None = None
) -> OrdersReport:
    """Read the shop's order lines that are new to the store.

    Parameters
    ----------
    backend
        The recommender.
    recount
        Whether to look for lines that came to count behind the cursor.
    rebuild
        Whether to read every line again.
    progress
        Called with the number of lines of each chunk.
    """
    total = OrdersReport()
    for source in orders():
        before = None if rebuild else backend.get_state(source.state_name)
        report, after = source.read(before, backend.import_interactions, recount=recount, progress=progress)
        if after != before:
            backend.put_state(source.state_name, after)
        total.read += report.read
        total.new += report.new
        total.refused += report.refused
        total.without_item += report.without_item
    if total.new:
        metrics.count("order.new", total.new)
    return total


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

    def breathe(self, *_: object) -> None:
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


class Poller:
    """The thread that keeps one process in step with the shop's database.

    Parameters
    ----------
    backend
        The process's recommender.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name="reco-indexer", daemon=True)
        self._pulse: str | None = None
        self._last_error = ""
        self._orders_at = 0.0
        self._sweep_at = 0.0

    def start(self) -> None:
        """Begin."""
        _gate.arm()
        self.thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End, waiting for what was begun."""
        self.stopping.set()
        if self.thread is not threading.current_thread():
            self.thread.join(timeout)

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                with _gate:
                    try:
                        self.turn()
                    finally:
                        # A connection kept between turns would go stale, and would keep a test database from being dropped.
                        connections.close_all()
            except Exception as error:
                metrics.count("indexer.error")
                if str(error) != self._last_error:
                    logger.exception("reco: the indexer failed; it tries again every %.0f s", ERROR_SECONDS)
                self._last_error = str(error)
                self.stopping.wait(ERROR_SECONDS)
            else:
                self._last_error = ""
            self.stopping.wait(get_settings().poll_seconds)

    def turn(self) -> None:
        """Do once what is due: marks always; orders, and everything, at their intervals."""
        config = get_settings()
        self.backend.write_aliases()
        self.backend.write_impressions()
        process_dirty(self.backend)
        now = time.monotonic()
        if now >= self._orders_at:
            self._orders_at = now + config.orders_seconds
            if read_orders(self.backend, recount=now >= self._sweep_at, progress=self._breathe).new:
                self.backend.refresh()
            before, self._pulse = self._pulse, pulse()
            if before is not None and before != self._pulse:
                self._sweep(hurry=True)
        if now >= self._sweep_at:
            self._sweep()

    def _breathe(self, _done: int) -> None:
        if threading.current_thread() is self.thread:
            _gate.breathe()

    def _sweep(self, *, hurry: bool = False) -> None:
        config = get_settings()
        # Not all processes at once: the interval is spread, and what another swept lately is left alone.
        self._sweep_at = time.monotonic() + config.sweep_seconds * random.uniform(0.9, 1.1)  # noqa: S311  no secret
        if not hurry and time.time() - float(self.backend.get_state(SWEPT_AT) or 0.0) < config.sweep_seconds / 2:
            return
        report = sweep(self.backend, progress=self._breathe)
        self.backend.put_state(SWEPT_AT, f"{time.time():.3f}")
        metrics.count("sweep.done")
        if report.new or report.changed or report.deleted:
            metrics.count("sweep.found", report.new + report.changed + report.deleted)
            logger.info("reco: sweep found %d new, %d changed, %d gone", report.new, report.changed, report.deleted)
        for error in report.refused[:20]:
            logger.warning("reco: %s", error)
