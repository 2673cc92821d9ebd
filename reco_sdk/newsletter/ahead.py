"""Exact searches of many users at once: one product of matrices instead of a product for each, at a fraction of the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Final

import numpy as np

from reco_sdk.engine import State
from reco_sdk.sessions.tracker import SessionTracker
from reco_sdk.snapshot.view import View, top
from reco_sdk.sources.context import Context, rows_of
from reco_sdk.types import BoolMask, Rows, Scores, Vector

__all__ = ["AT_ONCE", "Ahead", "fits", "floor"]

PART: Final = 16
AT_ONCE: Final = 256
"""Users whose similarities to all items are held at once."""


class Ahead:
    """A state that answers the searches of some users from similarities worked out before, and all others as ever.

    Parameters
    ----------
    state
        What serves.
    tracker
        Histories.
    query_vectors
        As the engine's.
    """

    def __init__(self, state: State, tracker: SessionTracker, query_vectors: Mapping[str, Vector]) -> None:
        self._view = state.view
        self._tracker = tracker
        self._context: dict[str, Any] = {
            "view": state.view,
            "orders": state.orders,
            "mask": state.view.alive,
            "seeds": np.empty(0, np.int32),
            "behaviour": state.behaviour,
            "query_vectors": query_vectors,
        }
        # What can be bought; a search that may find anything else is an ordinary one.
        now = state.view.alive & state.view.available & state.view.has_vector
        self._rows = np.flatnonzero(now).astype(np.int32)
        self._others = np.flatnonzero(~now & state.view.has_vector)
        self._vectors = state.view.vectors_of(self._rows)
        self._places: dict[bytes, int] = {}
        self._looked: dict[int, Context] = {}
        self._scores = np.empty((AT_ONCE, len(self._rows)), np.float32)
        view = copy(state.view)
        view.search = self._search  # type: ignore[method-assign]  # the only method that answers otherwise
        self.state = replace(state, view=view)

    def look(self, users: Sequence[str], now: float) -> None:
        """Work out what the next users, at most :data:`AT_ONCE`, are near to."""
        found: dict[bytes, Vector] = {}
        self._looked = {}
        for user in users:
            history = self._tracker.history(None, user, now)
            context = Context(now=now, history=history, history_rows=rows_of(self._view, history), **self._context)
            vector = context.session() if history else None
            self._looked[id(history)] = context  # which holds it, so that no other has its place
            if vector is not None:
                found[vector.tobytes()] = vector
        self._places = {key: place for place, key in enumerate(found)}
        if found:
            np.matmul(np.stack(list(found.values())), self._vectors.T, out=self._scores[: len(found)])

    def reuse(self, context: Context) -> None:
        """Let a context take over what was worked out of its history."""
        known = self._looked.get(id(context.history))
        if known is not None and known.history is context.history:
            context.reuse(known)

    def _search(self, query: Vector, k: int, mask: BoolMask) -> tuple[Rows, Scores]:
        place = self._places.get(query.tobytes())
        if place is None or not len(self._rows) or mask[self._others].any():
            return self._view.search(query, k, mask)
        scores = np.where(mask[self._rows], self._scores[place], -np.inf)
        near = np.flatnonzero(scores >= floor(scores, k))
        return top(self._rows[near], scores[near], k)


def floor(scores: Scores, k: int) -> np.float32:
    """Return a score that at least ``k`` reach, but not many more: the ``k``-th of the best of as many parts as that takes.

    The least finite score where ``k`` is beyond what there is. Several times as fast as to part all scores.
    """
    parts = scores[: len(scores) // PART * PART].reshape(PART, -1).max(axis=0, initial=-np.inf)
    floor = np.partition(parts, len(parts) - k)[len(parts) - k] if len(parts) >= k else -np.inf
    return np.float32(max(floor, np.finfo(np.float32).min))


def fits(view: View, limit: int) -> bool:
    """Whether a catalogue is small enough that all of it is compared exactly."""
    return 0 < len(view) <= limit
