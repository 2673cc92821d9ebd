"""``reco clean``: what of a store's log, or of a file about to be imported, does not count, and why. Nothing is changed."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from reco_sdk.config import Config
    from reco_sdk.importing import ImportReport
    from reco_sdk.interactions.interaction import Interaction
    from reco_sdk.snapshot.log import InteractionLog

__all__ = ["EXAMPLES", "clean_command", "options"]

EXAMPLES: Final = """\
examples:
  reco clean                                   # of the store
  reco clean orders.parquet --map item_id=sku,user_id=customer,at=created --set kind=purchase
  reco clean access.log.gz --url '/products/{item_id}'

Says what a snapshot leaves out: robots, double clicks, outliers, impossible times; and what refunds take back. Of a file it also
says which rows an import would refuse. A dry run always: the store keeps everything, and the file is not imported.
"""


def options(command: ArgumentParser) -> None:
    """Declare the options, those of reading a file aside."""
    command.add_argument("source", metavar="FILE_OR_URL", nargs="?", help="a file of interactions; without one, the store")


async def clean_command(arguments: Namespace) -> int:
    """Read, and say what would be left out."""
    from reco_sdk.cli.importing import import_options  # noqa: PLC0415  a help text imports nothing but argparse
    from reco_sdk.cli.output import say, say_json  # noqa: PLC0415  as above
    from reco_sdk.config import Config  # noqa: PLC0415  as above
    from reco_sdk.importing import import_interactions, progress_bar  # noqa: PLC0415  as above
    from reco_sdk.snapshot.log import InteractionLog  # noqa: PLC0415  as above

    config = Config.from_env(**({} if arguments.store is None else {"store": arguments.store}))
    report: ImportReport | None = None
    told = _Told()
    if arguments.source is None:
        log = await _stored(config)
    else:
        log = InteractionLog({})
        with progress_bar(arguments.quiet) as progress:
            read = import_options(arguments, dry_run=True)

            def taken(batch: Sequence[Interaction]) -> None:
                log.add(told.fresh(batch))

            report = await import_interactions(None, arguments.source, read, progress=progress, taken=taken)
    found = {**_found(log, config), **({} if report is None else {"told_twice": told.twice})}
    if arguments.json:
        say_json({**found, **({} if report is None else {"import": report.to_dict()})})
    else:
        say("\n".join([*([] if report is None else [report.to_text()]), *_lines(found)]))
    return 0


class _Told:
    """Counts what a file tells twice: a store takes each ``event_id`` once."""

    def __init__(self) -> None:
        self.twice = 0
        self._seen: set[int] = set()

    def fresh(self, batch: Sequence[Interaction]) -> list[Interaction]:
        out = []
        for interaction in batch:
            key = hash(interaction.event_id)
            if key not in self._seen:
                self._seen.add(key)
                out.append(interaction)
        self.twice += len(batch) - len(out)
        return out


async def _stored(config: Config) -> InteractionLog:
    from reco_sdk.cli.stores import need_store  # noqa: PLC0415  as above
    from reco_sdk.reading import read_log  # noqa: PLC0415  as above
    from reco_sdk.storage.urls import open_store  # noqa: PLC0415  as above

    need_store(config)
    store = open_store(config.store)
    await store.open()
    try:
        return (await read_log(store)).log
    finally:
        await store.aclose()


def _found(log: InteractionLog, config: Config) -> dict[str, Any]:
    from reco_sdk.interactions.cleaning import RULES  # noqa: PLC0415  as above

    report = log.clean(config.session_gap_minutes * 60.0)
    money = log.money()
    return {
        "interactions": report.read,
        "count": report.kept,
        "left_out": {name: {"interactions": report.dropped[name], "why": why} for name, why in RULES.items()},
        "purchases": money.bought,
        "refunds": {"take_back": money.taken_back, "of_nothing_known": money.of_nothing},
    }


def _lines(found: dict[str, Any]) -> list[str]:
    everything = max(found["interactions"], 1)
    lines = [f"{found['count']:,} of {found['interactions']:,} interactions count"]
    for name, out in found["left_out"].items():
        lines.append(f"  {out['interactions']:>9,}  {out['interactions'] / everything:>6.1%}  {name}: {out['why']}")
    if found.get("told_twice"):
        lines.append(f"{found['told_twice']:,} more stand in the file a second time")
    back = found["refunds"]
    lines.append(f"{found['purchases']:,} purchases, of which refunds and cancellations take back {back['take_back']:,}")
    if back["of_nothing_known"]:
        lines.append(f"{back['of_nothing_known']:,} refunds of what nobody is known to have bought take back nothing")
    return lines
