"""``reco evaluate``."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import signal
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reco_sdk.config import Config
    from reco_sdk.evaluation.cases import Part
    from reco_sdk.evaluation.dataset import Dataset
    from reco_sdk.evaluation.report import Report
    from reco_sdk.ports import VectorStore

__all__ = ["EXAMPLES", "PROTOCOLS", "evaluate_command", "interruptible", "options"]

PROTOCOLS: Final = ("leave-one-out", "next-item", "time-split", "random-split")
"""As in :mod:`reco_sdk.evaluation`, which is not imported for a help text; a test holds them together."""

SHOP_CASES: Final = 20_000
"""Of each placement; a shop's last days may hold millions."""

EXAMPLES: Final = """\
examples:
  reco evaluate                            # the shop's own store: its last days, beside an item, in the cart, at home
  reco evaluate data/beauty --protocol leave-one-out --text title
  reco evaluate data/clicks --protocol next-item --json clicks.json --budget-minutes 10
  reco evaluate data/orders --protocol time-split --plots plots/
  reco evaluate data/ratings --protocol random-split --seed 1 --validation

folders:
  interactions.parquet (user_id, item_id, position or timestamp, rating, ...) with items.parquet (item_id, title, ...)
  train_sessions.txt.gz (a session a line) with test_pairs.txt.gz (prefix TAB target)
  train.parquet, valid.parquet, test.parquet (SessionId, ItemId, Time)
  a Parquet file of order lines (InvoiceNo, StockCode, CustomerID, InvoiceDate, Quantity, UnitPrice, Description)

protocols:
  leave-one-out   the last item of each user; models are fitted without it and without the one before it
  next-item       each next item of each session of the test part
  time-split      each session or basket of the last days, given what its user did before; with and without repeats
  random-split    a fifth of the interactions, drawn by lot, given the others

Try settings out with --validation; the test part is for the figures that are reported.
"""


