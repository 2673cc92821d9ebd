"""Factors: the items whose vectors meet that of a visitor, solved while serving from what this history holds.

Implicit alternating least squares (Hu, Koren, Volinsky: Collaborative filtering for implicit feedback datasets, ICDM 2008).
A visitor needs no vector of the model's: it is one small linear system, so a click counts at once and nobody is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.ports import Candidates
from reco_sdk.sources.history import History
from reco_sdk.sources.proposals import NOTHING, Proposals, ranked
from reco_sdk.types import BoolMask, Floats, Rows, Vectors

__all__ = ["MAX_ITEMS", "Factors"]

MAX_ITEMS: Final = 500
"""Items of the history read at most."""
MOST_ROWS: Final = 500
"""Rows proposed at most; of the others the fusion knows nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """Arrays over ``n`` items and ``f`` factors.

    Parameters
    ----------
    items
        float32 ``(n, f)``: what is known of each item, 0 where nothing is.
    gram
        float64 ``(f, f)``: the sum of ``v · vᵀ`` over all items.
    confidence
        How much more a chosen item counts than one that was not.
    ridge, prior
        ``ridge · √(h + prior)`` is added to the diagonal for a history of ``h`` items.
    name, columns
        As of every source.
    """

    items: Vectors
    gram: npt.NDArray[np.float64]
    confidence: float
    ridge: float
    prior: float

    name: str = "factors"
    columns: tuple[str, ...] = ("factors",)
    max_items: ClassVar[int] = MAX_ITEMS

    def vector(self, items: Rows) -> Floats:
        """Return float64 ``(f,)`` for somebody who chose ``items``, each named once."""
        chosen = self.items[items].astype(np.float64)
        system = self.gram + self.confidence * (chosen.T @ chosen)
        system[np.diag_indices_from(system)] += self.ridge * np.sqrt(len(chosen) + self.prior)
        out: Floats = np.linalg.solve(system, (1.0 + self.confidence) * chosen.sum(axis=0))
        return out

    def propose(self, history: History) -> Proposals:
        """Return the items nearest to the history's vector."""
        items = history.items[:MAX_ITEMS]
        if not len(items):
            return Proposals(NOTHING, (NOTHING,))
        scores = self.items @ self.vector(items).astype(np.float32)
        if len(scores) > MOST_ROWS:
            # What the history holds may be masked: it does not cost the others their places.
            most = min(MOST_ROWS + len(items), len(scores))
            rows = np.argpartition(scores, len(scores) - most)[-most:].astype(np.int32)
        else:
            rows = np.arange(len(scores), dtype=np.int32)
        rows = rows[scores[rows] > 0.0]
        return Proposals(rows, (scores[rows],))

    def scale(self, rows: Rows) -> tuple[npt.NDArray[Any] | None, ...]:  # noqa: ARG002 -- nothing is scaled
        """Return no scales."""
        return (None,)

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:
        """Return the best rows; see :class:`reco_sdk.training.model.Model`."""
        return ranked(self, len(self.items), history_items, history_times, k, mask)
