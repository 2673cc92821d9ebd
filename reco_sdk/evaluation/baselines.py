"""What every learned model is held against: chance, popularity, content, and means of ratings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from reco_sdk.index.exact import ExactIndex
from reco_sdk.interactions.weighting import decay
from reco_sdk.ports import Candidates
from reco_sdk.sessions.encoder import POSITION_DECAY, session_vector
from reco_sdk.training.model import Items, Log
from reco_sdk.types import BoolMask, Floats, Rows, Vectors

__all__ = [
    "Content",
    "MeanRatings",
    "Popularity",
    "Random",
    "fit_content",
    "fit_mean_ratings",
    "fit_popularity",
    "fit_random",
    "fit_recent_popularity",
]

HALF_LIFE_DAYS: Final = 30.0
_LONGEST: Final = 50
# Ratings that an item's or user's mean is drawn towards the whole's by (Koren: Collaborative filtering with temporal
# dynamics, 2009, uses 25 and 10 for Netflix).
_ITEM_PRIOR: Final = 10.0
_USER_PRIOR: Final = 5.0

_NOTHING: Final = Candidates(np.empty(0, np.int32), np.empty(0, np.float32))


class Random:
    """Anything, equally often: what chance reaches."""

    name: ClassVar[str] = "random"

    def __init__(self, n_items: int, seed: int = 0) -> None:
        self._n = n_items
        self._generator = np.random.default_rng(seed)

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:  # noqa: ARG002
        """Return items drawn by lot."""
        if mask is None and self._n > 4 * k:
            rows = np.unique(self._generator.integers(0, self._n, 2 * k, np.int32))
            rows = self._generator.permutation(rows)[:k]
        else:
            allowed = np.arange(self._n, dtype=np.int32) if mask is None else np.flatnonzero(mask).astype(np.int32)
            rows = self._generator.choice(allowed, min(k, len(allowed)), replace=False)
        return Candidates(rows, np.linspace(1.0, 0.0, len(rows), dtype=np.float32))


class Popularity:
    """The same for everybody: what most interactions were with."""

    def __init__(self, weights: Floats, name: str = "popularity") -> None:
        self.name = name
        self._order = np.argsort(-weights, kind="stable").astype(np.int32)[: int((weights > 0).sum())]
        top = weights[self._order]
        self._scores = (top / top[0]).astype(np.float32) if len(top) else np.empty(0, np.float32)

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:  # noqa: ARG002
        """Return the most popular items."""
        if mask is None:
            return Candidates(self._order[:k], self._scores[:k])
        end = min(k + len(history_items), len(self._order))
        while True:
            found = np.flatnonzero(mask[self._order[:end]])[:k]
            if len(found) == k or end == len(self._order):
                return Candidates(self._order[found], self._scores[found])
            end = min(4 * end, len(self._order))


class Content:
    """The items whose text is nearest to what was done lately, each step back counting a little less."""

    def __init__(self, vectors: Vectors, name: str = "content") -> None:
        self.name = name
        self._vectors = np.ascontiguousarray(vectors, np.float32)
        self._index = ExactIndex(self._vectors)
        self._known = np.any(self._vectors != 0.0, axis=1)
        self._all_known = bool(self._known.all())

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:  # noqa: ARG002
        """Return the nearest items."""
        items = history_items[-_LONGEST:]
        weights = POSITION_DECAY ** np.arange(len(items) - 1, -1, -1, dtype=np.float64)
        query = session_vector(self._vectors[items], weights)
        if query is None:
            return _NOTHING
        if not self._all_known:
            mask = self._known if mask is None else mask & self._known
        rows, cosines = self._index.search(query, k, mask)
        return Candidates(rows, np.clip((1.0 + cosines) / 2.0, 0.0, 1.0).astype(np.float32))


@dataclass(frozen=True, slots=True)
class MeanRatings:
    """Predicts the mean, and by how much a user and an item lie above it.

    Parameters
    ----------
    mean
        Of all ratings.
    users, items
        float64: what each adds to it, 0 for those without ratings.
    low, high
        Ends of the scale.
    """

    mean: float
    users: Floats
    items: Floats
    low: float
    high: float

    name: ClassVar[str] = "mean_ratings"

    def predict(self, user: int, item: int) -> float:
        """Return the rating expected."""
        return float(np.clip(self.mean + self.users[user] + self.items[item], self.low, self.high))


def fit_random(log: Log, items: Items) -> Random:
    """Fit nothing."""
    del log
    return Random(items.count)


def fit_popularity(log: Log, items: Items) -> Popularity:
    """Count interactions."""
    return Popularity(np.bincount(log.items, minlength=items.count).astype(np.float64))


def fit_recent_popularity(log: Log, items: Items) -> Popularity:
    """Count interactions, those of 30 days before the last one half; for times that are epoch seconds."""
    weights = decay(log.times, float(log.times[-1]), HALF_LIFE_DAYS) if len(log) else log.times
    return Popularity(np.bincount(log.items, weights, minlength=items.count).astype(np.float64), "recent_popularity")


def fit_content(log: Log, items: Items, name: str = "content") -> Content:
    """Take the items' vectors.

    Raises
    ------
    ValueError
        Where there are none.
    """
    del log
    if items.vectors is None:
        raise ValueError("items have no vectors: content cannot be told")
    return Content(items.vectors, name)


def fit_mean_ratings(log: Log, items: Items) -> MeanRatings:
    """Average ratings by item, and what is left by user.

    Raises
    ------
    ValueError
        Where nothing was rated.
    """
    del items
    if log.ratings is None or not len(log):
        raise ValueError("the log holds no ratings")
    ratings = log.ratings.astype(np.float64)
    mean = float(ratings.mean())
    of_items = np.bincount(log.items, ratings - mean, log.n_items) / (_ITEM_PRIOR + np.bincount(log.items, minlength=log.n_items))
    rest = ratings - mean - of_items[log.items]
    of_users = np.bincount(log.users, rest, log.n_users) / (_USER_PRIOR + np.bincount(log.users, minlength=log.n_users))
    return MeanRatings(mean, of_users, of_items, float(ratings.min()), float(ratings.max()))
