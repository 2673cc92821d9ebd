"""Figures of this process: what was shown, what was left out, what went wrong, and what became of what was recorded."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping

from reco_sdk.errors import RecoError

__all__ = ["count", "counts", "figures", "forget", "read_from", "reset"]

_lock = threading.Lock()
_counts: Counter[str] = Counter()
_sources: dict[str, Callable[[], Mapping[str, int]]] = {}


def count(name: str, by: int = 1) -> None:
    """Add ``by`` to a counter, for example ``"tag.error"``."""
    with _lock:
        _counts[name] += by


def counts() -> dict[str, int]:
    """Return every counter that was ever counted in this process, by name."""
    with _lock:
        return dict(sorted(_counts.items()))


def read_from(name: str, source: Callable[[], Mapping[str, int]]) -> None:
    """Have :func:`figures` ask a source for what it keeps itself."""
    _sources[name] = source


def forget(name: str, source: Callable[[], Mapping[str, int]]) -> None:
    """Ask that source no longer."""
    if _sources.get(name) == source:
        del _sources[name]


def figures() -> dict[str, int]:
    """Return :func:`counts`, and what the recorder of this process counts (``"recorder.written"``), for a monitor."""
    found = counts()
    for name, source in list(_sources.items()):
        with contextlib.suppress(RecoError):  # it was closed just now
            found |= {f"{name}.{key}": value for key, value in source().items()}
    return dict(sorted(found.items()))


def _after_fork() -> None:
    """Have a lock of the child's own: one that another thread held at the fork would never be released here."""
    global _lock  # noqa: PLW0603  the module's one lock
    _lock = threading.Lock()
    _sources.clear()


os.register_at_fork(after_in_child=_after_fork)


def reset() -> None:
    """Set every counter to nothing."""
    with _lock:
        _counts.clear()
