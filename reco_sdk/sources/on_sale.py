"""On sale: what is asked less for than before; what sells and what takes off more comes first.

Which row is on sale is the strategy's to restrict (:func:`on_sale`), so that a visitor's own sources rank among those alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.snapshot.view import View, top
from reco_sdk.sources.context import Context, Reason, no_candidates
from reco_sdk.types import BoolMask

__all__ = ["OnSale", "on_sale"]

_POPULARITY: Final = 0.7


def on_sale(view: View) -> BoolMask:
    """Return which rows are on sale; a fresh array."""
    return view.discount > 0.0


class OnSale:
    """Popularity, and the part of the price that is taken off."""

    name: ClassVar[str] = "on_sale"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return what is on sale; none when nothing is."""
        discount = context.view.discount
        rows = np.flatnonzero(context.mask & (discount > 0.0)).astype(np.int32)
        if not len(rows):
            return no_candidates()
        scores = _POPULARITY * context.orders.popular[rows] + (1.0 - _POPULARITY) * discount[rows]
        return Candidates(*top(rows, scores.astype(np.float32), k))

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Say by how much."""
        percent = np.floor(100.0 * context.view.discount[np.asarray(rows)] + 1e-4).astype(int).tolist()
        return [Reason(f"{part} % off" if part else "On sale") for part in percent]
