"""Co-occurrence: what visitors turned to after, and before, the items of this history, nearer ones weighing more.

Item-to-item collaborative filtering (Linden, Smith, York: Amazon.com Recommendations, IEEE Internet Computing 2003),
with a direction and a distance as in the sequential rules of Ludewig and Jannach (Evaluation of session-based
recommendation algorithms, UMUAI 2018).
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from reco_sdk.ports import Candidates
from reco_sdk.sources.history import History
from reco_sdk.sources.proposals import NOTHING, Proposals, ranked
from reco_sdk.types import BoolMask, Floats, Rows

__all__ = ["CoOccurrence"]

MAX_ITEMS: Final = 12
DECAY: Final = 0.5
SLOW_DECAY: Final = 0.85
BACKWARD: Final = 0.5
POPULARITY_POWER: Final = 0.25


class _Pairs(Protocol):
    def of_item(self, item: int) -> tuple[Rows, npt.NDArray[np.int32], npt.NDArray[np.int32]]: ...


class CoOccurrence:
    """Sums the pair counts of the history's items: ``Σ 0.5^steps · (after + before / 2) / popularity^0.25``.

    Parameters
    ----------
    pairs
        The best pairs by item, of a snapshot or live.
    popularity
        int64 ``(n,)``: interactions of each item.
    name
        ``co_occurrence`` over sessions, ``history`` over all that a user did.
    """

    def __init__(self, pairs: _Pairs, popularity: npt.NDArray[np.int64], name: str = "co_occurrence") -> None:
        self.name = name
        self.columns = (name, f"{name}_after", f"{name}_before", f"{name}_last")
        self._pairs = pairs
        self._popularity = popularity
        self._scale = np.maximum(popularity, 1) ** -POPULARITY_POWER

    def propose(self, history: History) -> Proposals:
        """Return the pairs of the last items."""
        items = history.items[:MAX_ITEMS]
        if not len(items):
            return Proposals(NOTHING, (NOTHING,) * 4)
        parts = [self._pairs.of_item(item) for item in items.tolist()]
        sizes = [len(part[0]) for part in parts]
        rows = np.concatenate([part[0] for part in parts])
        after = np.concatenate([part[1] for part in parts])
        before = np.concatenate([part[2] for part in parts])
        steps = history.steps[: len(items)]
        fast = np.repeat(DECAY**steps, sizes)
        slow = np.repeat(SLOW_DECAY**steps, sizes)
        last = np.zeros(len(rows))
        last[: sizes[0]] = after[: sizes[0]] / max(int(self._popularity[items[0]]), 1)
        return Proposals(rows, (fast * (after + BACKWARD * before), slow * after, slow * before, last))

    def scale(self, rows: Rows) -> tuple[npt.NDArray[Any] | None, ...]:
        """Return popularity^−0.25 for the score."""
        return (self._scale[rows], None, None, None)

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:
        """Return the best rows; see :class:`reco_sdk.training.model.Model`."""
        return ranked(self, len(self._popularity), history_items, history_times, k, mask)
