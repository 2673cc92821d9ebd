"""Counters of this process: what was shown, what was left out, and what went wrong."""

from __future__ import annotations

import os
import threading
from collections import Counter

__all__ = ["count", "counts", "reset"]

_lock = threading.Lock()
_counts: Counter[str] = Counter()


def count(name: str, by: int = 1) -> None:
    """Add ``by`` to a counter, for example ``"tag.error"``."""
    with _lock:
        _counts[name] += by


def counts() -> dict[str, int]:
    """Return every counter that was ever counted in this process, by name."""
    with _lock:
        return dict(sorted(_counts.items()))


def _after_fork() -> None:
    """Have a lock of the child's own: one that another thread held at the fork would never be released here."""
    global _lock  # noqa: PLW0603  the module's one lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def reset() -> None:
    """Set every counter to nothing."""
    with _lock:
        _counts.clear()
