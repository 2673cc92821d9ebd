"""``reco worker`` and ``reco snapshot``."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import signal
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

from reco_sdk.building import read_meta, refusal
from reco_sdk.cli.output import say, say_json, stage_bars
from reco_sdk.cli.status_line import StatusLine, worker_line
from reco_sdk.cli.stores import need_store
from reco_sdk.config import Config
from reco_sdk.errors import MissingExtra, SnapshotError
from reco_sdk.priority import give_way
from reco_sdk.snapshot.transfer import export_snapshot, import_snapshot
from reco_sdk.wiring import make_worker
from reco_sdk.worker import Worker

__all__ = ["health_served", "snapshot_command", "worker_command"]

SHOW_SECONDS: Final = 0.5


async def worker_command(arguments: Namespace) -> int:
    """Embed, build and prune beside the processes that serve, until SIGTERM."""
    if not arguments.quiet:
        logging.getLogger("reco_sdk").setLevel(logging.INFO)
    config = _config(arguments)
    need_store(config)
    worker = make_worker(config)
    if arguments.dry_run:
        return await _would(worker, arguments)
    if arguments.once:
        try:
            with stage_bars(arguments.quiet) as progress:
                await worker.once(progress=progress)
            _told(worker, arguments)
        finally:
            await worker.aclose()
        return 0
    give_way(arguments.nice)
    stop = asyncio.Event()
    with _stops(stop):
        async with health_served(worker, arguments.health):
            drawing = asyncio.create_task(_draw(worker, quiet=arguments.quiet))
            try:
                await worker.run(stop)
            finally:
                drawing.cancel()
                await asyncio.gather(drawing, return_exceptions=True)
    logging.getLogger(__name__).info("stopped in good order")
    return 0


@contextlib.asynccontextmanager
async def health_served(worker: Worker, address: str | None) -> AsyncIterator[None]:
    """Serve the worker's health while the block runs, where an address is given."""
    if address is None:
        yield
        return
    if importlib.util.find_spec("aiohttp") is None:
        raise MissingExtra("aiohttp", "server")
    from reco_sdk.server.health import serve_health, worker_health  # noqa: PLC0415 - aiohttp is optional

    async with serve_health(address, lambda: worker_health(worker)) as base:
        logging.getLogger(__name__).info("health at %s/healthz, figures at %s/metrics", base, base)
        yield


async def _draw(worker: Worker, *, quiet: bool) -> None:
    with StatusLine(None if quiet else sys.stderr) as line:
        while True:
            line.show(worker_line(worker))
            await asyncio.sleep(SHOW_SECONDS if line.visible else 3_600.0)


async def _would(worker: Worker, arguments: Namespace) -> int:
    """Say what there is to do, and do nothing."""
    try:
        await worker.start()
        waiting, why = await worker.not_embedded(), await worker.why_due()
    finally:
        await worker.aclose()
    if arguments.json:
        say_json({"to_embed": waiting, "build": why})
    else:
        say(f"to embed: {waiting:,} item version(s), at most")
        say(f"snapshot: {'the one that serves is good enough' if why is None else f'would be built: {why}'}")
    return 0


def _told(worker: Worker, arguments: Namespace) -> None:
    done = worker.status
    if arguments.json:
        say_json({"embedded": done.embedded, "snapshots": done.snapshots, "pruned": done.pruned})
    else:
        say(f"{done.embedded:,} texts embedded, {done.snapshots} snapshot(s) built, {done.pruned:,} old rows deleted")


@contextlib.contextmanager
def _stops(stop: asyncio.Event) -> Any:
    """Have SIGTERM and SIGINT set an event; a second one ends the process as it would have."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def ask() -> None:
        stop.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, ask)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def snapshot_command(arguments: Namespace) -> int:
    """Take the snapshot that serves out of this host, or into it."""
    config = _config(arguments).with_settings(model="")
    need_store(config)
    worker = make_worker(config)
    file = Path(arguments.file)
    if arguments.action == "export":
        snapshot = await asyncio.to_thread(export_snapshot, worker.folder, file)
        _taken(arguments, snapshot.meta, file)
        return 0
    await worker.store.open()
    try:
        path = await asyncio.to_thread(import_snapshot, worker.folder, file, _acceptance(worker, file, force=arguments.force))
    finally:
        await worker.store.aclose()
    _taken(arguments, read_meta(path) or {}, path)
    return 0


def _acceptance(worker: Worker, file: Path, *, force: bool) -> Any:
    """Return what refuses a snapshot of another store, and one that is older than what serves here."""
    loop = asyncio.get_running_loop()
    serving = read_meta(worker.folder.current())

    def accept(meta: Mapping[str, Any]) -> None:
        wrong = asyncio.run_coroutine_threadsafe(refusal(worker.store, meta), loop).result()
        if wrong is not None:
            raise SnapshotError(f"{file} cannot serve here: {wrong}")
        if serving is not None and float(meta["reference"]) < float(serving["reference"]) and not force:
            raise SnapshotError(f"{file} is older than the snapshot that serves here; --force takes it all the same")

    return accept


def _taken(arguments: Namespace, meta: Mapping[str, Any], where: Path) -> None:
    told = {
        "path": str(where),
        **{name: meta[name] for name in ("items", "with_vector", "item_version", "store") if name in meta},
    }
    if arguments.json:
        say_json(told)
    else:
        say(f"{where}: {meta.get('items', 0):,} items, {meta.get('with_vector', 0):,} with a vector")


def _config(arguments: Namespace) -> Config:
    given = {name: getattr(arguments, name, None) for name in ("store", "model", "state_dir")}
    return Config.from_env(**{name: value for name, value in given.items() if value is not None})
