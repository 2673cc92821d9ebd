"""Models of ratings: neighbours among users, neighbours among items, factors with biases."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.training.model import Items, Log
from reco_sdk.types import Floats

__all__ = [
    "MAX_CELLS",
    "BiasedFactors",
    "Neighbours",
    "fit_biased_factors",
    "fit_item_neighbours",
    "fit_user_neighbours",
]

MAX_CELLS: Final = 40_000_000
"""Users × items, and the square of either, up to which neighbours are looked for; they are kept as one table."""

NEIGHBOURS: Final = 40
SHRINKAGE: Final = 25.0
FACTORS: Final = 20
ROUNDS: Final = 12
REGULARISATION: Final = 0.15

Table = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Predicts from what alike users said of an item, or from what a user said of alike items.

    ``rest + Σ similarity · (rating - base) / Σ similarity`` over the most alike that say something, and only those that are
    alike at all (Resnick et al.: GroupLens, CSCW 1994; Sarwar et al.: Item-based collaborative filtering, WWW 2001).

    Parameters
    ----------
    name
        ``user_neighbours`` or ``item_neighbours``.
    ratings
        float64 ``(rows, columns)``, NaN for none: one row for each of those that are compared.
    similarity
        float64 ``(rows, rows)``, 0 on the diagonal.
    base
        float64 ``(rows,)``: what is taken off a row's ratings.
    rest
        float64 ``(users,)``: what is predicted where nothing can be told.
    by_user
        Whether the rows are users.
    k
        How many neighbours at most.
    """

    name: str
    ratings: Table
    similarity: Table
    base: Floats
    rest: Floats
    by_user: bool
    k: int

    def predict(self, user: int, item: int) -> float:
        """Return the rating expected."""
        row, column = (user, item) if self.by_user else (item, user)
        given = self.ratings[:, column]
        alike = np.where(np.isfinite(given), self.similarity[row], 0.0)
        near = np.argsort(-alike, kind="stable")[: self.k] if self.k < len(alike) else np.arange(len(alike))
        near = near[alike[near] > 0]
        if not len(near):
            return float(self.rest[user])
        weights = alike[near]
        offset = float(weights @ (given[near] - self.base[near]) / weights.sum())
        return float(self.base[row]) + offset


def fit_user_neighbours(log: Log, items: Items, *, k: int = NEIGHBOURS, shrinkage: float = SHRINKAGE) -> Neighbours:
    """Compare users by Pearson's correlation over what both rated, less where that is little."""
    table = _table(log, items)
    means = _row_means(table, _mean(log))
    known = np.isfinite(table)
    filled = np.where(known, table, 0.0)
    both = known.astype(np.float64)
    count = both @ both.T
    sums = filled @ both.T
    squares = filled**2 @ both.T
    per = np.maximum(count, 1.0)
    covariance = filled @ filled.T - sums * sums.T / per
    spread = np.maximum(squares - sums**2 / per, 0.0)
    similarity = _similarity(covariance, spread * spread.T, count, shrinkage)
    return Neighbours("user_neighbours", table, similarity, means, means, by_user=True, k=k)


def fit_item_neighbours(log: Log, items: Items, *, k: int = NEIGHBOURS, shrinkage: float = SHRINKAGE) -> Neighbours:
    """Compare items by the cosine of how far their users' ratings lie above these users' means."""
    table = _table(log, items)
    means = _row_means(table, _mean(log))
    known = np.isfinite(table)
    above = np.where(known, table - means[:, None], 0.0)
    both = known.astype(np.float64)
    squares = (above**2).T @ both
    similarity = _similarity(above.T @ above, squares * squares.T, both.T @ both, shrinkage)
    return Neighbours("item_neighbours", table.T.copy(), similarity, np.zeros(items.count), means, by_user=False, k=k)


def _similarity(product: Table, norms: Table, count: Table, shrinkage: float) -> Table:
    out: Table = np.divide(product, np.sqrt(norms), out=np.zeros_like(product), where=norms > 1e-12)
    out *= count / (count + shrinkage) if shrinkage else 1.0
    np.fill_diagonal(out, 0.0)
    return out


def _ratings(log: Log) -> Floats:
    if log.ratings is None or not len(log):
        raise ValueError("the log holds no ratings")
    return log.ratings.astype(np.float64)


