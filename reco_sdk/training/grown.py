"""Fits that take long and can go on: what was learnt of a part of a log holds for the whole of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from reco_sdk.training.model import Items, Log

__all__ = ["Grown", "holds"]

T = TypeVar("T")


def _keys(log: Log) -> npt.NDArray[np.uint64]:
    """Return a number of each interaction, 64 bits of who, what and when."""
    pair = log.users.astype(np.uint64) * np.uint64(log.n_items) + log.items.astype(np.uint64)
    mixed: npt.NDArray[np.uint64] = pair * np.uint64(0x9E3779B97F4A7C15) ^ np.ascontiguousarray(log.times).view(np.uint64)
    return mixed


def holds(log: Log, part: Log) -> bool:
    """Return whether everything of a part is in a log."""
    if len(part) > len(log) or (part.n_users, part.n_items) != (log.n_users, log.n_items):
        return False
    return bool(np.isin(_keys(part), _keys(log)).all())


class Grown(Generic[T]):
    """Fits once, and goes on from there whenever the log has only grown.

    A fusion fits its sources twice, on what came before a slice and on everything. Going on is no leak: the earlier fit knew
    nothing that is not in the log. A log that is not the earlier one and more is fitted from nothing.

    Parameters
    ----------
    fit
        Log, items, and what was fitted on a part of that log, or ``None`` → what is fitted on it.
    """

    def __init__(self, fit: Callable[[Log, Items, T | None], T]) -> None:
        self._fit = fit
        self._last: tuple[Log, T] | None = None

    def __call__(self, log: Log, items: Items) -> T:
        """Fit."""
        earlier = self._last[1] if self._last is not None and holds(log, self._last[0]) else None
        made = self._fit(log, items, earlier)
        self._last = (log, made)
        return made
