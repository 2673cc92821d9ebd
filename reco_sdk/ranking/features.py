"""What the learned fusion knows of candidates beside what sources say of them: few numbers, read from columns in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from reco_sdk.snapshot.live import Orders
from reco_sdk.snapshot.view import View
from reco_sdk.types import Floats, Rows

__all__ = ["ANCHORS", "ITEM_FEATURES", "MOST_KNOWN", "Asked", "item_features"]

ITEM_FEATURES: Final = ("popularity", "trend", "sales", "age", "category", "price")
"""Popularity, trend and sales in 0 to 1; days since publication; 1 in the category of an anchor, else 0; log₂ of the price over
the first anchor's. Names differ from those of sources: both stand side by side in contributions."""
ANCHORS: Final = 5
"""Items at hand that candidates are held against."""
MOST_KNOWN: Final = 20
_OLD_DAYS: Final = 3_650.0
_NO_PRICE: Final = 9.0
_MOST_DOUBLINGS: Final = 6.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request is about.

    Parameters
    ----------
    view, orders
        The rows, and their ranking by behaviour.
    now
        Epoch seconds.
    at_hand
        The rows that the request starts from, else what the visitor liked, newest first.
    """

    view: View
    orders: Orders
    now: float
    at_hand: Sequence[int]

    @property
    def known(self) -> int:
        """How much is known of what is wanted: how many items are at hand, some at most."""
        return min(len(self.at_hand), MOST_KNOWN)


def item_features(asked: Asked, rows: Rows) -> Floats:
    """Return float64 ``(len(ITEM_FEATURES), len(rows))``."""
    view, orders = asked.view, asked.orders
    out = np.empty((len(ITEM_FEATURES), len(rows)))
    out[0], out[1], out[2] = orders.popular[rows], orders.trending[rows], orders.sold[rows]
    age = (asked.now - view.published[rows]) / 86_400.0
    out[3] = np.where(np.isfinite(age), np.clip(age, 0.0, _OLD_DAYS), _OLD_DAYS)
    anchors = asked.at_hand[:ANCHORS]
    if not len(anchors):
        out[4], out[5] = 0.0, _NO_PRICE
        return out
    categories = view.main_category[rows]
    wanted = {category for category in view.main_category[list(anchors)].tolist() if category >= 0}
    same = np.zeros(len(rows), np.bool_)
    for category in wanted:
        same |= categories == category
    out[4] = same
    price = float(view.price[anchors[0]])
    if price > 0.0:
        prices = view.price[rows]
        known = prices > 0.0
        out[5] = _NO_PRICE
        out[5, known] = np.clip(np.log2(prices[known] / price), -_MOST_DOUBLINGS, _MOST_DOUBLINGS)
    else:
        out[5] = _NO_PRICE
    return out
