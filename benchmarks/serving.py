"""Processes as a benchmark starts them, gunicorn above all: ended when the block ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import ROOT

__all__ = ["gunicorn", "running"]


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], log: Path, end_seconds: float = 30.0) -> Iterator[None]:
    """Run a command, and end it with SIGTERM when the block ends."""
    with log.open("wb") as out:
        started = subprocess.Popen(command, cwd=ROOT, env=dict(environment), stdout=out, stderr=out)
        try:
            yield
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(timeout=end_seconds)


@contextmanager
def gunicorn(application: str, *options: str, workers: int, environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """Serve an application; yields the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", application, "-w", str(workers), "-b", f"127.0.0.1:{port}"]
    with running([*command, "--no-control-socket", *options], environment, log):
        yield port
