"""What users' sources answer, worked out for many users at once at a fraction of the time.

One product of matrices searches for all of them exactly; :mod:`reco_sdk.newsletter.many` asks what others did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import numpy as np

from reco_sdk.engine import State
from reco_sdk.newsletter.many import MOST_ROWS, MOST_USERS, Many, damping
from reco_sdk.ports import Candidates
from reco_sdk.snapshot.view import View, top
from reco_sdk.sources.context import Context, LearnedSource, Reason
from reco_sdk.sources.session_neighbours import none_but_own
from reco_sdk.sources.session_vector import SessionVector
from reco_sdk.strategies import Strategy
from reco_sdk.types import BoolMask, Rows, Scores, Vector

__all__ = ["AT_ONCE", "Ahead", "fits", "floor"]

PARTS: Final = 4
"""So many parts for each score that is wanted: with fewer, more scores are above the floor."""
AT_ONCE: Final = 512
"""Users that are worked out together at most."""
IN_CACHE: Final = 128
"""Users whose similarities to all items are held at once: what a processor keeps at hand."""
MORE: Final = 64
"""Rows looked at beyond those asked for, since a few of the best are not for this user."""
ROOM: Final = 1 << 23
"""Numbers that users and items, or users and sessions, may take together."""


class Ahead:
    """A state that answers the searches of some users from similarities worked out before, and sources that know their answers.

    Parameters
    ----------
    state
        What serves.
    exact_limit
        In a larger catalogue a search reads a part of it, and is as fast by itself.
    """

    def __init__(self, state: State, exact_limit: int) -> None:
        self.state = state
        self._exact = fits(state.view, exact_limit)
        taken = max(len(state.view), state.behaviour.n, state.behaviour.neighbours.bound, 1)
        self._together = max(1, min(MOST_USERS, ROOM // taken))
        self._near: dict[bytes, tuple[Rows, Scores]] = {}
        if not self._exact:
            return
        # What can be bought; a search that may find anything else is an ordinary one.
        now = state.view.alive & state.view.available & state.view.has_vector
        self._rows = np.flatnonzero(now).astype(np.int32)
        self._others = np.flatnonzero(~now & state.view.has_vector)
        self._vectors = state.view.vectors_of(self._rows)
        self._scores = np.empty((IN_CACHE, len(self._rows)), np.float32)
        self._search_one = state.view.search
        view = copy(state.view)
        view.search = self._search  # type: ignore[method-assign]  # the only method that answers otherwise
        self.state = replace(state, view=view)

    def look(self, contexts: Sequence[Context], strategy: Strategy, k: int) -> Strategy:
        """Work out what the sources of some users, at most :data:`AT_ONCE`, answer when ``k`` are asked for.

        Returns
        -------
        Strategy
            The same, of sources that have these answers at hand.
        """
        sources = [source for source, _ in (*strategy.sources, *strategy.learned)]
        if self._exact and any(isinstance(source, SessionVector) for source in sources):
            self._look_around(contexts, k)
        names = {source.name for source in sources} & set(Many.ASKED) if len(self.state.view) <= MOST_ROWS else set()
        answers: dict[str, dict[int, Candidates | None]] = {name: {} for name in sorted(names)}
        damped = damping(self.state.behaviour.viewed.popularity)
        for start in range(0, len(contexts), self._together):
            some = contexts[start : start + self._together]
            many = Many(some, damped) if answers else None
            for name, known in answers.items():
                known.update(zip(map(id, some), Many.ASKED[name](many, k), strict=True))

        def twin(source: Any) -> Any:
            return Told(source, answers[source.name], k) if source.name in answers else source

        return replace(
            strategy,
            sources=tuple((twin(source), weight) for source, weight in strategy.sources),
            learned=tuple((twin(source), weight) for source, weight in strategy.learned),
        )

    def _look_around(self, contexts: Sequence[Context], k: int) -> None:
        found: dict[bytes, Vector] = {}
        for context in contexts:
            vector = context.session() if context.history else None
            if vector is not None:
                found[vector.tobytes()] = vector
        self._near = {}
        waiting = iter(found.items())
        while some := list(islice(waiting, IN_CACHE)):
            np.matmul(np.stack([vector for _, vector in some]), self._vectors.T, out=self._scores[: len(some)])
            # Nearly all may be shown to everybody: of a few more than are asked for, enough are left.
            for (key, _), scores in zip(some, self._scores, strict=False):
                near = np.flatnonzero(scores >= floor(scores, k + MORE))
                self._near[key] = self._rows[near], scores[near]

    def _search(self, query: Vector, k: int, mask: BoolMask) -> tuple[Rows, Scores]:
        known = self._near.get(query.tobytes())
        if known is not None and not (len(self._others) and mask[self._others].any()):
            rows, scores = known
            allowed = mask[rows]
            if np.count_nonzero(allowed) >= k:
                return top(rows[allowed], scores[allowed], k)
        return self._search_one(query, k, mask)


class Told:
    """A source that answers some contexts as it was told, and others as the source that it stands for."""

    def __init__(self, source: Any, answers: Mapping[int, Candidates | None], k: int) -> None:
        self.name: str = source.name
        self._source: LearnedSource = source
        self._answers = answers
        self._k = k

    def knows(self, context: Context) -> bool:
        """Return whether there may be candidates; what was worked out is at hand anyway."""
        return not none_but_own(context) if id(context) in self._answers else self._source.knows(context)

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return up to ``k`` rows."""
        found = self._answers.get(id(context)) if k == self._k else None
        return self._source.candidates(context, k) if found is None else found

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Say why each of ``rows`` was proposed."""
        return self._source.reasons(context, rows)


def floor(scores: Scores, k: int) -> np.float32:
    """Return a score that at least ``k`` reach, but not many more: the ``k``-th of the best of as many parts as that takes.

    The least finite score where ``k`` is beyond what there is. Several times as fast as to part all scores.
    """
    size = max(len(scores) // (PARTS * k), 1)
    parts = scores[: len(scores) // size * size].reshape(size, -1).max(axis=0, initial=-np.inf)
    floor = np.partition(parts, len(parts) - k)[len(parts) - k] if len(parts) >= k else -np.inf
    return np.float32(max(floor, np.finfo(np.float32).min))


def fits(view: View, limit: int) -> bool:
    """Whether a catalogue is small enough that all of it is compared exactly."""
    return 0 < len(view) <= limit
