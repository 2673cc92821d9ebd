"""Also viewed: what visitors turned to in the sessions in which they saw these items.

The counts and the order of :class:`~reco_sdk.sources.co_occurrence.CoOccurrence`, as fusion needs them: graded by the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from reco_sdk.ports import Candidates
from reco_sdk.sources.co_occurrence import BACKWARD, DECAY
from reco_sdk.sources.context import Context, Reason
from reco_sdk.sources.evidence import Pairs, best_start, summed
from reco_sdk.sources.pair_counts import STEP_WEIGHTS
from reco_sdk.sources.people import ENOUGH_PEOPLE, people_together
from reco_sdk.sources.session_neighbours import none_but_own

__all__ = ["MAX_ITEMS", "PRIOR", "AlsoViewed"]

MAX_ITEMS: Final = 5
PRIOR: Final = 3.0
"""So many sessions in which one item followed the other directly count half."""


class AlsoViewed:
    """Co-occurrence in sessions: with the seeds, else with what the visitor liked last, each item half of the one after it."""

    name: ClassVar[str] = "co_occurrence"

    def knows(self, context: Context) -> bool:
        """Return whether anything was seen together with these by somebody else."""
        if len(context.seeds) and not _pairs(context):
            return False  # the quicker question of the two, on an item's page
        return not none_but_own(context) and bool(_pairs(context))

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return what was seen after, and half as much before, in the same sessions."""
        parts = _pairs(context)
        return summed(context, parts, context.behaviour.viewed.popularity, PRIOR, k)

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Name the item that a row was seen with most, and by how many if they are enough."""
        titles: dict[int, str] = {}
        out = []
        starts = [start for start, _ in best_start(context, _pairs(context), rows)]
        for start, people in zip(starts, people_together(context, starts, rows), strict=True):
            if start not in titles:
                titles[start] = context.view.title(start) if start >= 0 else ""
            verb = "Seen together" if people >= ENOUGH_PEOPLE else "Goes"
            told = start >= 0
            out.append(Reason(f"{verb} with {titles[start]}", start, titles[start], people) if told else Reason("Goes with this"))
        return out


def _pairs(context: Context) -> list[Pairs]:
    if context.viewed_pairs is None:
        context.viewed_pairs = _read_pairs(context)
    return context.viewed_pairs


def _read_pairs(context: Context) -> list[Pairs]:
    behaviour, view = context.behaviour, context.view
    seeds = len(context.seeds) > 0
    starts = context.seeds.tolist() if seeds else context.lately(MAX_ITEMS)
    found = []
    for place, row in enumerate(starts):
        number = behaviour.number_of_row(view, row)
        if number < 0:
            continue
        numbers, after, before = behaviour.viewed.pairs.of_item(number)
        if len(numbers):
            share = (1.0 if seeds else DECAY**place) / STEP_WEIGHTS[0]
            found.append(Pairs(row, numbers, (after + BACKWARD * before) * share))
    return found
