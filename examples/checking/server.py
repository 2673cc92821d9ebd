"""The shop on a free port of this machine, for as long as a check runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

START_SECONDS: Final = 60.0
PROBE_SECONDS: Final = 0.2


class ServerDidNotStart(RuntimeError):
    """The shop's own server answered nothing in time."""


@contextmanager
def running_shop(folder: Path, log: Path, *, page: str = "/", marker: bytes = b"data-slate") -> Iterator[str]:
    """The base URL of a shop that was started for this and is stopped afterwards; it writes what it says to ``log``.

    The ``page`` holds the ``marker`` once there are recommendations.
    """
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
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


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(address: str, marker: bytes, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise ServerDidNotStart(f"the shop's server ended at once, with code {server.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=10) as page:  # noqa: S310 - our own loopback address
                # The first pages of a new process may be served while its recommender still loads.
                if marker in page.read():
                    return
                time.sleep(PROBE_SECONDS)
        except urllib.error.HTTPError as error:
            raise ServerDidNotStart(f"the shop answers {error.code}: was it migrated and loaded?") from error
        except OSError:
            time.sleep(PROBE_SECONDS)
    raise ServerDidNotStart(f"no page with recommendations from {address} in {START_SECONDS:.0f} s: was reco_sync run?")


def complaints(log: Path) -> list[str]:
    """Errors that the server logged although the pages were answered."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if line.startswith(("Traceback", "ERROR", "CRITICAL"))]
