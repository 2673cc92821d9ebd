"""Recently viewed: the visitor's own items, latest first."""

from __future__ import annotations

from typing import Final

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.sources.context import Context, Reason, no_candidates

__all__ = ["RecentlyViewed"]

_LOOKED_AT: Final = frozenset({"view_item", "select_item", "add_to_cart", "add_to_wishlist"})


class RecentlyViewed:
    """What the visitor looked at, each item once."""

    name: Final = "recently_viewed"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return the items of the visitor's history, latest first."""
        ids = dict.fromkeys(e.item_id for e in reversed(context.history) if e.item_id and e.kind in _LOOKED_AT)
        rows = np.asarray([row for row in map(context.view.row, ids) if row >= 0], dtype=np.int32)
        rows = rows[context.mask[rows]][:k] if len(rows) else rows
        if not len(rows):
            return no_candidates()
        return Candidates(rows, np.linspace(1.0, 0.0, len(rows), endpoint=False, dtype=np.float32))

    def reason(self, context: Context, row: int) -> Reason:
        """Say that the visitor viewed it."""
        return Reason("You viewed this", row, context.view.title(row))
