"""``manage.py reco_worker``: the process beside those that serve, which indexes, embeds, builds, sweeps and prunes."""

from __future__ import annotations

import logging
import signal
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from django_reco.conf import get_settings
from django_reco.places import engine_config
from django_reco.progress import Progress
from django_reco.working import ShopWorker
from reco_sdk.cli.status_line import StatusLine, worker_line
from reco_sdk.errors import RecoError
from reco_sdk.priority import BELOW_PAGES, NICE_HELP, give_way

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from reco_sdk.config import Config

__all__ = ["Command"]

HELP = """\
Keeps recommendations in step with the shop, beside the processes that serve pages: reads what changed and what was
ordered, sweeps, embeds texts (the model is loaded here, never in a web process), builds the snapshot that all processes of
this host map, and deletes what is older than it is kept. Run one on each host; one of them leads, the others stand by.

Stop it with SIGTERM or Ctrl-C. Killed at any point, it or another goes on from the database a few seconds later. Without
it, a web process does the light part: everything but the text model.
"""


class Command(BaseCommand):
    """Work until SIGTERM."""

    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="do everything there is to do, and leave: for cron")
        parser.add_argument("--dry-run", action="store_true", help="only say what there is to do")
        parser.add_argument("--health", metavar="HOST:PORT", help="serve /healthz and /metrics there, as 127.0.0.1:9101")
        parser.add_argument("--nice", type=int, default=BELOW_PAGES, metavar="N", help=NICE_HELP)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run it."""
        self._log(options["verbosity"])
        try:
            config = engine_config(get_settings(), embeds=True)
            if options["dry_run"]:
                self._would(config)
            elif options["once"]:
                self._once(config, shown=sys.stderr if options["verbosity"] else None)
            else:
                give_way(options["nice"])
                self._work(config, options["health"], shown=sys.stderr if options["verbosity"] else None)
        except RecoError as error:
            raise CommandError(str(error)) from error

    @staticmethod
    def _log(verbosity: int) -> None:
        """Say what is done, where the project's LOGGING says nothing of these loggers."""
        for name in ("django_reco", "reco_sdk"):
            logger = logging.getLogger(name)
            if not logger.hasHandlers():
                handler = logging.StreamHandler()
                handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
                logger.addHandler(handler)
            if logger.level == logging.NOTSET:
                logger.setLevel(logging.INFO if verbosity else logging.WARNING)

    def _work(self, config: Config, health: str | None, *, shown: Any) -> None:
        with StatusLine(shown) as line:
            worker = ShopWorker(config, lambda worker: line.show(_line(worker)))

            def stop(*_: object) -> None:
                worker.stop()
                for number in (signal.SIGTERM, signal.SIGINT):  # the second one ends it at once
                    signal.signal(number, signal.SIG_DFL)

            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, stop)
            worker.run(health)
        logging.getLogger("django_reco").info("reco: stopped in good order")

    def _once(self, config: Config, *, shown: Any) -> None:
        worker = ShopWorker(config)
        bars: dict[str, Progress] = {}

        def progress(stage: str, done: int, of: int) -> None:
            bars.setdefault(stage, Progress(stage, of, shown)).to(done, of)

        items, orders = worker.once(progress=progress)
        for bar in bars.values():
            bar.close()
        done = worker.done
        self.stdout.write(
            f"items    {items.items:,} read: {items.new:,} new, {items.changed:,} changed, {items.deleted:,} removed, "
            f"{len(items.refused):,} refused"
        )
        self.stdout.write(f"orders   {orders.read:,} lines read: {orders.new:,} new purchases")
        self.stdout.write(f"texts    {done.embedded:,} embedded")
        self.stdout.write(f"snapshot {'built' if done.snapshots else 'the one that serves is good enough'}")
        self.stdout.write(f"pruned   {done.pruned:,} rows")

    def _would(self, config: Config) -> None:
        items, marks, waiting, why = ShopWorker(config).would()
        self.stdout.write(
            f"items    {items.items:,} read: {items.new:,} would be new, {items.changed:,} changed, {items.deleted:,} removed"
        )
        self.stdout.write(f"marks    {marks:,} wait")
        self.stdout.write(f"texts    {waiting:,} item version(s) to embed, at most, and those above")
        self.stdout.write(f"snapshot {'the one that serves is good enough' if why is None else f'would be built: {why}'}")


def _line(shop: ShopWorker) -> str:
    indexes = "indexes" if shop.holder.lease is not None else f"indexing: {shop.holder.other or 'nobody'}"
    more = [f"{shop.marks:,} marks"] if shop.marks else []
    return worker_line(shop.worker, indexes, *more, *([shop.indexer.doing] if shop.indexer.doing else []))
