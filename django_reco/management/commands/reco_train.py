"""``manage.py reco_train``: learns from what the shop's visitors did how to rank, and lets serve what wins."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from django_reco.conf import get_settings
from django_reco.places import engine_config
from django_reco.progress import Progress
from reco_sdk.errors import RecoError
from reco_sdk.ranking.model_files import ModelFolder
from reco_sdk.wiring import make_worker

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from reco_sdk.config import Config
    from reco_sdk.retraining import Trained

__all__ = ["Command"]

HELP = """\
Learns from the shop's last days how to rank what its sources propose, and compares that, on days that come after, with what
serves now, with content alone and with popularity alone. What does not win is not kept, and says why. `reco_worker` does this by
itself once a day while enough happens; nothing needs to be restarted.
"""


class Command(BaseCommand):
    """Train, compare, and keep what wins."""

    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--budget-minutes", type=float, metavar="M", help="what it may take; default: 10")
        parser.add_argument("--dry-run", action="store_true", help="train and compare; write nothing")
        parser.add_argument("--force", action="store_true", help="train although nothing happened since the last time")
        parser.add_argument("--json", action="store_true", help="answer in JSON")
        parser.add_argument("--no-progress", action="store_true", help="no progress bar")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run it."""
        shown = sys.stderr if options["verbosity"] and not options["no_progress"] else None
        try:
            config = engine_config(get_settings(), embeds=False, command=True)
            trained = asyncio.run(self._train(config, options, shown))
        except RecoError as error:
            raise CommandError(str(error)) from error
        if trained is not None:
            dry_run = options["dry_run"]
            self.stdout.write(json.dumps(trained.to_dict()) if options["json"] else trained.to_text(dry_run=dry_run))

    async def _train(self, config: Config, options: dict[str, Any], shown: Any) -> Trained | None:
        bars: dict[str, Progress] = {}

        def progress(stage: str, done: int, of: int) -> None:
            bars.setdefault(stage, Progress(stage, of, shown)).to(done, of)

        worker = make_worker(config)
        try:
            await worker.start()
            last, sequence = ModelFolder(worker.folder.root).last, await worker.store.interaction_sequence()
            if last is not None and last["until"] == sequence and not (options["force"] or options["dry_run"]):
                self.stdout.write(f"nothing happened since the training of {last['when']}; --force trains all the same")
                return None
            return await worker.training.run(minutes=options["budget_minutes"], dry_run=options["dry_run"], progress=progress)
        finally:
            for bar in bars.values():
                bar.close()
            await worker.aclose()
