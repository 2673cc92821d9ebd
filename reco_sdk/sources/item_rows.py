"""Item rows: for each item the items most alike, with weights that were computed offline, summed over the history.

What content neighbours, linear item-item models and neighbours among factors have in common while serving.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reco_sdk.ports import Candidates
from reco_sdk.sources.history import History
from reco_sdk.sources.proposals import NOTHING, Proposals, ranked
from reco_sdk.types import BoolMask, Floats, Rows, Scores

__all__ = ["ItemRows", "RowTable"]


@dataclass(frozen=True, slots=True)
class RowTable:
    """What belongs to item ``i`` is at ``offsets[i]:offsets[i + 1]``.

    Parameters
    ----------
    offsets
        int64 ``(n + 1,)``.
    rows
        int32 ``(m,)``.
    weights
        float32 ``(m,)``.
    """

    offsets: npt.NDArray[np.int64]
    rows: Rows
    weights: Scores

    @property
    def n(self) -> int:
        """How many items there are."""
        return len(self.offsets) - 1

    def to_arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, for a snapshot."""
        return {f"{prefix}_offsets": self.offsets, f"{prefix}_rows": self.rows, f"{prefix}_weights": self.weights}

    @classmethod
    def from_arrays(cls, array: Callable[[str], npt.NDArray[Any]], prefix: str) -> RowTable:
        """Rebuild from a snapshot's arrays."""
        return cls(array(f"{prefix}_offsets"), array(f"{prefix}_rows"), array(f"{prefix}_weights"))


class ItemRows:
    """Sums the rows of the history's items: ``Σ decay^steps · weight``.

    Parameters
    ----------
    name
        Of the source.
    table
        The rows.
    decays
        By column, what each step back counts of the one after it; 1 for a model of sets.
    max_items
        Items of the history read at most.
    """

    def __init__(self, name: str, table: RowTable, *, decays: tuple[float, ...], max_items: int) -> None:
        self.name = name
        self.columns = (name, *(f"{name}_{number}" for number in range(1, len(decays))))
        self.table = table
        self.decays = decays
        self.max_items = max_items

    def propose(self, history: History) -> Proposals:
        """Return the rows of the last items."""
        items = history.items[: self.max_items].tolist()
        if not items:
            return Proposals(NOTHING, (NOTHING,) * len(self.decays))
        offsets, table = self.table.offsets, self.table
        parts = [(int(offsets[item]), int(offsets[item + 1])) for item in items]
        rows = np.concatenate([table.rows[start:stop] for start, stop in parts])
        weights = np.concatenate([table.weights[start:stop] for start, stop in parts])
        sizes = [stop - start for start, stop in parts]
        steps = history.steps[: len(items)]
        columns = (weights if decay == 1.0 else weights * np.repeat(decay**steps, sizes) for decay in self.decays)
        return Proposals(rows, tuple(columns))

    def scale(self, rows: Rows) -> tuple[npt.NDArray[Any] | None, ...]:  # noqa: ARG002 -- nothing is scaled
        """Return no scales."""
        return (None,) * len(self.decays)

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:
        """Return the best rows; see :class:`reco_sdk.training.model.Model`."""
        return ranked(self, self.table.n, history_items, history_times, k, mask)
