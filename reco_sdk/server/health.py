"""``/healthz`` and ``/metrics`` of a worker: for supervisors, and for Prometheus."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from reco_sdk.errors import ConfigError
from reco_sdk.interactions.counts import Counts, HostCounts, Lost, RecorderCounts, counts_folder
from reco_sdk.worker import Worker

__all__ = ["Health", "Metric", "metrics_text", "recorder_metrics", "serve_health", "worker_health"]

SILENT_LEASES: Final = 3.0
"""A store that did not answer for so many times a lease's length is out of reach."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure, as Prometheus reads it.

    Parameters
    ----------
    name
        Without the prefix ``reco_``; counters end with ``_total``.
    text
        What it is.
    value
        The figure.
    labels
        Name and value of what it belongs to.
    """

    name: str
    text: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """How a process is.

    Parameters
    ----------
    status
        ``"ok"``; ``"degraded"`` where something is wrong and tried again; ``"down"`` where it can do nothing.
    problems
        What is wrong, each with its mend.
    metrics
        Figures.
    """

    status: str
    problems: tuple[str, ...]
    metrics: tuple[Metric, ...]


def worker_health(worker: Worker, metrics: Iterable[Metric] = (), problems: Sequence[str] = ()) -> Health:
    """Return how a worker is, from memory.

    Parameters
    ----------
    metrics, problems
        What else the process knows of itself.
    """
    status = worker.status
    silent = time.monotonic() - status.reached_at
    down = not status.open or silent > SILENT_LEASES * worker.config.lease_seconds
    found = (*worker.troubles.all, *problems)
    meta = status.snapshot
    figures: list[Metric] = [
        Metric("worker_up", "Whether the store answers.", not down),
        Metric("worker_leads", "Whether this worker embeds, prunes and indexes.", status.leads),
        Metric("worker_builds", "Whether this worker builds the snapshots of its host.", status.builds),
        Metric("worker_building", "Whether a snapshot is being built now.", status.stage is not None),
        Metric("store_item_version", "The store's item version.", status.version),
        Metric("embedding_waiting", "Item versions that are not embedded yet, at most.", status.waiting),
        Metric("embedded_total", "Texts that went through the model.", status.embedded),
        Metric("snapshots_built_total", "Snapshots built.", status.snapshots),
        Metric("pruned_total", "Rows deleted because they were older than they are kept.", status.pruned),
        Metric("problems", "What is wrong now.", len(found)),
    ]
    if meta is not None:
        figures += [
            Metric("snapshot_age_seconds", "Age of the snapshot that serves.", max(time.time() - float(meta["reference"]), 0.0)),
            Metric("snapshot_items", "Items in the snapshot that serves.", int(meta["items"])),
            Metric("snapshot_item_version", "Item version of the snapshot that serves.", int(meta["item_version"])),
        ]
    with contextlib.suppress(OSError):
        figures += recorder_metrics(*HostCounts(counts_folder(worker.folder.root), Counts()).read())
    return Health("down" if down else "degraded" if found else "ok", found, (*figures, *metrics))


def recorder_metrics(running: RecorderCounts, lost: Lost) -> list[Metric]:
    """Return what the processes of this host recorded, and what those that have ended did not write."""

    def of(name: str, text: str, counts: Mapping[str, int]) -> list[Metric]:
        return [Metric(name, text, count, (("class", which),)) for which, count in counts.items()]

    return [
        Metric("recorder_accepted", "Interactions taken by the processes that run now.", running.accepted),
        Metric("recorder_written", "Interactions stored by the processes that run now.", running.written),
        Metric("recorder_refused", "Interactions that no store takes.", running.refused),
        Metric("recorder_failed_writes", "Batches that were kept to be tried again.", running.failed_writes),
        *of("recorder_dropped", "Interactions let go because a buffer was full.", running.dropped),
        *of("recorder_at_risk", "Interactions not stored so far: what a crash now would lose.", running.at_risk),
        *of("recorder_lost_total", "Interactions that ended processes had not stored, at most.", lost.at_risk),
        *of("recorder_lost_dropped_total", "Interactions that ended processes had let go.", lost.dropped),
    ]


def metrics_text(metrics: Iterable[Metric]) -> str:
    """Return figures in Prometheus' text format."""
    lines: list[str] = []
    told: set[str] = set()
    for metric in metrics:
        name = f"reco_{metric.name}"
        if name not in told:
            told.add(name)
            lines += [f"# HELP {name} {metric.text}", f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}"]
        labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in metric.labels)
        lines.append(f"{name}{{{labels}}} {float(metric.value):g}" if labels else f"{name} {float(metric.value):.15g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


@contextlib.asynccontextmanager
async def serve_health(address: str, probe: Callable[[], Health]) -> AsyncIterator[str]:
    """Serve on the running loop for as long as the block runs; yield the base address.

    Parameters
    ----------
    address
        ``"127.0.0.1:9101"``, ``"[::1]:9101"``, or ``":9101"`` for loopback; port 0 takes a free one.
    probe
        Asked at each request; answers from memory.

    Raises
    ------
    ConfigError
        When the address cannot be had.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"--health {address!r} is not HOST:PORT; use 127.0.0.1:9101 for example")

    async def healthz(_request: web.Request) -> web.Response:
        health = probe()
        body = {"status": health.status, "problems": list(health.problems)}
        return web.json_response(body, status=503 if health.status == "down" else 200)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text=metrics_text(probe().metrics), headers={"Content-Type": "text/plain; version=0.0.4"})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, handle_signals=False, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, int(port)).start()
        except OSError as error:
            raise ConfigError(f"--health {address}: cannot listen there ({error}); is it taken?") from error
        bound = runner.addresses[0]
        yield f"http://[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"http://{bound[0]}:{bound[1]}"
    finally:
        await runner.cleanup()
