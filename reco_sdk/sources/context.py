"""What every source of one request reads, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.sessions.encoder import event_weights, session_vector
from reco_sdk.sessions.session import Event
from reco_sdk.snapshot.live import Orders
from reco_sdk.snapshot.view import View
from reco_sdk.types import BoolMask, Floats, Rows, Scores, Vector

__all__ = ["Context", "Reason", "Source", "first_allowed", "no_candidates", "similar"]


class Reason(NamedTuple):
    """Why a source proposed a row: plain English, and the item or category it speaks of."""

    text: str
    item_row: int = -1
    title: str | None = None


@dataclass(slots=True)
class Context:
    """One request, resolved against one view.

    Parameters
    ----------
    view, orders
        The rows, and their ranking by behaviour.
    now
        Epoch seconds.
    mask
        bool ``(n,)``: what may be recommended.
    seeds
        int32, the rows the request starts from.
    history
        The visitor's events, ascending by time.
    query_vectors
        Whitened vectors of search queries, where known.
    new_arrival_days
        Age at which a new arrival counts half.
    """

    view: View
    orders: Orders
    now: float
    mask: BoolMask
    seeds: Rows
    history: tuple[Event, ...] = ()
    query_vectors: Mapping[str, Vector] = field(default_factory=dict)
    new_arrival_days: float = 60.0
    _session: tuple[Vector | None, Rows, Floats] | None = None

    def session(self) -> tuple[Vector | None, Rows, Floats]:
        """Return the session's vector, the rows of its items (repeats included), and their weights."""
        if self._session is None:
            weights = event_weights(self.history)
            known: list[tuple[int, float]] = []
            searches: list[tuple[Vector, float]] = []
            for event, weight in zip(self.history, weights, strict=True):
                if event.item_id is not None:
                    row = self.view.row(event.item_id)
                    if row >= 0 and self.view.has_vector[row]:
                        known.append((row, float(weight)))
                elif event.query is not None:
                    vector = self.query_vectors.get(event.query)
                    if vector is not None and len(vector) == self.view.dimension:
                        searches.append((vector, float(weight)))
            rows = np.asarray([row for row, _ in known], dtype=np.int32)
            row_weights = np.asarray([weight for _, weight in known], dtype=np.float64)
            vectors = self.view.vectors_of(rows) if len(rows) else np.empty((0, self.view.dimension), np.float32)
            if searches:
                vectors = np.concatenate((vectors, np.stack([v for v, _ in searches])))
                row_weights = np.concatenate((row_weights, [w for _, w in searches]))
            self._session = (session_vector(vectors, row_weights), rows, row_weights[: len(rows)])
        return self._session


class Source(Protocol):
    """A candidate generator."""

    @property
    def name(self) -> str:
        """Its name in contributions and reasons."""
        ...

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return up to ``k`` rows that ``context.mask`` allows, best first, scores in 0 to 1."""
        ...

    def reason(self, context: Context, row: int) -> Reason:
        """Say why ``row`` was proposed."""
        ...


def no_candidates() -> Candidates:
    """Return the empty answer."""
    return Candidates(np.empty(0, np.int32), np.empty(0, np.float32))


def similar(rows: Rows, cosines: Scores) -> Candidates:
    """Return rows with cosines, best first, as candidates: what does not point the same way is left out."""
    count = int(np.count_nonzero(cosines > 0))
    return Candidates(rows[:count], np.minimum(cosines[:count], np.float32(1.0)))


def first_allowed(rows: Rows, mask: BoolMask, k: int) -> Rows:
    """Return the first ``k`` of ``rows`` that ``mask`` allows, reading no further than needed."""
    found: list[Rows] = []
    count, start, step = 0, 0, 4 * k
    while start < len(rows) and count < k:
        part = rows[start : start + step]
        part = part[mask[part]]
        found.append(part)
        count += len(part)
        start += step
        step *= 4
    if not found:
        return rows[:0]
    return (found[0] if len(found) == 1 else np.concatenate(found))[:k]
