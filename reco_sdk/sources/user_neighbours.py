"""User-based neighbours: what users who chose much of the same chose beside it.

Resnick et al.: GroupLens, CSCW 1994; for choices without ratings, the cosine of what both chose (Sarwar et al.: Analysis of
recommendation algorithms for e-commerce, EC 2000). The whole history counts, whatever its order: what comes next is asked of
:class:`~reco_sdk.sources.session_knn.SessionKnn`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.ports import Candidates
from reco_sdk.sources.history import History
from reco_sdk.sources.proposals import NOTHING, Proposals, ranked
from reco_sdk.sources.session_lists import SessionLists
from reco_sdk.types import BoolMask, Floats, Rows

__all__ = ["UserNeighbours"]

MAX_ITEMS: Final = 500
"""Items of the history read at most."""
RECENT_USERS: Final = 1_000
"""Users read for each item, the most recent."""
NEIGHBOURS: Final = 100


class UserNeighbours:
    """Votes of the nearest users.

    Parameters
    ----------
    lists
        What each user chose.
    sizes
        int64, by the users' numbers in the lists: how many items.
    """

    max_items: ClassVar[int] = MAX_ITEMS

    def __init__(self, lists: SessionLists, sizes: npt.NDArray[np.int64]) -> None:
        self.name = "user_knn"
        self.columns = ("user_knn",)
        self._lists = lists
        self._roots = np.sqrt(np.maximum(sizes, 1))

    def propose(self, history: History) -> Proposals:
        """Return the votes of the nearest users, each as much as it is near."""
        found = [self._lists.of_item(item, RECENT_USERS)[0] for item in history.items[:MAX_ITEMS].tolist()]
        users = np.concatenate(found) if found else NOTHING
        if not len(users):
            return Proposals(NOTHING, (NOTHING,))
        shared = np.bincount(users, minlength=len(self._roots))
        numbers = np.flatnonzero(shared)
        near: Floats = shared[numbers] / (self._roots[numbers] * np.sqrt(len(history)))
        if len(numbers) > NEIGHBOURS:
            nearest = np.argpartition(-near, NEIGHBOURS - 1)[:NEIGHBOURS]
            numbers, near = numbers[nearest], near[nearest]
        rows, owner, _ = self._lists.gather(numbers.astype(np.int32))
        return Proposals(rows, (near[owner] / near.sum(),))

    def scale(self, rows: Rows) -> tuple[npt.NDArray[Any] | None, ...]:  # noqa: ARG002 -- nothing is scaled
        """Return no scales."""
        return (None,)

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:
        """Return the best rows; see :class:`reco_sdk.training.model.Model`."""
        return ranked(self, self._lists.n, history_items, history_times, k, mask)
