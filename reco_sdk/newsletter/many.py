"""What some sources propose to many users at once: the same candidates, by a few calls of numpy for all instead of many for each.

Users are told apart by adding the user's place times the number of items to each item, so that one pass over all of them sums,
ranks and cuts for each. Each function answers for contexts without seeds what the source of its name answers one by one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.ports import Candidates
from reco_sdk.sources import also_viewed as viewed
from reco_sdk.sources import session_items as near_items
from reco_sdk.sources import session_neighbours as neighbours
from reco_sdk.sources.behaviour import Numbers
from reco_sdk.sources.co_occurrence import BACKWARD, DECAY
from reco_sdk.sources.context import Context, no_candidates, similar
from reco_sdk.sources.evidence import POPULARITY_POWER
from reco_sdk.sources.pair_counts import STEP_WEIGHTS
from reco_sdk.sources.proposals import distinct
from reco_sdk.types import BoolMask, Floats, Rows, Scores

__all__ = ["MOST_ROWS", "MOST_USERS", "Many", "damping"]

MOST_USERS: Final = 32
MOST_ROWS: Final = 1 << 26
_ROW_BITS: Final = 26
_SCORE_BITS: Final = 30
_OWNER_SHIFT: Final = _ROW_BITS + _SCORE_BITS
_GREATEST: Final = (1 << _SCORE_BITS) - 1

Keys = npt.NDArray[np.int64]


class Many:
    """Users that are answered together.

    Parameters
    ----------
    contexts
        At most :data:`MOST_USERS`, of one view of at most :data:`MOST_ROWS` rows, without seeds.
    damped
        Of :func:`damping`, as it was lately.
    """

    def __init__(self, contexts: Sequence[Context], damped: Floats) -> None:
        self._damped = damped
        self._contexts = contexts
        self._view, self._behaviour = contexts[0].view, contexts[0].behaviour
        self._rows = len(self._view)
        # A user's row is allowed where the mask of all is true at the user's place · rows + row.
        self._masks: BoolMask = np.concatenate([context.mask for context in contexts])

    def session_neighbours(self, k: int) -> list[Candidates]:
        """Answer as :class:`~reco_sdk.sources.session_neighbours.SessionNeighbours`."""
        histories = [neighbours.known_items(context) for context in self._contexts]
        owner, proposals = self._behaviour.neighbours.votes_for_each(histories)
        if not len(owner):
            return [no_candidates()] * len(self._contexts)
        n = self._behaviour.n
        keys, inverse = self._distinct(owner, proposals.rows, n)
        votes: Floats = np.bincount(inverse, proposals.columns[0], len(keys)).astype(np.float64, copy=False)
        sizes = [len(history) for history in histories]
        own = np.repeat(np.arange(len(histories)) * n, sizes) + np.concatenate([history.items for history in histories])
        votes[np.isin(keys, own)] = 0.0
        sessions = np.bincount(inverse, minlength=len(keys)).astype(np.float64)
        return self._graded(keys, n, votes, sessions, neighbours.PRIOR, k)

    def also_viewed(self, k: int) -> list[Candidates]:
        """Answer as :class:`~reco_sdk.sources.also_viewed.AlsoViewed`."""
        behaviour, pairs = self._behaviour, self._behaviour.viewed.pairs
        found: list[tuple[Rows, Any, Any]] = []
        owners: list[int] = []
        shares: list[float] = []
        for owner, context in enumerate(self._contexts):
            for place, row in enumerate(context.lately(viewed.MAX_ITEMS)):
                number = behaviour.number_of_row(self._view, row)
                if number >= 0:
                    found.append(pairs.of_item(number))
                    owners.append(owner)
                    shares.append(DECAY**place / STEP_WEIGHTS[0])
        sizes = [len(numbers) for numbers, _, _ in found]
        if not sum(sizes):
            return [no_candidates()] * len(self._contexts)
        numbers, after, before = (np.concatenate(column) for column in zip(*found, strict=True))
        amounts = (after + BACKWARD * before) * np.repeat(shares, sizes)
        # Asked after the pairs: what is counted meanwhile may bring new items.
        n, popularity = behaviour.n, behaviour.viewed.popularity
        keys, inverse = self._distinct(np.repeat(owners, sizes), numbers, n)
        amount: Floats = np.bincount(inverse, amounts, len(keys)).astype(np.float64, copy=False)
        damped = self._damped if len(self._damped) == len(popularity) else damping(popularity)
        return self._graded(keys, n, amount * damped[keys % n], amount, viewed.PRIOR, k)

    def session_items(self, k: int) -> list[Candidates | None]:
        """Answer as :class:`~reco_sdk.sources.session_items.SessionItems`, ``None`` for users who dismissed something."""
        lately: list[list[int]] = []
        answered = []
        for context in self._contexts:
            rows, weights = context.events()
            answered.append(not (weights < 0).any())
            lately.append(list(dict.fromkeys(rows[weights > 0][::-1].tolist()))[: near_items.MAX_ITEMS])
        items = np.asarray([row for rows in lately for row in rows], np.int64)
        if not len(items):
            return [no_candidates() if known else None for known in answered]
        ages = np.concatenate([near_items.BY_AGE[: len(rows)] for rows in lately])
        near, cosines = self._view.neighbours_of_each(items, max(k // 2, 1), np.ones(self._rows, np.bool_))
        scores: Scores = (cosines * ages).ravel().astype(np.float32, copy=False)
        owner, rows = np.repeat(np.repeat(np.arange(len(lately)), [len(rows) for rows in lately]), near.shape[1]), near.ravel()
        # What is not alike is left out at last; here, at first, since it would only come behind.
        kept = np.flatnonzero((scores > 0.0) & self._masks[owner * self._rows + rows])
        order = kept[(_keys(owner[kept], scores[kept]) | np.arange(len(kept))).argsort()]
        order = order[_places(owner[order], len(lately)) < 2 * k]
        # Best first, so that the first of equal rows is the one to keep.
        order = order[np.sort(np.unique(owner[order] * self._rows + rows[order], return_index=True)[1])]
        order = order[_places(owner[order], len(lately)) < k]
        owner, rows, scores = owner[order], rows[order], scores[order]
        ends = np.searchsorted(owner, np.arange(len(lately) + 1)).tolist()
        return [
            similar(rows[start:stop], scores[start:stop]) if known else None
            for known, (start, stop) in zip(answered, itertools.pairwise(ends), strict=True)
        ]

    ASKED: ClassVar[Mapping[str, Callable[[Any, int], Sequence[Candidates | None]]]] = {
        "session_knn": session_neighbours,
        "co_occurrence": also_viewed,
        "session_items": session_items,
    }
    """By the name of the source."""

    def _distinct(self, owner: npt.NDArray[Any], numbers: npt.NDArray[Any], n: int) -> tuple[Keys, npt.NDArray[np.int32]]:
        return distinct(owner * np.int64(n) + numbers, len(self._contexts) * n)

    def _graded(self, keys: Keys, n: int, strength: Floats, amount: Floats, prior: float, k: int) -> list[Candidates]:
        """Rank as :func:`reco_sdk.sources.evidence.graded`."""
        owner = keys // n
        greatest = np.zeros(len(self._contexts))
        np.maximum.at(greatest, owner, strength)
        rows = self._behaviour.rows(self._view, (keys - owner * n).astype(np.int32))
        allowed = (rows >= 0) & (strength > 0.0)
        allowed &= self._masks[owner * self._rows + rows]
        owner, rows, amount = owner[allowed], rows[allowed], amount[allowed]
        scores = (strength[allowed] / greatest[owner] * (amount / (amount + prior))).astype(np.float32)
        ranked = np.sort(_keys(owner, scores) | rows)
        return _cut(ranked, len(self._contexts), k)


def damping(popularity: Numbers) -> Floats:
    """Return by item number what the strength of a pair is multiplied with; see :func:`reco_sdk.sources.evidence.summed`."""
    damped: Floats = np.maximum(popularity, 1) ** -POPULARITY_POWER
    return damped


def _keys(owner: npt.NDArray[Any], scores: Scores) -> Keys:
    """Return numbers that ascend by owner, then by descending score, with room for a row: positive floats sort as their bits."""
    return (owner.astype(np.int64) << _OWNER_SHIFT) | ((_GREATEST - scores.view(np.int32).astype(np.int64)) << _ROW_BITS)


def _places(owner: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """Return the place of each among those of its owner, which stand together."""
    places: npt.NDArray[Any] = np.arange(len(owner)) - np.searchsorted(owner, np.arange(count))[owner]
    return places


def _cut(ranked: Keys, count: int, k: int) -> list[Candidates]:
    """Return the best ``k`` rows of each owner from ascending keys."""
    ends = np.searchsorted(ranked, np.arange(count + 1, dtype=np.int64) << _OWNER_SHIFT).tolist()
    rows = (ranked & (MOST_ROWS - 1)).astype(np.int32)
    scores = (_GREATEST - ((ranked >> _ROW_BITS) & _GREATEST)).astype(np.int32).view(np.float32)
    parts = [slice(start, min(stop, start + k)) for start, stop in itertools.pairwise(ends)]
    return [Candidates(rows[part], scores[part]) for part in parts]
