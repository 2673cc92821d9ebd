"""A progress bar for the management commands, on a terminal only and without another package."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Final, Self

__all__ = ["Progress"]

WIDTH: Final = 30
EVERY_SECONDS: Final = 0.1


class Progress:
    """One bar.

    Parameters
    ----------
    label
        What is counted.
    total
        How much there is.
    stream
        Where it is drawn; nowhere when ``None`` or no terminal.
    """

    def __init__(self, label: str, total: int, stream: Any = None) -> None:
        self.label = label
        self.total = total
        self.done = 0
        self._stream = stream if stream is not None and stream.isatty() else None
        self._started = time.monotonic()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __call__(self, by: int) -> None:
        """Add what was done."""
        self.to(self.done + by)

    def to(self, done: int, total: int | None = None) -> None:
        """Set what is done by now."""
        self.done = done
        self.total = max(self.total if total is None else total, done)
        now = time.monotonic()
        if self._stream is not None and (now - self._drawn >= EVERY_SECONDS or done >= self.total):
            self._drawn = now
            self._draw(now)

    def close(self) -> None:
        """End the line."""
        if self._stream is not None and self._drawn:
            self._stream.write("\n")
            self._stream.flush()
            self._drawn = 0.0

    def _draw(self, now: float) -> None:
        if self._stream is None:
            return
        part = self.done / self.total if self.total else 1.0
        seconds = now - self._started
        left = seconds / part - seconds if part > 0 else 0.0
        bar = ("█" * int(part * WIDTH)).ljust(WIDTH, "·")
        self._stream.write(f"\r{self.label:<12} {bar} {self.done:>9,}/{self.total:,} {seconds:5.1f} s, {left:4.0f} s left ")
        self._stream.flush()
