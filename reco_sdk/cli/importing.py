"""``reco import``."""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from reco_sdk.cli.output import say, say_json
from reco_sdk.config import Config
from reco_sdk.errors import ConfigError, ImportRefused
from reco_sdk.importing import (
    ImportOptions,
    ImportReport,
    ImportStopped,
    RefusalLog,
    import_interactions,
    import_items,
    progress_bar,
)
from reco_sdk.storage.urls import open_store

__all__ = ["import_command", "import_options"]


async def import_command(arguments: Namespace) -> int:
    """Import a file or an address."""
    kind, source = ("items", arguments.what) if arguments.source is None else (arguments.what, arguments.source)
    if kind not in {"items", "interactions"} or source in {"items", "interactions"}:
        sys.stderr.write("reco: error: say what to import: reco import [items | interactions] FILE_OR_URL\n")
        return 2
    options = import_options(arguments, dry_run=arguments.dry_run)
    settings = {} if arguments.store is None else {"store": arguments.store}
    config = Config.from_env(**settings)
    try:
        with _refused_rows(arguments.refused) as refused:
            report = await _run(kind, source, options, config, arguments, refused)
    except ImportStopped as error:
        _show(error.report, arguments)
        raise
    _show(report, arguments)
    if report.rows and not report.accepted:
        raise ImportRefused("no row could be taken; the table above says why, --map names other columns")
    if kind == "items" and not (arguments.json or arguments.quiet or arguments.dry_run):
        sys.stderr.write("reco: next, `reco sync` embeds what is new\n")
    return 0


def import_options(arguments: Namespace, *, dry_run: bool) -> ImportOptions:
    """Return how a source is to be read."""
    return ImportOptions(
        format=arguments.format,
        encoding=arguments.encoding,
        delimiter={"\\t": "\t", "tab": "\t"}.get(arguments.delimiter, arguments.delimiter),
        mapping=_pairs("--map", [pair for text in arguments.map for pair in text.split(",")]),
        constants=_pairs("--set", arguments.set),
        attributes=tuple(name for text in arguments.attributes for name in text.split(",") if name),
        category_separator=arguments.category_separator,
        urls=tuple(arguments.url),
        batch_size=arguments.batch,
        timeout_seconds=arguments.timeout,
        restart=getattr(arguments, "restart", False),
        dry_run=dry_run,
    )


@contextlib.contextmanager
def _refused_rows(path: str | None) -> Iterator[RefusalLog]:
    if path is None:
        yield RefusalLog()
        return
    with Path(path).open("w", encoding="utf-8") as file:
        yield RefusalLog(file)


async def _run(
    kind: str, source: str, options: ImportOptions, config: Config, arguments: Namespace, refused: RefusalLog
) -> ImportReport:
    run = import_items if kind == "items" else import_interactions
    with progress_bar(arguments.quiet) as progress:
        if options.dry_run:
            return await run(None, source, options, refusals=refused, progress=progress)
        store = open_store(config.store)
        await store.open()
        try:
            return await run(store, source, options, refusals=refused, progress=progress)
        finally:
            await store.aclose()


def _show(report: ImportReport, arguments: Namespace) -> None:
    if arguments.json:
        say_json(report.to_dict())
    else:
        say(report.to_text())
        if arguments.refused and report.refused:
            say(f"  each of them: {arguments.refused}")


def _pairs(flag: str, given: Sequence[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise ConfigError(f"{flag} {pair!r} is not FIELD={'COLUMN' if flag == '--map' else 'VALUE'}")
        out[name.strip()] = value.strip()
    return out
