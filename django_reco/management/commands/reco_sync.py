"""``manage.py reco_sync``: the shop's rows into the store, orders read, texts embedded, a snapshot built and published."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from django_reco import dirty
from django_reco.backend import Backend
from django_reco.conf import get_settings
from django_reco.indexer import SWEPT_AT, aliases, read_orders
from django_reco.keeper import StoreKeeper
from django_reco.leading import leading
from django_reco.orders import OrdersReport, orders
from django_reco.places import engine_config
from django_reco.progress import Progress
from django_reco.registry import adapters
from django_reco.sweep import SweepReport, sweep
from reco_sdk.errors import AlreadyRunning, ConfigError, RecoError

if TYPE_CHECKING:
    from argparse import ArgumentParser

__all__ = ["Command"]


class Command(BaseCommand):
    """Bring the recommender in line with the shop, and build what it answers from."""

    help = "Reads items and orders of the shop, embeds what is new, builds a snapshot and publishes it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument("--rebuild", action="store_true", help="read all orders again and build a snapshot, whatever is new")
        parser.add_argument("--no-progress", action="store_true", help="no progress bar")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run it."""
        started = time.monotonic()
        try:
            config = get_settings()
            total = sum(adapter.index_queryset().count() for adapter in adapters().values())
        except ConfigError as error:
            raise CommandError(str(error)) from error
        backend = Backend(engine_config(config, embeds=True, command=True), embed=False)
        shown = sys.stderr if not options["no_progress"] and options["verbosity"] else None
        try:
            backend.start()
            if options["dry_run"]:
                with Progress("items", total, shown) as bar:
                    self._items(sweep(backend, dry_run=True, progress=bar), dry_run=True)
                lines = sum(source.count() for source in orders())
                self.stdout.write(f"orders   {lines:,} lines count; nothing was written")
                return
            try:
                with leading(backend.facade, "sync") as keeper:
                    self._index(keeper, total, rebuild=options["rebuild"], shown=shown)
            except AlreadyRunning as error:
                # Whoever does it does it all the time: what is left is the snapshot.
                self.stdout.write(f"items    left as they are, and orders too: {error}")
            if not options["rebuild"] and self._stands(backend):
                self.stdout.write(
                    f"snapshot nothing is new; the one that serves stays. Done in {time.monotonic() - started:.1f} s"
                )
                return
            bars: dict[str, Progress] = {}

            def progress(stage: str, done: int, of: int) -> None:
                bars.setdefault(stage, Progress(stage, of, shown)).to(done, of)

            built = backend.facade.sync(progress)
            for bar in bars.values():
                bar.close()
        except RecoError as error:
            raise CommandError(str(error)) from error
        finally:
            backend.close()
        self.stdout.write(f"texts    {built.embedded:,} embedded, {built.reused:,} known")
        self.stdout.write(
            f"snapshot {built.items:,} items ({built.with_vector:,} with a vector), {built.interactions:,} interactions, "
            f"{built.sessions:,} sessions: {built.snapshot}"
        )
        self.stdout.write(f"done in {time.monotonic() - started:.1f} s")

    @staticmethod
    def _stands(backend: Backend) -> bool:
        """Whether the snapshot that serves holds everything, of this model, and was built within a day."""
        facts = backend.facade.doctor().facts
        snapshot = facts["snapshot"]
        return (
            snapshot is not None
            and not facts["without_vector"]
            and snapshot["fingerprint"] == facts["model"]
            and snapshot["item_version"] == facts["item_version"]
            and snapshot["sequence"] == backend.interaction_sequence()
            and time.time() - snapshot["reference"] < 86_400
        )

    def _index(self, keeper: StoreKeeper, total: int, *, rebuild: bool, shown: Any) -> None:
        """Bring the store in line with the shop's rows and orders."""
        marks = {alias: [number for number, _ in dirty.take(alias, 1_000_000)] for alias in aliases()}
        with Progress("items", total, shown) as bar:
            report = sweep(keeper, progress=bar)
        self._items(report, dry_run=False)
        keeper.put_state(SWEPT_AT, f"{time.time():.3f}")
        for alias, numbers in marks.items():
            for start in range(0, len(numbers), 500):
                dirty.discard(numbers[start : start + 500], alias)
        self._orders(self._read(keeper, rebuild=rebuild, shown=shown))

    @staticmethod
    def _read(keeper: StoreKeeper, *, rebuild: bool, shown: Any) -> OrdersReport:
        sources = orders()
        if not sources:
            return OrdersReport()
        with Progress("orders", sum(source.count() for source in sources), shown) as bar:
            return read_orders(keeper, rebuild=rebuild, progress=bar)

    def _items(self, report: SweepReport, *, dry_run: bool) -> None:
        tense = "would be " if dry_run else ""
        self.stdout.write(
            f"items    {report.items:,} read: {report.new:,} {tense}new, {report.changed:,} {tense}changed, "
            f"{report.deleted:,} {tense}removed, {len(report.refused):,} refused"
        )
        for error in report.refused[:20]:
            self.stderr.write(self.style.WARNING(f"  {error}"))
        if len(report.refused) > 20:
            self.stderr.write(f"  … and {len(report.refused) - 20:,} more")

    def _orders(self, report: OrdersReport) -> None:
        if report.read or get_settings().orders:
            self.stdout.write(
                f"orders   {report.read:,} lines read: {report.new:,} new purchases, {report.without_item:,} of items that are "
                f"gone, {report.refused:,} refused"
            )
