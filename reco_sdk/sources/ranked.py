"""Ranked lists: what many visitors chose, lately or for long, and what is new; the same for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.sources.context import Context, Reason, first_allowed
from reco_sdk.sources.people import ENOUGH_PEOPLE, people_of
from reco_sdk.types import Rows

__all__ = ["Bestsellers", "NewArrivals", "Popular", "Trending"]

_TINY: Final = 1e-3
_LISTED: Final = "From the catalogue"


def _with_order(rows: Rows, scores: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> Candidates:
    """Add to equal scores what keeps their order: items nobody chose yet stay ranked by rating and date."""
    steps = np.arange(len(rows), 0, -1) * (_TINY / max(len(rows), 1))
    return Candidates(rows, np.minimum(scores * (1.0 - _TINY) + steps, 1.0).astype(np.float32))


def _told(context: Context, rows: Sequence[int], text: str) -> list[Reason]:
    """Say ``text`` of each row that enough people had, −1 for one that nobody had."""
    people = [people_of(context, row) if row >= 0 else 0 for row in rows]
    return [Reason(text if count >= ENOUGH_PEOPLE else _LISTED, people=count) for count in people]


class Popular:
    """Decayed weight of all interactions; rating counts and dates decide where there are none."""

    name: ClassVar[str] = "popular"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return the most popular rows; as many as there are, if asked."""
        rows = first_allowed(context.orders.popular_rows, context.mask, k)
        return _with_order(rows, context.orders.popular[rows])

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Say that it is popular, if it is."""
        return _told(context, [row if context.orders.popular[row] > 0 else -1 for row in rows], "Popular with other shoppers")


class Trending:
    """Recent weight against the root of the long-run weight: what rises now."""

    name: ClassVar[str] = "trending"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return what rises fastest; none without behaviour."""
        rows = first_allowed(context.orders.trending_rows, context.mask, k)
        return _with_order(rows, context.orders.trending[rows])

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Say that it is trending."""
        return _told(context, rows, "Trending now")


class Bestsellers:
    """Decayed number of order lines."""

    name: ClassVar[str] = "bestsellers"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return what sells most; none without purchases."""
        rows = first_allowed(context.orders.sold_rows, context.mask, k)
        return _with_order(rows, context.orders.sold[rows])

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Say that it sells well."""
        return _told(context, rows, "Bestseller")


class NewArrivals:
    """Newest first, by the date of publication."""

    name: ClassVar[str] = "new_arrivals"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return the newest rows; none when no item has a date."""
        rows = first_allowed(context.orders.newest_rows, context.mask, k)
        age_days = np.maximum(context.now - context.view.published[rows], 0.0) / 86_400.0
        return _with_order(rows, np.exp2(-age_days / context.new_arrival_days))

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:  # noqa: ARG002 -- the same for every row
        """Say that it is new."""
        return [Reason("New")] * len(rows)
