"""Counts the pairs of a log, session by session or user by user."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reco_sdk.sources.pair_counts import STEP_WEIGHTS, PairCounts
from reco_sdk.training.model import Log
from reco_sdk.types import Rows

__all__ = ["count_pairs", "pairs_in_order"]


def count_pairs(log: Log, groups: npt.NDArray[np.int32]) -> PairCounts:
    """Return the sum of :func:`~reco_sdk.sources.pair_counts.session_pairs` over groups, without a loop over them.

    Parameters
    ----------
    groups
        int32 ``(n,)``: ``log.sessions`` or ``log.users``.
    """
    order = np.argsort(groups, kind="stable")
    return pairs_in_order(groups[order], log.items[order], log.n_items)


def pairs_in_order(group: npt.NDArray[np.integer[Any]], items: Rows, n: int) -> PairCounts:
    """Return the same of interactions that stand group by group.

    Parameters
    ----------
    group, items
        ``(m,)``, the numbers of a group's interactions equal and adjacent.
    n
        How many items there are.
    """
    again = np.zeros(len(items), np.bool_)
    again[1:] = (group[1:] == group[:-1]) & (items[1:] == items[:-1])
    group, items = group[~again], items[~again]
    earlier: list[npt.NDArray[np.int32]] = []
    later: list[npt.NDArray[np.int32]] = []
    weights: list[npt.NDArray[np.int64]] = []
    for distance, weight in enumerate(STEP_WEIGHTS, 1):
        pair = np.flatnonzero((group[distance:] == group[:-distance]) & (items[distance:] != items[:-distance]))
        earlier.append(items[pair])
        later.append(items[pair + distance])
        weights.append(np.full(len(pair), weight, np.int64))
    return PairCounts.of(np.concatenate(earlier), np.concatenate(later), np.concatenate(weights), n)
