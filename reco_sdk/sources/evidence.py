"""From counts to scores in 0 to 1 that grow with the evidence, so that a single click moves a row and cannot rule it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.snapshot.view import top
from reco_sdk.sources.behaviour import Numbers
from reco_sdk.sources.context import Context, no_candidates
from reco_sdk.sources.proposals import distinct
from reco_sdk.types import Floats, Rows

__all__ = ["Pairs", "best_start", "graded", "summed"]

POPULARITY_POWER: Final = 0.25


@dataclass(frozen=True, slots=True)
class Pairs:
    """What belongs to one item that a request starts from.

    Parameters
    ----------
    start
        Its row in the view.
    numbers
        int32 ``(m,)`` item numbers of the others.
    amount
        float64 ``(m,)``: how much speaks for each, in times that it happened.
    weight
        What one time counts in the order.
    """

    start: int
    numbers: Rows
    amount: Floats
    weight: float = 1.0


def summed(context: Context, parts: Sequence[Pairs], popularity: Numbers, prior: float, k: int) -> Candidates:
    """Rank what several items have beside them: ``Σ weight · amount / popularity^¼``, graded by the whole amount."""
    if not parts:
        return no_candidates()
    numbers, inverse = distinct(np.concatenate([part.numbers for part in parts]), context.behaviour.n)
    amounts = np.concatenate([part.amount for part in parts])
    weights = np.repeat([part.weight for part in parts], [len(part.numbers) for part in parts])
    amount: Floats = np.bincount(inverse, amounts, len(numbers)).astype(np.float64, copy=False)
    strength: Floats = np.bincount(inverse, amounts * weights, len(numbers)).astype(np.float64, copy=False)
    return graded(context, numbers, strength * np.maximum(popularity[numbers], 1) ** -POPULARITY_POWER, amount, prior, k)


def graded(context: Context, numbers: Rows, strength: Floats, amount: Floats, prior: float, k: int) -> Candidates:
    """Return the best rows by ``strength / the greatest strength × amount / (amount + prior)``.

    The second factor is what a mean of ``prior`` earlier disappointments and ``amount`` successes comes to: near 0 while
    little speaks for an item, near 1 when much does.

    Parameters
    ----------
    numbers
        int32 ``(m,)`` item numbers, each once.
    strength
        float64 ``(m,)``: the order.
    amount
        float64 ``(m,)``: in times that it happened.
    """
    greatest = float(strength.max(initial=0.0))
    if greatest <= 0.0:
        return no_candidates()
    rows = context.behaviour.rows(context.view, numbers)
    allowed = (rows >= 0) & (strength > 0.0)
    allowed[allowed] = context.mask[rows[allowed]]
    rows, amount = rows[allowed], amount[allowed]
    scores = strength[allowed] / greatest * (amount / (amount + prior))
    return Candidates(*top(rows, scores.astype(np.float32), k))


def best_start(context: Context, parts: Sequence[Pairs], rows: Sequence[int]) -> list[tuple[int, float]]:
    """Return for each row the start that it belongs to most, and how much speaks for it there; −1 for none."""
    found: dict[int, tuple[float, int, float]] = {}
    for part in parts:
        of_view = context.behaviour.rows(context.view, part.numbers)
        for place in np.flatnonzero(np.isin(of_view, rows)).tolist():
            amount = float(part.amount[place])
            value = amount * part.weight
            row = int(of_view[place])
            if row not in found or value > found[row][0]:
                found[row] = (value, part.start, amount)
    return [(found[row][1], found[row][2]) if row in found else (-1, 0.0) for row in rows]
