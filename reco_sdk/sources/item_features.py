"""What the fusion knows of candidates beside the sources' evidence: text, popularity, and whether they were seen before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.sources.history import History
from reco_sdk.types import Floats, Rows, Scores, Vectors

__all__ = ["ItemFeatures"]

LAST: Final = 6
DECAY: Final = 0.8
_OF_TEXT: Final = ("text_last", "text_best", "text_session")
_OF_GROUPS: Final = ("category", "brand")


@dataclass(frozen=True, slots=True, eq=False)
class ItemFeatures:
    """Arrays over ``n`` items.

    Parameters
    ----------
    popularity, trend
        float32 ``(n,)``: logarithms of how many interactions there were, and of how many lately.
    vectors
        float32 ``(n, d)``, unit rows or zero.
    groups
        int32 ``(n,)`` each, −1 for none: categories and brands, by name.
    """

    popularity: Scores
    trend: Scores
    vectors: Vectors | None
    groups: tuple[tuple[str, npt.NDArray[np.int32]], ...]

    @classmethod
    def of(
        cls,
        counts: npt.NDArray[np.int64],
        recent: npt.NDArray[np.int64],
        vectors: Vectors | None,
        **groups: npt.NDArray[np.int32] | None,
    ) -> ItemFeatures:
        """Take what there is."""
        known = tuple((name, group) for name in _OF_GROUPS if (group := groups.get(name)) is not None)
        return cls(np.log1p(counts).astype(np.float32), np.log1p(recent).astype(np.float32), vectors, known)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of :meth:`rows`."""
        text = () if self.vectors is None else _OF_TEXT
        return ("popularity", "trend", "seen_before", "seen_times", "history_length", *text, *(name for name, _ in self.groups))

    def rows(self, rows: Rows, history: History, out: npt.NDArray[np.float32]) -> None:
        """Fill one row of ``out``, float32 ``(len(rows), len(names))``, for each candidate."""
        out[:, 0] = self.popularity[rows]
        out[:, 1] = self.trend[rows]
        out[:, 2:4] = -1.0, 0.0
        out[:, 4] = len(history)
        if len(history):
            order = np.argsort(rows)
            place = np.searchsorted(rows, history.items, sorter=order)
            at = order[np.minimum(place, len(rows) - 1)]
            known = rows[at] == history.items
            out[at[known], 2] = history.steps[known]
            out[at[known], 3] = history.counts[known]
        column = 5
        if self.vectors is not None:
            out[:, 5:8] = self._of_text(self.vectors, rows, history)
            column = 8
        for _, group in self.groups:
            out[:, column] = self._of_group(group, rows, history)
            column += 1

    @staticmethod
    def _of_text(vectors: Vectors, rows: Rows, history: History) -> npt.NDArray[np.float32]:
        last = history.items[:LAST]
        if not len(last):
            return np.zeros((len(rows), 3), np.float32)
        # Not by BLAS, whose threads cost more than they bring on products this small.
        likeness = np.einsum("ij,kj->ik", vectors[rows], vectors[last])
        weights = (DECAY ** np.arange(len(last))).astype(np.float32)
        return np.stack((likeness[:, 0], likeness.max(axis=1), (likeness * (weights / weights.sum())).sum(axis=1)), axis=1)

    @staticmethod
    def _of_group(group: npt.NDArray[np.int32], rows: Rows, history: History) -> Floats:
        """Return how much of the history, nearer steps weighing more, is of each candidate's group."""
        last = group[history.items[:LAST]]
        weights = DECAY ** np.arange(len(last))
        same = (group[rows][:, None] == last[None, :]) & (last >= 0)[None, :]
        return np.asarray((same @ weights) / max(float(weights.sum()), 1e-9), np.float64)
