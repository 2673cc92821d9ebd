"""Fits factors of items: implicit alternating least squares, many rows at a time.

Hu, Koren, Volinsky: Collaborative filtering for implicit feedback datasets, ICDM 2008. Users and items are solved in turn, the
other side held; what is added to the diagonal grows with the root of how much there is of a row, between the fixed ridge of
that paper and the proportional one of Zhou et al. (Netflix prize, 2008), as Rendle et al. advise (Revisiting the performance of
iALS on item recommendation benchmarks, RecSys 2022).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.sources.factors import Factors
from reco_sdk.training.model import Items, Log

__all__ = ["fit_factors"]

FACTORS: Final = 64
CONFIDENCE: Final = 0.45
"""Over the root of the share of all pairs that were chosen: the sparser a log, the less it says that one was not."""
MOST_CONFIDENCE: Final = 32.0
RIDGE: Final = 3.0
UNSEEN: Final = 0.01
"""What an item that was not chosen counts beside a chosen one, in the ridge."""
ROUNDS: Final = 8
_CELLS: Final = 4_000_000

Table = npt.NDArray[np.float64]
Lists = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def fit_factors(
    log: Log,
    items: Items,  # noqa: ARG001 -- every fit has the same form
    *,
    factors: int = FACTORS,
    confidence: float | None = None,
    ridge: float = RIDGE,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Factors:
    """Solve users and items in turn; what was done twice counts once."""
    keys = np.unique(log.users.astype(np.int64) * max(log.n_items, 1) + log.items)
    users, chosen = np.divmod(keys, max(log.n_items, 1))
    of_users, of_items = _lists(users, chosen, log.n_users), _lists(chosen, users, log.n_items)
    known = np.diff(of_items[0]) > 0
    active = float((np.diff(of_users[0]) > 0).sum())
    sure = confidence
    if sure is None:
        sure = min(CONFIDENCE * (active * float(known.sum()) / max(len(keys), 1)) ** 0.5, MOST_CONFIDENCE)
    left = np.zeros((log.n_users, factors))
    right = 0.1 * np.random.default_rng(seed).standard_normal((log.n_items, factors)) * known[:, None]
    prior = UNSEEN * float(known.sum())
    for _ in range(rounds):
        _solve(left, right, of_users, sure, ridge, prior)
        _solve(right, left, of_items, sure, ridge, UNSEEN * active)
    vectors = right.astype(np.float32)
    gram = vectors.T.astype(np.float64) @ vectors
    return Factors(vectors, gram, sure, ridge, prior)


def _lists(groups: npt.NDArray[np.int64], others: npt.NDArray[np.int64], count: int) -> Lists:
    """Return what belongs to group ``g``, at ``offsets[g]:offsets[g + 1]``."""
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(groups, minlength=count), out=offsets[1:])
    return offsets, others[np.argsort(groups, kind="stable")]


def _solve(side: Table, other: Table, lists: Lists, confidence: float, ridge: float, prior: float) -> None:
    """Solve each row of a side that has anything; rows of like length together, the shorter filled up with nothing."""
    offsets, others = lists
    sizes = np.diff(offsets)
    factors = side.shape[1]
    gram = other.T @ other
    padded = np.concatenate((other, np.zeros((1, factors))))
    order = np.argsort(sizes, kind="stable")
    start = int(np.searchsorted(sizes[order], 1))
    unit = np.eye(factors)
    while start < len(order):
        stop = start + 1
        longest = int(sizes[order[start]])
        while stop < len(order):
            longer = int(sizes[order[stop]])
            if (stop + 1 - start) * max(longer, factors) * factors > _CELLS or longer > 1.25 * sizes[order[start]] + 4:
                break
            longest, stop = longer, stop + 1
        rows = order[start:stop]
        met = _gather(padded, offsets[rows], sizes[rows], others, longest)
        systems: Any = confidence * (met.transpose(0, 2, 1) @ met)
        systems += gram
        systems += (ridge * np.sqrt(sizes[rows] + prior))[:, None, None] * unit
        side[rows] = np.linalg.solve(systems, (1.0 + confidence) * met.sum(axis=1)[:, :, None])[:, :, 0]
        start = stop


def _gather(
    padded: Table, starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], others: npt.NDArray[np.int64], longest: int
) -> Table:
    """Return ``(rows, longest, f)``; the last row of ``padded`` is nothing."""
    places = starts[:, None] + np.arange(longest)
    within = np.arange(longest) < sizes[:, None]
    out: Table = padded[np.where(within, others[np.minimum(places, len(others) - 1)], len(padded) - 1)]
    return out
