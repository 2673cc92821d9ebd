"""``reco newsletter``: a row for every user, in a file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reco_sdk.newsletter import Report

__all__ = ["EXAMPLES", "newsletter_command", "options"]

EXAMPLES: Final = """\
examples:
  reco newsletter --out rows.parquet
  reco newsletter --out rows.csv --n 4 --strategy buy_again --base-url https://shop.example
  reco newsletter --out rows.parquet --resume     # goes on where a killed run stopped

One line for each user and item. The file is there only once it is whole; its parts lie beside it until then.
"""


def options(command: ArgumentParser) -> None:
    """Declare the options."""
    command.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .parquet or .csv file")
    command.add_argument("--n", type=int, metavar="N", help="items for each user; default: as the placement email says")
    command.add_argument("--strategy", metavar="NAME", help="default: as the placement email says")
    command.add_argument("--reasons", action="store_true", help="say why each item is there; takes a quarter longer")
    command.add_argument("--base-url", default="", metavar="URL", help="address of the shop, before addresses that lack it")
    command.add_argument("--resume", action="store_true", help="go on after the last whole part of a run that was killed")
    command.add_argument("--dry-run", action="store_true", help="only say how many users there are")


async def newsletter_command(arguments: Namespace) -> int:
    """Write the file, or say what there would be to write."""
    from reco_sdk.cli.output import say, say_json, stage_bars  # noqa: PLC0415  a help text imports nothing but argparse
    from reco_sdk.cli.stores import need_store  # noqa: PLC0415  as above
    from reco_sdk.config import Config  # noqa: PLC0415  as above
    from reco_sdk.newsletter import read_users, write_newsletter  # noqa: PLC0415  as above
    from reco_sdk.wiring import Recommender  # noqa: PLC0415  as above

    settings = {"store": arguments.store} if arguments.store is not None else {}
    config = Config.from_env(model="", delta_limit=10**9, poll_interval_seconds=3_600.0, **settings)
    need_store(config)
    async with Recommender.open(config=config) as reco:
        if arguments.dry_run:
            users = len((await read_users(reco)).users)
            if arguments.json:
                say_json({"users": users})
            else:
                say(f"{users:,} users; nothing was written")
            return 0
        with stage_bars(arguments.quiet) as progress:
            report = await write_newsletter(
                reco,
                arguments.out,
                strategy=arguments.strategy,
                n=arguments.n,
                reasons=arguments.reasons,
                resume=arguments.resume,
                base_url=arguments.base_url,
                progress=progress,
            )
    if arguments.json:
        say_json(asdict(report))
    else:
        say(told(report, arguments.out))
    return 0


def told(report: Report, path: Path) -> str:
    """Return a report in a line or two."""
    text = f"{report.users:,} users, {report.rows:,} lines in {report.seconds:.1f} s: {path}"
    if report.resumed:
        text += f"\n{report.resumed:,} users were done before"
    if report.empty:
        text += f"\n{report.empty:,} users got nothing: nothing was found for them"
    for name, count in sorted(report.fallbacks.items()):
        text += f"\n{count:,} users were answered by {name}"
    return text
