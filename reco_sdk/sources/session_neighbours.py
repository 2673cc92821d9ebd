"""Session neighbours: what the sessions most like this one went on to; see :mod:`reco_sdk.sources.session_knn`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.sources.context import Context, Reason, no_candidates
from reco_sdk.sources.evidence import graded
from reco_sdk.sources.history import History
from reco_sdk.sources.people import ENOUGH_PEOPLE
from reco_sdk.sources.proposals import distinct
from reco_sdk.sources.session_knn import Nearest
from reco_sdk.types import Floats

__all__ = ["PRIOR", "SessionNeighbours", "known_items", "none_but_own"]

LIKED_LATELY: Final = 12
PRIOR: Final = 3.0
"""So many neighbours that hold an item count half."""


class SessionNeighbours:
    """Votes of the nearest sessions to what the visitor liked lately, the seeds being what is looked at now."""

    name: ClassVar[str] = "session_knn"

    def knows(self, context: Context) -> bool:
        """Return whether another session is known that holds one of the items."""
        return not none_but_own(context)

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return what the neighbours hold and this session does not."""
        behaviour, history = context.behaviour, known_items(context)
        proposals = behaviour.neighbours.votes(_nearest(context))
        if not len(proposals.rows):
            return no_candidates()
        numbers, inverse = distinct(proposals.rows, behaviour.n)
        votes: Floats = np.bincount(inverse, proposals.columns[0], len(numbers)).astype(np.float64, copy=False)
        votes[(numbers[:, None] == history.items).any(axis=1)] = 0.0
        sessions = np.bincount(inverse, minlength=len(numbers)).astype(np.float64)
        return graded(context, numbers, votes, sessions, PRIOR, k)

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Say that similar visitors chose it, if they are enough."""
        behaviour = context.behaviour
        numbers = [behaviour.number_of_row(context.view, row) for row in rows]
        near = behaviour.neighbours.people_near(_nearest(context), np.asarray(numbers, np.int32))
        people = [near.get(number, 0) for number in numbers]
        texts = ("You may also like", "Chosen by visitors who viewed the same")
        return [Reason(texts[count >= ENOUGH_PEOPLE], people=count) for count in people]


def none_but_own(context: Context) -> bool:
    """Whether nobody is known to have seen these items but this very visitor, in this very session."""
    if context.none_but_own is None:
        context.none_but_own = context.behaviour.neighbours.adds_nothing(known_items(context))
    return context.none_but_own


def _nearest(context: Context) -> Nearest | None:
    if context.nearest_sessions is None:
        context.nearest_sessions = (context.behaviour.neighbours.nearest(known_items(context)),)
    return context.nearest_sessions[0]


def known_items(context: Context) -> History:
    """Return the item numbers that a session is known to hold, newest first."""
    if context.history_numbers is not None:
        return context.history_numbers
    behaviour, view = context.behaviour, context.view
    places = context.liked()[-LIKED_LATELY:]
    rows = [*context.history_rows[places].tolist(), *context.seeds[::-1].tolist()]
    times = [*(context.history[place].at for place in places.tolist()), *[context.now] * len(context.seeds)]
    numbers = [behaviour.number_of_row(view, row) for row in rows]
    known = [place for place, number in enumerate(numbers) if behaviour.seen(number)]
    items = np.asarray([numbers[place] for place in known], np.int32)
    context.history_numbers = History.of(items, np.asarray([times[place] for place in known], np.float64))
    return context.history_numbers
