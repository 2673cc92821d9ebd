"""The shop as in earnest, in several workers on a free port of this machine, for as long as a check runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from checking.named_workers import HEADER

START_SECONDS: Final = 120.0
PROBE_SECONDS: Final = 0.2
WORKERS: Final = 2
SETTINGS: Final = Path(__file__).resolve().with_name("named_workers.py")


class ServerDidNotStart(RuntimeError):
    """The shop's own server answered nothing in time."""


class CommandFailed(RuntimeError):
    """A management command of the shop ended with an error."""


@contextmanager
def running_shop(folder: Path, application: str, log: Path, *, page: str = "/", marker: bytes = b"data-slate") -> Iterator[str]:
    """The base URL of a shop that was started for this and is stopped afterwards; it writes what it says to ``log``.

    The ``page`` holds the ``marker`` once there are recommendations.
    """
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    gunicorn = ["gunicorn", application, "-w", str(WORKERS), "-c", str(SETTINGS), "--no-control-socket"]
    command = [sys.executable, "-m", *gunicorn, "-b", f"127.0.0.1:{port}"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env=environment) as server,
    ):
        try:
            _wait(base + page, marker, server)
            yield base
        finally:
            server.terminate()


def shell(folder: Path, code: str) -> str:
    """What Python in the shop's own shell prints."""
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailed(f"the shop's shell ended with {done.returncode}: {done.stderr.strip()[-2_000:]}")
    return done.stdout


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(address: str, marker: bytes, server: subprocess.Popen[bytes]) -> None:
    """Wait until every worker shows the marker: the first pages of a process may be served while its recommender loads."""
    deadline = time.monotonic() + START_SECONDS
    ready: set[str] = set()
    with ThreadPoolExecutor(2 * WORKERS) as clients:
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise ServerDidNotStart(f"the shop's server ended at once, with code {server.returncode}")
            ready.update(filter(None, clients.map(_probe, [address] * 2 * WORKERS, [marker] * 2 * WORKERS)))
            if len(ready) >= WORKERS:
                return
            time.sleep(PROBE_SECONDS)
    raise ServerDidNotStart(f"no page with recommendations from {address} in {START_SECONDS:.0f} s: was reco_sync run?")


def _probe(address: str, marker: bytes) -> str:
    """The worker that answered, if it shows the marker."""
    try:
        with urllib.request.urlopen(address, timeout=10) as page:  # noqa: S310 - our own loopback address
            return str(page.headers.get(HEADER, "")) if marker in page.read() else ""
    except urllib.error.HTTPError as error:
        raise ServerDidNotStart(f"the shop answers {error.code}: was it migrated and loaded?") from error
    except OSError:
        return ""


def complaints(log: Path) -> list[str]:
    """Errors that the workers logged although the pages were answered."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if line.startswith(("Traceback", "ERROR", "CRITICAL")) or "[ERROR]" in line]
