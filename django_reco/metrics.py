"""Counters of this process: what was shown, what was left out, and what went wrong."""

from __future__ import annotations

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


def reset() -> None:
    """Set every counter to nothing."""
    with _lock:
        _counts.clear()
