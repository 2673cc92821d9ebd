"""Same category: what is popular next to the seed; the fallback for an item that has no vector yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.snapshot.view import top
from reco_sdk.sources.context import Context, Reason, no_candidates

__all__ = ["SameCategory"]


class SameCategory:
    """The most popular rows of the seeds' main category, those of a like price first among equals."""

    name: ClassVar[str] = "same_category"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return rows of the first seed's main category by popularity and nearness of price."""
        view = context.view
        key = view.main_category_key(int(context.seeds[0])) if len(context.seeds) else None
        if key is None:
            return no_candidates()
        rows = view.facet_rows(key)
        rows = rows[context.mask[rows]]
        if not len(rows):
            return no_candidates()
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(np.log(view.price[rows] / view.price[context.seeds[0]]))
        nearness = np.where(np.isfinite(distance), np.exp2(-distance), 0.0)
        scores = 0.7 * context.orders.popular[rows] + 0.3 * nearness
        rows, best = top(rows.astype(np.int32), scores.astype(np.float32), k)
        return Candidates(rows, best)

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Name the category."""
        names = [context.view.category_name(row) for row in rows]
        return [Reason(f"More in {name}" if name else "From the same category", title=name or None) for name in names]
