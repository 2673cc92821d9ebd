"""The indexer: marks become items, orders become purchases, the sweep catches the rest.

One process of all that share a store does it at a time, the one that holds the lease: a worker where there is one, else a
process that serves pages. Whatever it writes is read anew from the shop's tables, so that the order, the number and the
loss of marks do not matter.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from django.db import router

from django_reco import dirty, metrics
from django_reco.conf import get_settings
from django_reco.models import DirtyMark
from django_reco.orders import OrdersReport, orders, refunds
from django_reco.registry import adapters
from django_reco.sweep import Keeper, SweepReport, bring_up_to_date, pulse, sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reco_sdk.interactions.interaction import Interaction

__all__ = ["SWEPT_AT", "Indexer", "ShopKeeper", "aliases", "process_dirty", "read_orders"]

logger = logging.getLogger("django_reco")

BATCH: Final = 500
SWEPT_AT: Final = "django.swept_at"


class ShopKeeper(Keeper, Protocol):
    """What the indexer needs of a store."""

    def import_interactions(self, interactions: Sequence[Interaction]) -> int:
        """Store history, return how many were new."""
        ...

    def get_state(self, name: str) -> str | None:
        """Return a small named value."""
        ...

    def put_state(self, name: str, value: str | None) -> None:
        """Keep a small named value."""
        ...


def aliases() -> list[str]:
    """Return the databases that hold marks: those to which the item models are written."""
    found = {router.db_for_write(adapter.model) for adapter in adapters().values()}
    return sorted(alias for alias in found if router.allow_migrate_model(alias, DirtyMark))


def process_dirty(keeper: Keeper) -> SweepReport:
    """Bring every marked item up to date; a mark goes only after its item was read again and written."""
    total = SweepReport()
    for alias in aliases():
        while marks := dirty.take(alias, BATCH):
            done = bring_up_to_date(keeper, list(dict.fromkeys(item_id for _, item_id in marks)))
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
    keeper: ShopKeeper, *, recount: bool = True, rebuild: bool = False, progress: Callable[[int], None] | None = None
) -> OrdersReport:
    """Read the shop's order lines that are new to the store.

    Parameters
    ----------
    keeper
        The store.
    recount
        Whether to look for lines that came to count behind the cursor.
    rebuild
        Whether to read every line again.
    progress
        Called with the number of lines of each chunk.
    """
    total = OrdersReport()
    for source in (*orders(), *refunds()):
        before = None if rebuild else keeper.get_state(source.state_name)
        report, after = source.read(before, keeper.import_interactions, recount=recount, progress=progress)
        if after != before:
            keeper.put_state(source.state_name, after)
        total.read += report.read
        total.new += report.new
        total.refused += report.refused
        total.without_item += report.without_item
    if total.new:
        metrics.count("order.new", total.new)
    return total


class Indexer:
    """Does what is due: marks always; orders, and everything, at their intervals.

    Parameters
    ----------
    keeper
        The store.
    breathe
        Called between two chunks of longer work; may raise to end it, since all of it is begun anew from where it is due.
    """

    def __init__(self, keeper: ShopKeeper, breathe: Callable[[], None] = lambda: None) -> None:
        self.keeper = keeper
        self.doing = ""
        self._breathe = breathe
        self._pulse: str | None = None
        self._orders_at = 0.0
        self._sweep_at = 0.0
        self._marks_at = 0.0

    def turn(self) -> int:
        """Do once what is due; return how many items the store did not have so before."""
        found = self._marks()
        now = time.monotonic()
        if now >= self._orders_at:
            config = get_settings()
            self._orders_at = now + config.orders_seconds
            with self._at("orders"):
                read_orders(self.keeper, recount=now >= self._sweep_at, progress=self._between)
            before, self._pulse = self._pulse, pulse()
            if before is not None and before != self._pulse:
                found += self._sweep(hurry=True)
        if now >= self._sweep_at:
            found += self._sweep()
        return found

    def everything(self, *, rebuild: bool = False) -> tuple[SweepReport, OrdersReport]:
        """Do all of it at once, whether it is due or not."""
        self._marks()
        report = self._swept()
        with self._at("orders"):
            return report, read_orders(self.keeper, rebuild=rebuild, progress=self._between)

    def _marks(self) -> int:
        done = process_dirty(self.keeper)
        self._marks_at = time.monotonic()
        return done.new + done.changed + done.deleted

    def _between(self, _done: int = 0) -> None:
        """Between two chunks of longer work, what was saved just now goes first."""
        self._breathe()
        if time.monotonic() - self._marks_at >= get_settings().poll_seconds:
            self._marks()

    def _sweep(self, *, hurry: bool = False) -> int:
        config = get_settings()
        # Not all shops at once: the interval is spread, and what another swept lately is left alone.
        self._sweep_at = time.monotonic() + config.sweep_seconds * random.uniform(0.9, 1.1)  # noqa: S311  no secret
        age = time.time() - float(self.keeper.get_state(SWEPT_AT) or 0.0)
        if not hurry and 0.0 <= age < config.sweep_seconds / 2:  # below 0 the clock was put back
            return 0
        try:
            report = self._swept()
        except BaseException:
            self._sweep_at = 0.0
            raise
        if found := report.new + report.changed + report.deleted:
            metrics.count("sweep.found", found)
            logger.info("reco: sweep found %d new, %d changed, %d gone", report.new, report.changed, report.deleted)
        for error in report.refused[:20]:
            logger.warning("reco: %s", error)
        return found

    def _swept(self) -> SweepReport:
        started = time.time()
        with self._at("sweep"):
            report = sweep(self.keeper, progress=self._between)
        self.keeper.put_state(SWEPT_AT, f"{started:.3f}")
        metrics.count("sweep.done")
        return report

    @contextmanager
    def _at(self, work: str) -> Iterator[None]:
        """Say what is being done, for a status line."""
        self.doing = work
        try:
            yield
        finally:
            self.doing = ""