def options(command: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    command.add_argument("folder", metavar="FOLDER", nargs="?", type=Path, help="of data; default: the shop's own store")
    command.add_argument("--protocol", choices=PROTOCOLS, help="default: the one that such data are usually reported with")
    command.add_argument("--text", metavar="COLUMN,...", help="item columns to embed; default: title, brand and category")
    command.add_argument(
        "--json", metavar="OUT", type=Path, help="write the figures to this file; - writes them to standard output"
    )
    command.add_argument("--plots", metavar="DIR", type=Path, help="write plots there; fits the learning curve too")
    command.add_argument("--curve", action="store_true", help="fit on 0, 1, 3, 10, 30 and 100 %% of the interactions too")
    command.add_argument("--budget-minutes", type=float, metavar="M", help="for fitting; default: as long as it takes")
    command.add_argument("--seed", type=int, default=0, metavar="S", help="of all that is drawn by lot; default: %(default)s")
    command.add_argument("--validation", action="store_true", help="ask the validation part, and leave the test part alone")
    command.add_argument("--days", type=float, default=30.0, metavar="D", help="length of a time-split; default: %(default)g")
    command.add_argument(
        "--cases", type=int, metavar="N", help=f"ask so many, by lot; default: all, of the shop {SHOP_CASES:,} a placement"
    )
    command.add_argument("--sources", metavar="NAME,...", help="only these; default: all but `additive`")
    command.add_argument(
        "--vectors", metavar="FILE", type=Path, help="keep text vectors here; default: ~/.cache/reco/vectors.sqlite3"
    )


async def evaluate_command(arguments: Namespace) -> int:
    """Fit on what the protocol allows, ask, print a table."""
    from reco_sdk import __version__  # noqa: PLC0415 - as below
    from reco_sdk.cli.output import say, say_json, stage_bars  # noqa: PLC0415 - numpy, which --help does without
    from reco_sdk.evaluation.plots import draw, require  # noqa: PLC0415 - as above

    _writable(arguments.json)
    if arguments.plots is not None:
        require()
        arguments.plots.mkdir(parents=True, exist_ok=True)
    with stage_bars(arguments.quiet) as progress:
        data = await _data(arguments, progress)
        with interruptible():
            report = _evaluate(data, arguments, progress)
    to_stdout = str(arguments.json) == "-"
    figures = {**report.to_dict(), "version": __version__}
    if to_stdout:
        say_json(figures)
    else:
        say(report.to_text())
        if arguments.json is not None:
            arguments.json.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            say(f"\nfigures: {arguments.json}")
    if arguments.plots is not None:
        drawn = draw(report, arguments.plots)
        if not to_stdout:
            say("plots: " + ", ".join(map(str, drawn)))
    return 0


def _writable(path: Path | None) -> None:
    """Find out before minutes of work whether the file can be written."""
    if path is not None and str(path) != "-":
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a"):
            pass


async def _data(arguments: Namespace, progress: Callable[[str, int, int], None] | None) -> Dataset:
    from reco_sdk.config import Config  # noqa: PLC0415 - as above
    from reco_sdk.evaluation.folders import read_folder  # noqa: PLC0415 - as above

    settings = {name: value for name in ("model", "store") if (value := getattr(arguments, name)) is not None}
    config = Config.from_env(**settings)
    if arguments.folder is None:
        return await _shop(config, progress)
    text = None if arguments.text is None else tuple(name.strip() for name in arguments.text.split(",") if name.strip())
    data = read_folder(arguments.folder, text)
    return await _embedded(data, config, arguments.vectors, progress)


async def _shop(config: Config, progress: Callable[[str, int, int], None] | None) -> Dataset:
    """Read the shop's own store."""
    from reco_sdk.cli.stores import need_store  # noqa: PLC0415 - as above
    from reco_sdk.evaluation.shop import read_shop  # noqa: PLC0415 - as above
    from reco_sdk.items.text import DEFAULT_RECIPE  # noqa: PLC0415 - as above
    from reco_sdk.storage.urls import open_store, public_url  # noqa: PLC0415 - as above
    from reco_sdk.wiring import make_embedder  # noqa: PLC0415 - as above

    need_store(config)
    embedder = make_embedder(config)
    store = open_store(config.store)
    await store.open()
    try:
        return await read_shop(
            store,
            DEFAULT_RECIPE,
            "" if embedder is None else embedder.fingerprint,
            gap_seconds=config.session_gap_minutes * 60.0,
            name=public_url(config.store),
            progress=progress,
        )
    finally:
        await store.aclose()
        if embedder is not None:
            await embedder.aclose()


async def _embedded(
    data: Dataset, config: Config, path: Path | None, progress: Callable[[str, int, int], None] | None
) -> Dataset:
    """Return the data with vectors, where there is text and a model."""
    from reco_sdk.evaluation.vectors import embed_dataset  # noqa: PLC0415 - as above
    from reco_sdk.wiring import make_embedder  # noqa: PLC0415 - as above

    embedder = None if data.texts is None else make_embedder(config)
    if embedder is None:
        return data
    told = None if progress is None else lambda done, total: progress("embed", done, total)
    try:
        async with _vector_store(path) as store:
            return await embed_dataset(data, store, embedder, told)
    finally:
        await embedder.aclose()


@contextlib.asynccontextmanager
async def _vector_store(path: Path | None) -> AsyncIterator[VectorStore]:
    from reco_sdk.errors import StoreError  # noqa: PLC0415 - as above
    from reco_sdk.storage.memory import MemoryStore  # noqa: PLC0415 - as above
    from reco_sdk.storage.sqlite import SqliteStore  # noqa: PLC0415 - as above

    store: SqliteStore | MemoryStore = MemoryStore()
    try:
        chosen = path or Path.home() / ".cache" / "reco" / "vectors.sqlite3"
        chosen.parent.mkdir(parents=True, exist_ok=True)
        store = SqliteStore(chosen)
        await store.open()
    except (OSError, RuntimeError, StoreError) as error:
        if path is not None:
            raise
        logging.getLogger(__name__).warning("text vectors are not kept (%s); --vectors names another file", error)
        store = MemoryStore()
        await store.open()
    try:
        yield store
    finally:
        await store.aclose()


def _evaluate(data: Dataset, arguments: Namespace, progress: Callable[[str, int, int], None] | None) -> Report:
    from reco_sdk.errors import ConfigError  # noqa: PLC0415 - as above
    from reco_sdk.evaluation.contenders import contenders  # noqa: PLC0415 - as above
    from reco_sdk.evaluation.placements import placement_split  # noqa: PLC0415 - as above
    from reco_sdk.evaluation.run import evaluate  # noqa: PLC0415 - as above
    from reco_sdk.evaluation.splitting import default_protocol, make_split  # noqa: PLC0415 - as above

    part: Part = "validation" if arguments.validation else "test"
    if arguments.folder is None and arguments.protocol is None:
        split = placement_split(data, part=part, days=arguments.days)
    else:
        split = make_split(
            data, arguments.protocol or default_protocol(data), part=part, seed=arguments.seed, days=arguments.days
        )
    known = contenders(data, ordered=split.ordered)
    names = None if arguments.sources is None else [name.strip() for name in arguments.sources.split(",")]
    if names is not None and (unknown := sorted(set(names) - {contender.name for contender in known})):
        raise ConfigError(f"source {unknown[0]!r} is none of {', '.join(contender.name for contender in known)}")
    return evaluate(
        data,
        split,
        [contender for contender in known if (not contender.on_request if names is None else contender.name in names)],
        seed=arguments.seed,
        budget_minutes=arguments.budget_minutes,
        most_cases=arguments.cases if arguments.cases is not None or arguments.folder is not None else SHOP_CASES,
        curve=arguments.curve or arguments.plots is not None,
        progress=progress,
    )


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end work that never waits: asyncio would only mark the task as cancelled."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
