"""Lists what each user chose, for the user-based neighbours."""

from __future__ import annotations

import numpy as np

from reco_sdk.sources.user_neighbours import UserNeighbours
from reco_sdk.training.model import Items, Log
from reco_sdk.training.session_knn import list_sessions

__all__ = ["fit_user_knn"]


def fit_user_knn(log: Log, items: Items) -> UserNeighbours:  # noqa: ARG001 -- every fit has the same form
    """Take each user's items once, where they stand last."""
    keys = log.users.astype(np.int64) * max(log.n_items, 1) + log.items
    _, last = np.unique(keys[::-1], return_index=True)
    kept = np.zeros(len(log), np.bool_)
    kept[len(log) - 1 - last] = True
    lists = list_sessions(log.take(kept), log.users[kept])
    return UserNeighbours(lists, np.diff(lists.sessions.offsets))
