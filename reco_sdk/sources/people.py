"""How many people stand behind a statement about what others did, so that a row reveals nobody's behaviour.

They are counted among the recent sessions, which know whose they are, and never beyond: who is missed there makes a statement
more cautious, not less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from reco_sdk.sources.context import Context

__all__ = ["ENOUGH_PEOPLE", "people_of", "people_together"]

ENOUGH_PEOPLE: Final = 5
"""With fewer, one of them might be known; a neutral wording is shown instead."""


def people_together(context: Context, starts: Sequence[int], rows: Sequence[int]) -> list[int]:
    """Return for each row how many different visitors had it and the row's start in one session; 0 without a start."""
    behaviour, view = context.behaviour, context.view
    numbers = [behaviour.number_of_row(view, row) for row in rows]
    found = [0] * len(rows)
    for start in set(starts):
        if start < 0:
            continue
        places = [place for place, given in enumerate(starts) if given == start]
        others = np.asarray([numbers[place] for place in places], np.int32)
        people = behaviour.neighbours.people_with(behaviour.number_of_row(view, start), others)
        for place in places:
            found[place] = people.get(numbers[place], 0)
    return found


def people_of(context: Context, row: int) -> int:
    """Return how many different visitors had a row's item in a recent session."""
    number = context.behaviour.number_of_row(context.view, row)
    return context.behaviour.neighbours.people_of(number) if number >= 0 else 0