def _mean(log: Log) -> float:
    return float(_ratings(log).mean())


def _table(log: Log, items: Items) -> Table:
    """Return users × items, the last rating of each pair."""
    table = np.full((log.n_users, items.count), np.nan)
    table[log.users, log.items] = _ratings(log)
    return table


def _row_means(table: Table, otherwise: float) -> Floats:
    known = np.isfinite(table)
    count = known.sum(axis=1)
    total = np.where(known, table, 0.0).sum(axis=1)
    means: Floats = np.divide(total, count, out=np.full(len(table), otherwise), where=count > 0)
    return means


@dataclass(frozen=True, slots=True)
class BiasedFactors:
    """Predicts ``mean + b_user + b_item + u · v`` (Koren, Bell, Volinsky: Matrix factorization techniques, 2009).

    Parameters
    ----------
    mean
        Of all ratings.
    user_biases, item_biases
        float64.
    users, items
        float64 ``(n, f)``.
    low, high
        Ends of the scale, that no prediction passes.
    """

    mean: float
    user_biases: Floats
    item_biases: Floats
    users: Table
    items: Table
    low: float
    high: float
    name: str = "biased_factors"

    def predict(self, user: int, item: int) -> float:
        """Return the rating expected."""
        told = self.mean + self.user_biases[user] + self.item_biases[item] + self.users[user] @ self.items[item]
        return float(min(max(told, self.low), self.high))


def fit_biased_factors(
    log: Log,
    items: Items,
    seconds: float = float("inf"),
    *,
    factors: int = FACTORS,
    rounds: int = ROUNDS,
    regularisation: float = REGULARISATION,
    seed: int = 0,
) -> BiasedFactors:
    """Fit biases and factors by alternating least squares, each side with the other held, until the time is over.

    A bias is a factor whose other side is 1: so one solution finds both. What is added to the squares grows with how much
    somebody rated (Zhou et al.: Large-scale parallel collaborative filtering for the Netflix prize, 2008).
    """
    ratings = _ratings(log)
    mean = float(ratings.mean())
    rest = ratings - mean
    generator = np.random.default_rng(seed)
    # Columns: the factors, then 1 for the other side's bias to meet, then the own bias.
    left = np.column_stack((0.1 * generator.standard_normal((log.n_users, factors)), np.ones(log.n_users), np.zeros(log.n_users)))
    right = np.column_stack(
        (0.1 * generator.standard_normal((items.count, factors)), np.zeros(items.count), np.ones(items.count))
    )
    own_left, own_right = [*range(factors), factors + 1], list(range(factors + 1))
    by_user, by_item = _groups(log.users, log.n_users), _groups(log.items, items.count)
    left[np.diff(by_user[1]) == 0, :factors] = right[np.diff(by_item[1]) == 0, :factors] = 0.0  # nothing is known of these
    ends = time.monotonic() + seconds
    for _ in range(rounds):
        _solve(left, own_left, factors, right, by_user, log.items, rest, regularisation)
        _solve(right, own_right, factors + 1, left, by_item, log.users, rest, regularisation)
        if time.monotonic() > ends:
            break
    return BiasedFactors(
        mean=mean,
        user_biases=left[:, factors + 1].copy(),
        item_biases=right[:, factors].copy(),
        users=left[:, :factors].copy(),
        items=right[:, :factors].copy(),
        low=float(ratings.min()),
        high=float(ratings.max()),
    )


def _groups(numbers: npt.NDArray[np.int32], count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(numbers, minlength=count), out=offsets[1:])
    return np.argsort(numbers, kind="stable"), offsets


def _solve(
    side: Table,
    own: list[int],
    fixed: int,
    other: Table,
    groups: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    others: npt.NDArray[np.int32],
    rest: Floats,
    regularisation: float,
) -> None:
    """Solve each row of a side; its column ``fixed`` is 1, and carries the other side's bias."""
    order, offsets = groups
    unit = np.eye(len(own))
    for row in np.flatnonzero(np.diff(offsets)).tolist():
        places = order[offsets[row] : offsets[row + 1]]
        met = other[others[places]]
        known = met[:, own]
        target = rest[places] - met[:, fixed]
        square = known.T @ known + regularisation * len(places) * unit
        side[row, own] = np.linalg.solve(square, known.T @ target)
