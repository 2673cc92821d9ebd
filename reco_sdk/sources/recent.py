"""Recently viewed: the visitor's own items, latest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.sources.context import Context, Reason, no_candidates

__all__ = ["RecentlyViewed"]

_LOOKED_AT: Final = frozenset({"view_item", "select_item", "add_to_cart", "add_to_wishlist"})


class RecentlyViewed:
    """What the visitor looked at, each item once."""

    name: ClassVar[str] = "recently_viewed"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return the items of the visitor's history, latest first."""
        pairs = zip(reversed(context.history), reversed(context.history_rows.tolist()), strict=True)
        seen = dict.fromkeys(row for event, row in pairs if row >= 0 and event.kind in _LOOKED_AT and context.mask[row])
        if not seen:
            return no_candidates()
        rows = np.asarray(list(seen)[:k], dtype=np.int32)
        return Candidates(rows, np.linspace(1.0, 0.0, len(rows), endpoint=False, dtype=np.float32))

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Say that the visitor viewed it."""
        return [Reason("You viewed this", row, context.view.title(row)) for row in rows]
