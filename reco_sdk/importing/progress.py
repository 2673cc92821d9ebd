"""A progress bar by bytes, with rows a second and refusals; silent where nobody looks."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

__all__ = ["Progress", "progress_bar"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is.

    Parameters
    ----------
    phase
        ``download`` or ``import``.
    done_bytes, total_bytes
        Of the file as it lies; 0 in total when a server does not say.
    rows, refused
        So far.
    """

    phase: str
    done_bytes: int
    total_bytes: int
    rows: int = 0
    refused: int = 0


@contextlib.contextmanager
def progress_bar(quiet: bool = False, stream: TextIO | None = None) -> Iterator[Callable[[Progress], None] | None]:
    """Yield what draws a bar on a terminal's standard error; ``None`` when quiet, piped, or without tqdm."""
    terminal: TextIO = sys.stderr if stream is None else stream
    if quiet or not terminal.isatty():
        yield None
        return
    try:
        from tqdm import tqdm  # noqa: PLC0415 - optional
    except ImportError:
        yield None
        return
    bar = _Bar(tqdm, terminal)
    try:
        yield bar
    finally:
        bar.close()


class _Bar:
    def __init__(self, tqdm: Any, stream: TextIO) -> None:
        self._tqdm = tqdm
        self._stream = stream
        self._bar: Any = None
        self._phase = ""
        self._started = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.phase != self._phase:
            self.close()
            self._phase, self._started = progress.phase, time.monotonic()
            self._bar = self._tqdm(
                total=progress.total_bytes or None, unit="B", unit_scale=True, desc=progress.phase, file=self._stream, leave=False
            )
        if progress.rows:
            rate = progress.rows / max(time.monotonic() - self._started, 1e-3)
            self._bar.set_postfix_str(f"{progress.rows:,} rows, {rate:,.0f} rows/s, {progress.refused:,} refused", refresh=False)
        self._bar.update(progress.done_bytes - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
