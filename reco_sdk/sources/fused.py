"""The fusion: candidates of all sources, one row of features each, ranked by what was learnt, or by a blend.

Learning to rank over candidate generators (Burges: From RankNet to LambdaRank to LambdaMART, 2010; Ke et al.: LightGBM,
NeurIPS 2017).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from reco_sdk.ports import Candidates
from reco_sdk.snapshot.view import top
from reco_sdk.sources.history import History
from reco_sdk.sources.item_features import ItemFeatures
from reco_sdk.sources.proposals import Proposer, distinct
from reco_sdk.types import BoolMask, Floats, Rows, Scores

__all__ = ["Blend", "Fused", "Pool", "Ranker"]

_NONE: Final = Candidates(np.empty(0, np.int32), np.empty(0, np.float32))


class Ranker(Protocol):
    """Rows of features to scores."""

    def predict(self, features: npt.NDArray[np.float32]) -> Floats:
        """Return float64 ``(m,)``, greater for what is to stand further up."""
        ...


class _Places(threading.local):
    """Where each row stands among the candidates of this call; −1 for those that are none."""

    def __init__(self) -> None:
        self.of = np.empty(0, np.int32)


_places = _Places()


class Pool:
    """Draws candidates from sources and describes them.

    Parameters
    ----------
    sources
        What proposes.
    known
        What else is known of items.
    always
        int32: items that are candidates of every request, the most popular.
    limit
        The best so many of each source.
    most
        Candidates at most: of those more, the ones of which the sources together say most. What they say little of would
        hardly come to stand at the top, costs time, and is easy to tell apart, so that a ranker would learn from it what it
        need not know.
    """

    def __init__(self, sources: Sequence[Proposer], known: ItemFeatures, always: Rows, limit: int, most: int) -> None:
        self.sources = tuple(sources)
        self.known = known
        self.always = always
        self.limit = limit
        self.most = most
        self.n = len(known.popularity)
        self.reach = max((getattr(source, "max_items", 0) for source in sources), default=0)
        columns = [column for source in sources for column in source.columns]
        self.leads = [columns.index(source.columns[0]) for source in sources]
        self.names = (*columns, *(f"{source.name}_share" for source in sources), *known.names)

    def apart(self) -> list[list[int]]:
        """Return the columns of each source, and each of the others, with how long the history is beside all of them."""
        length = self.names.index("history_length")
        start, shares = 0, sum(len(source.columns) for source in self.sources)
        groups = []
        for number, source in enumerate(self.sources):
            groups.append([*range(start, start + len(source.columns)), shares + number, length])
            start += len(source.columns)
        return [*groups, *([column, length] for column in range(shares + len(self.sources), len(self.names)) if column != length)]

    def history(self, items: Rows, times: Floats) -> History:
        """Read as much of a history as any source looks at."""
        return History.of(items, times, max(self.reach, 50))

    def draw(self, history: History, mask: BoolMask | None) -> tuple[Rows, npt.NDArray[np.float32]]:
        """Return candidates and float32 ``(m, len(names))`` of them."""
        found: list[tuple[Rows, list[Floats]]] = []
        chosen = [self.always if mask is None else self.always[mask[self.always]]]
        for source in self.sources:
            rows, sums = self._sums(source, history, mask)
            found.append((rows, sums))
            if len(rows) > self.limit:
                rows = rows[np.argpartition(sums[0], len(rows) - self.limit)[-self.limit :]]
            chosen.append(rows)
        candidates, _ = distinct(np.concatenate(chosen), self.n)
        if len(candidates) > self.most:
            candidates = self._best(candidates, found)
        features = np.zeros((len(candidates), len(self.names)), np.float32)
        if not len(candidates):
            return candidates, features
        self._fill(candidates, found, features)
        self.known.rows(candidates, history, features[:, len(self.names) - len(self.known.names) :])
        return candidates, features

    def _best(self, candidates: Rows, found: list[tuple[Rows, list[Floats]]]) -> Rows:
        """Return those of which the sources together say most."""
        places = self._placed(candidates)
        total = np.zeros(len(candidates))
        for rows, sums in found:
            if len(rows) and (best := float(sums[0].max())) > 0:
                at = places[rows]
                known = at >= 0
                total[at[known]] += sums[0][known] / best
        places[candidates] = -1
        return candidates[np.argpartition(total, len(total) - self.most)[-self.most :]]

    def _placed(self, candidates: Rows) -> npt.NDArray[np.int32]:
        if len(_places.of) < self.n:
            _places.of = np.full(self.n, -1, np.int32)
        places = _places.of
        places[candidates] = np.arange(len(candidates), dtype=np.int32)
        return places

    def _sums(self, source: Proposer, history: History, mask: BoolMask | None) -> tuple[Rows, list[Floats]]:
        proposals = source.propose(history)
        rows, columns = proposals.rows, proposals.columns
        if mask is not None and len(rows):
            allowed = mask[rows]
            rows, columns = rows[allowed], tuple(column[allowed] for column in columns)
        if not len(rows):
            return rows, [np.empty(0) for _ in columns]
        rows, inverse = distinct(rows, self.n)
        sums: list[Floats] = [np.bincount(inverse, column, len(rows)).astype(np.float64, copy=False) for column in columns]
        for place, scale in enumerate(source.scale(rows)):
            if scale is not None:
                sums[place] = sums[place] * scale
        return rows, sums

    def _fill(self, candidates: Rows, found: list[tuple[Rows, list[Floats]]], features: npt.NDArray[np.float32]) -> None:
        places = self._placed(candidates)
        column = 0
        shares = sum(len(source.columns) for source in self.sources)
        for number, (rows, sums) in enumerate(found):
            if len(rows):
                at = places[rows]
                best, of_rows = float(sums[0].max()), sums
                if len(rows) > self.limit or len(candidates) == self.most:
                    known = at >= 0
                    at, of_rows = at[known], [values[known] for values in sums]
                for place, values in enumerate(of_rows):
                    features[at, column + place] = values
                if best > 0:
                    features[at, shares + number] = of_rows[0] / best
            column += len(sums)
        places[candidates] = -1


@dataclass(frozen=True, slots=True)
class Blend:
    """A weighted sum of features, for little evidence.

    Parameters
    ----------
    weights
        float64, one for each column of the pool.
    """

    weights: Floats

    def predict(self, features: npt.NDArray[np.float32]) -> Floats:
        """Return the sums."""
        return np.asarray(features @ self.weights, np.float64)


class Fused:
    """Ranks the candidates of all sources.

    Parameters
    ----------
    pool
        Where candidates and their features come from.
    ranker
        What ranks them.
    choice
        How the ranker came to be, in words.
    name
        In tables.
    """

    def __init__(self, pool: Pool, ranker: Ranker, choice: str, name: str = "fusion") -> None:
        self.name = name
        self.pool = pool
        self.ranker = ranker
        self.choice = choice

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:
        """Return the best rows; see :class:`reco_sdk.training.model.Model`."""
        rows, features = self.pool.draw(self.pool.history(history_items, history_times), mask)
        if not len(rows):
            return _NONE
        scores: Scores = self.ranker.predict(features).astype(np.float32)
        return Candidates(*top(rows, scores, k))
