"""A progress bar for a terminal; silent where nobody is watching."""

from __future__ import annotations

import time
from typing import Final

from django.core.management.base import OutputWrapper

WIDTH: Final = 28
SECONDS_BETWEEN: Final = 0.1


class Progress:
    def __init__(self, out: OutputWrapper, what: str) -> None:
        self._out = out
        self._what = what
        self._drawn_at = 0.0
        self._visible = out.isatty()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        finished = done >= total
        if not self._visible or (not finished and now - self._drawn_at < SECONDS_BETWEEN):
            return
        self._drawn_at = now
        filled = WIDTH * done // max(total, 1)
        bar = "█" * filled + "·" * (WIDTH - filled)
        self._out.write(f"\r{self._what:<12} {bar} {done:>9,} / {total:,}", ending="\n" if finished else "")
        self._out.flush()
