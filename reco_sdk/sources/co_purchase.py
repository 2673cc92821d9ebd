"""Co-purchase: what is bought with these items more often than chance would have it.

What counts of a pair is its excess over chance, ``baskets with both − baskets with one · baskets with the other / baskets``,
as a share of the baskets with the item that is had already, shrunk towards none. Whether a pair goes together *often* is told
by the lower bound of the information component (Norén, Hopstadius, Bate: Shrinkage observed-to-expected ratios for robust
and transparent large-scale pattern discovery, Statistical Methods in Medical Research 2013).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Final

from reco_sdk.ports import Candidates
from reco_sdk.sources.context import Context, Reason
from reco_sdk.sources.evidence import Pairs, best_start, summed
from reco_sdk.sources.people import ENOUGH_PEOPLE, people_together

__all__ = ["BoughtTogether", "information_bound"]

BASKETS_PRIOR: Final = 5.0
PRIOR: Final = 1.0
MAX_SEEDS: Final = 20


def information_bound(together: float, expected: float) -> float:
    """Return the 2.5 % bound of log₂(observed / expected), both shrunk by ½; above 0, it is hardly chance."""
    n = together + 0.5
    return math.log2(n / (expected + 0.5)) - 3.3 / math.sqrt(n) - 2.0 / n / math.sqrt(n)


class BoughtTogether:
    """What the orders with the seeds hold beside them; with several seeds, the sum over them."""

    name: ClassVar[str] = "co_purchase"

    def knows(self, context: Context) -> bool:
        """Return whether anything was bought together with one of the seeds."""
        return bool(_pairs(context))

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return what is bought with the seeds more than chance would have it."""
        parts = _pairs(context)
        return summed(context, parts, context.behaviour.bought.popularity, PRIOR, k)

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Name the seed that a row is bought with most, if enough bought them; *often* only where that is beyond doubt."""
        view, bought = context.view, context.behaviour.bought
        out = []
        best = best_start(context, _pairs(context), rows)
        together = people_together(context, [start for start, _ in best], rows)
        for (start, excess), row, people in zip(best, rows, together, strict=True):
            if start < 0:
                out.append(Reason("Goes with this"))
                continue
            one, other = (int(bought.popularity[context.behaviour.number_of_row(view, r)]) for r in (start, row))
            expected = one * other / max(bought.count, 1)
            often = information_bound(excess + expected, expected) > 0.0
            title, orders = view.title(start), round(excess + expected)
            told = min(orders, people) >= ENOUGH_PEOPLE
            verb = "Goes" if not told else "Often bought together" if often else "Bought together"
            out.append(Reason(f"{verb} with {title}", start, title, people, orders))
        return out


def _pairs(context: Context) -> list[Pairs]:
    behaviour, view = context.behaviour, context.view
    bought = behaviour.bought
    found = []
    for row in context.seeds[:MAX_SEEDS].tolist():
        number = behaviour.number_of_row(view, row)
        if number < 0:
            continue
        numbers, after, before = bought.pairs.of_item(number)
        if len(numbers):
            with_seed = float(bought.popularity[number])
            excess = after + before - with_seed * bought.popularity[numbers] / max(bought.count, 1)
            kept = excess > 0.0
            if kept.any():
                found.append(Pairs(row, numbers[kept], excess[kept], 1.0 / (with_seed + BASKETS_PRIOR)))
    return found
