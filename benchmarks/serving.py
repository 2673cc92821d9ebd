"""gunicorn as a benchmark starts it: on a free port of this machine, ended when the block ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import ROOT

__all__ = ["gunicorn"]


@contextmanager
def gunicorn(application: str, *options: str, workers: int, environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """Serve an application; yields the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", application, "-w", str(workers), "-b", f"127.0.0.1:{port}"]
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, "--no-control-socket", *options], cwd=ROOT, env=dict(environment), stdout=out, stderr=out
        )
        try:
            yield port
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)
