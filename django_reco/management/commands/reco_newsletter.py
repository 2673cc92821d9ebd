"""``manage.py reco_newsletter``: a row for every account, in a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from django_reco.backend import Backend
from django_reco.conf import get_settings
from django_reco.emails import shop_url
from django_reco.placements import placement_spec
from django_reco.places import engine_config
from django_reco.progress import Progress
from reco_sdk.errors import RecoError
from reco_sdk.newsletter import write_newsletter

if TYPE_CHECKING:
    from argparse import ArgumentParser

__all__ = ["Command"]


class Command(BaseCommand):
    """Write what to recommend to every active account."""

    help = "Writes a row of recommendations for every active account to a CSV or Parquet file, a line for each item."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .parquet or .csv file")
        parser.add_argument("--n", type=int, metavar="N", help="items for each; default: as RECO['PLACEMENTS']['email'] says")
        parser.add_argument("--strategy", metavar="NAME", help="default: as RECO['PLACEMENTS']['email'] says")
        parser.add_argument("--reasons", action="store_true", help="say why each item is there; takes a quarter longer")
        parser.add_argument("--resume", action="store_true", help="go on after the last whole part of a run that was killed")
        parser.add_argument("--dry-run", action="store_true", help="only say how many accounts there are")
        parser.add_argument("--no-progress", action="store_true", help="no progress bar")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run it."""
        accounts = get_user_model()._default_manager.filter(is_active=True).values_list("pk", flat=True)  # noqa: SLF001
        if options["dry_run"]:
            self.stdout.write(f"{accounts.count():,} accounts; nothing was written")
            return
        shown = sys.stderr if not options["no_progress"] and options["verbosity"] else None
        bars: dict[str, Progress] = {}

        def progress(stage: str, done: int, of: int) -> None:
            bars.setdefault(stage, Progress(stage, of, shown)).to(done, of)

        try:
            spec = placement_spec("email")
            backend = Backend(engine_config(get_settings(), embeds=False, command=True), embed=False)
            try:
                backend.start()
                core = backend.facade.core
                if spec is not None:
                    core.placements["email"] = spec.ask
                report = backend.facade.run(
                    write_newsletter(
                        core,
                        options["out"],
                        users=[str(pk) for pk in accounts.iterator()],
                        strategy=options["strategy"],
                        n=options["n"],
                        reasons=options["reasons"],
                        resume=options["resume"],
                        base_url=shop_url(None),
                        progress=progress,
                    )
                )
            finally:
                for bar in bars.values():
                    bar.close()
                backend.close()
        except RecoError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{report.users:,} accounts, {report.rows:,} lines in {report.seconds:.1f} s: {options['out']}")
        if report.resumed:
            self.stdout.write(f"{report.resumed:,} were done before")
        if report.empty:
            self.stdout.write(f"{report.empty:,} got nothing")
        for name, count in sorted(report.fallbacks.items()):
            self.stdout.write(f"{count:,} were answered by {name}")
