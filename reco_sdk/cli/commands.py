"""What each command does."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import sqlite3
import sys
from argparse import Namespace
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from reco_sdk.cli.cleaning import clean_command
from reco_sdk.cli.evaluating import evaluate_command
from reco_sdk.cli.explaining import why_not_text, why_text
from reco_sdk.cli.finetune import finetune_command
from reco_sdk.cli.importing import import_command
from reco_sdk.cli.newsletter import newsletter_command
from reco_sdk.cli.output import facts_text, say, say_json, slate_text, stage_bars
from reco_sdk.cli.rules import rules_command
from reco_sdk.cli.stores import need_store
from reco_sdk.cli.training import train_command
from reco_sdk.cli.working import snapshot_command, worker_command
from reco_sdk.config import Config
from reco_sdk.errors import MissingExtra, StoreError
from reco_sdk.ports import Store
from reco_sdk.ranking.filters import Filters
from reco_sdk.storage import schema
from reco_sdk.storage.postgres import PostgresStore
from reco_sdk.storage.sqlite import SqliteStore
from reco_sdk.storage.urls import open_store, public_url
from reco_sdk.wiring import Recommender

__all__ = ["COMMANDS"]

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_LOOKING_ONLY: Final[dict[str, Any]] = {"model": "", "delta_limit": 10**9, "poll_interval_seconds": 3_600.0}
"""A command that only asks loads no model, and builds no snapshot."""


def _config(arguments: Namespace, **settings: Any) -> Config:
    if arguments.store is not None:
        settings["store"] = arguments.store
    if getattr(arguments, "model", None) is not None:
        settings["model"] = arguments.model
    return Config.from_env(**settings)


async def _answer(arguments: Namespace, strategy: str | None, seeds: Sequence[str]) -> int:
    config = _config(arguments, **_LOOKING_ONLY)
    need_store(config)
    filters = Filters(
        available=not arguments.unavailable,
        price_min=arguments.price_min,
        price_max=arguments.price_max,
        categories=tuple(arguments.category),
        brands=tuple(arguments.brand),
        site=arguments.site,
        exclude_ids=frozenset(arguments.exclude),
    )
    asked: dict[str, Any] = {
        "strategy": strategy,
        "placement": arguments.placement,
        "n": arguments.n,
        "seeds": seeds,
        "visitor_id": arguments.visitor,
        "user_id": arguments.user,
        "segments": arguments.segment,
        "filters": None if filters == Filters() else filters,
    }
    async with Recommender.open(config=config) as reco:
        if arguments.command == "why":
            told = await reco.why(**asked)
            say_json(told.to_dict()) if arguments.json else say(why_text(told))
            return 0
        if arguments.command == "why-not":
            missed = await reco.why_not(arguments.item_id, **asked)
            say_json(missed.to_dict()) if arguments.json else say(why_not_text(missed))
            return 0
        slate = reco.answer(**asked)  # not reco.recommend(): nobody is shown this, so no impression is logged
        if arguments.json:
            say_json(slate.to_dict())
        else:
            say(slate_text(slate, await reco.store.get_items(slate.ids)))
    return 0


async def similar(arguments: Namespace) -> int:
    """Show what is like an item."""
    return await _answer(arguments, "similar_items", (arguments.item_id,))


async def recommend(arguments: Namespace) -> int:
    """Show a slate."""
    return await _answer(arguments, arguments.strategy, tuple(arguments.seed))


async def sync(arguments: Namespace) -> int:
    """Embed what is new, build a snapshot."""
    config = _config(arguments, delta_limit=10**9, poll_interval_seconds=3_600.0)
    need_store(config)
    async with Recommender.open(config=config) as reco:
        with stage_bars(arguments.quiet) as progress:
            report = await reco.sync(progress)
    if arguments.json:
        say_json(asdict(report))
    else:
        say(
            f"{report.items:,} items, {report.with_vector:,} with a vector "
            f"({report.embedded:,} embedded, {report.reused:,} reused), "
            f"{report.interactions:,} interactions in {report.sessions:,} sessions; {report.seconds:.1f} s\n{report.snapshot}"
        )
    return 0


async def serve(arguments: Namespace) -> int:
    """Serve the HTTP API until SIGTERM."""
    if importlib.util.find_spec("aiohttp") is None:
        raise MissingExtra("aiohttp", "server")
    from reco_sdk.server import create_app  # noqa: PLC0415 - aiohttp is optional
    from reco_sdk.server import serve as run  # noqa: PLC0415 - as above

    config = _config(arguments)
    if not config.api_token and arguments.host not in _LOOPBACK:
        logging.getLogger(__name__).warning("anyone who reaches %s may change the catalogue; set RECO_API_TOKEN", arguments.host)

    def started(address: str) -> None:
        if arguments.json:
            say_json({"address": address})
        else:
            say(f"serving on {address} (GET {address}/openapi.json describes it); stop with Ctrl-C or SIGTERM")

    async with Recommender.open(config=config) as reco:
        await run(create_app(reco), arguments.host, arguments.port, started=started)
    return 0


async def migrate(arguments: Namespace) -> int:
    """Bring the store to this release's schema, or say what is missing."""
    config = _config(arguments)
    store = open_store(config.store)
    waiting = await _pending(store)
    if not arguments.check:
        await store.open()
        await store.aclose()
    if arguments.json:
        say_json({"store": public_url(config.store), "pending" if arguments.check else "applied": waiting})
    elif not waiting:
        say(f"{public_url(config.store)}: the schema is up to date")
    else:
        say(f"{public_url(config.store)}: {'to be applied' if arguments.check else 'applied'}: {', '.join(waiting)}")
    return 1 if arguments.check and waiting else 0


async def _pending(store: Store) -> list[str]:
    if isinstance(store, PostgresStore):
        return await store.pending()
    return _pending_in(store.path) if isinstance(store, SqliteStore) else []


def _pending_in(path: Path) -> list[str]:
    if not path.exists():
        return [migration.name for migration in schema.load_migrations("sqlite")]
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            return [migration.name for migration in schema.pending(connection)]
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read ({error}); is it an SQLite file, and may it be read?") from error


async def doctor(arguments: Namespace) -> int:
    """Say what is there, what is wrong, and how to mend it."""
    config = _config(arguments, delta_limit=10**9, poll_interval_seconds=3_600.0)
    need_store(config)
    async with Recommender.open(config=config) as reco:
        found = await reco.doctor()
    if arguments.json:
        say_json({"healthy": found.healthy, "problems": list(found.problems), "facts": found.facts})
    else:
        say(facts_text({"store": public_url(config.store), **found.facts}))
        for problem in found.problems:
            say(f"! {problem}")
        if found.healthy:
            say("all is well")
    sys.stdout.flush()
    return 0 if found.healthy else 1


COMMANDS: Final[Mapping[str, Callable[[Namespace], Coroutine[Any, Any, int]]]] = {
    "clean": clean_command,
    "import": import_command,
    "similar": similar,
    "why": recommend,
    "why-not": recommend,
    "recommend": recommend,
    "sync": sync,
    "serve": serve,
    "worker": worker_command,
    "snapshot": snapshot_command,
    "migrate": migrate,
    "doctor": doctor,
    "evaluate": evaluate_command,
    "finetune": finetune_command,
    "newsletter": newsletter_command,
    "rules": rules_command,
    "train": train_command,
}
