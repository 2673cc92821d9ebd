"""One line on a terminal that says what a long-running command is doing, below what it logs."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Any, Final, Self

from reco_sdk.worker import Worker

__all__ = ["StatusLine", "worker_line"]

_CLEAR: Final = "\r\x1b[2K"
_WIDTH: Final = 118


class StatusLine:
    """A line that is written over; nothing at all where the stream is no terminal.

    Parameters
    ----------
    stream
        Standard error, as a rule.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream if stream is not None and stream.isatty() else None
        self._shown = ""
        self._handlers: list[logging.Handler] = []

    @property
    def visible(self) -> bool:
        """Whether it is drawn."""
        return self._stream is not None

    def __enter__(self) -> Self:
        if self._stream is not None:
            # What is logged goes above the line.
            self._handlers = [*logging.getLogger().handlers, *logging.getLogger("django_reco").handlers]
            for handler in self._handlers:
                handler.addFilter(self._clear)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for handler in self._handlers:
            handler.removeFilter(self._clear)
        self.show("")

    def show(self, text: str) -> None:
        """Write over what is there."""
        if self._stream is None or text == self._shown:
            return
        self._stream.write(_CLEAR + text[:_WIDTH])
        self._stream.flush()
        self._shown = text

    def _clear(self, _record: logging.LogRecord) -> bool:
        self.show("")
        return True


def worker_line(worker: Worker, *more: str) -> str:
    """Return what a worker is doing, in one line."""
    status = worker.status
    if not status.open:
        return "waits for the store"
    parts = ["leads" if status.leads else f"stands by for {status.leader or 'the lease'}", *more]
    if status.waiting:
        parts.append(f"{status.waiting:,} to embed")
    if status.stage is not None:
        stage, done, total = status.stage
        parts.append(f"builds: {stage} {100 * done // max(total, 1)} %")
    elif worker.training.stage is not None:
        stage, done, total = worker.training.stage
        parts.append(f"trains {stage} {100 * done // max(total, 1)} %")
    elif status.snapshot is not None:
        age = max(time.time() - float(status.snapshot["reference"]), 0.0)
        parts.append(f"snapshot of {int(status.snapshot['items']):,} items, {_age(age)} old")
    if worker.troubles.last:
        parts.append(f"! {worker.troubles.last}")
    return " · ".join(parts)


def _age(seconds: float) -> str:
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"
