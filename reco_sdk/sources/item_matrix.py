"""An item matrix: what each item says of every other, for and against, where a catalogue is small enough to keep it all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reco_sdk.ports import Candidates
from reco_sdk.sources.history import History
from reco_sdk.sources.proposals import NOTHING, Proposals, ranked
from reco_sdk.types import BoolMask, Floats, Rows

__all__ = ["ItemMatrix"]


@dataclass(frozen=True, slots=True, eq=False)
class ItemMatrix:
    """Sums the rows of the history's items: ``Σ decay^steps · weight``.

    As :class:`~reco_sdk.sources.item_rows.ItemRows`, but nothing is left out: what speaks against an item counts too.

    Parameters
    ----------
    name
        Of the source.
    weights
        float32 ``(n, n)``.
    decays
        By column, what each step back counts of the one after it; 1 for a model of sets.
    max_items
        Items of the history read at most.
    """

    name: str
    weights: npt.NDArray[np.float32]
    decays: tuple[float, ...]
    max_items: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what it tells of a row."""
        return (self.name, *(f"{self.name}_{number}" for number in range(1, len(self.decays))))

    def propose(self, history: History) -> Proposals:
        """Return a sum for every item."""
        items = history.items[: self.max_items]
        if not len(items):
            return Proposals(NOTHING, (NOTHING,) * len(self.decays))
        steps = history.steps[: len(items)]
        factors = np.stack([decay**steps for decay in self.decays]).astype(np.float32)
        return Proposals(np.arange(len(self.weights), dtype=np.int32), tuple(factors @ self.weights[items]))

    def scale(self, rows: Rows) -> tuple[npt.NDArray[Any] | None, ...]:  # noqa: ARG002 -- nothing is scaled
        """Return no scales."""
        return (None,) * len(self.decays)

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:
        """Return the best rows; see :class:`reco_sdk.training.model.Model`."""
        return ranked(self, len(self.weights), history_items, history_times, k, mask)
