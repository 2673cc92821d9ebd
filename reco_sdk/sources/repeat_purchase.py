"""Repeat purchase: what this buyer buys again, when it is due.

Two questions, each shrunk towards what is known of more people (Bhagat, Muralidharan, Lobzhanidze, Vishwanath: Buy It Again:
Modeling Repeat Purchase Recommendations, KDD 2018). Whether: the share of an item's buyers who came back for it, moved towards 1
by each time that this one did. When: the buyer's own gaps between purchases, begun with those of the item, which begin with those
of the shop (a gamma prior). A gap is not a coin tossed each day: right after a purchase there is hardly another, so gaps are
Erlang-2 (Chatfield, Goodhardt: A consumer purchasing model with Erlang inter-purchase times, JASA 1973). Who has not come for far
longer than a gap is taken to have stopped.

The score is the chance of a purchase within two weeks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.snapshot.view import top
from reco_sdk.sources.context import Context, Reason, no_candidates
from reco_sdk.sources.purchase_days import DAY_SECONDS, Ints
from reco_sdk.types import Floats, Rows

__all__ = ["RepeatPurchase", "chance", "cycle_days", "repeat_share"]

HORIZON_DAYS: Final = 14.0
SHOP_CYCLE_DAYS: Final = 45.0
SHOP_SHARE: Final = 0.1
"""Cycle and share of a shop of which nothing is known."""
SHOP_PRIOR: Final = 20.0
"""Gaps, and buyers, that count as much as what nothing is known of."""
ITEM_PRIOR: Final = 5.0
"""Gaps of an item, and buyers, that count as much as the shop's."""
OWN_PRIOR: Final = 2.0
"""Gaps of a buyer that count as much as the item's; and as many times coming back that make it as likely as not."""


def repeat_share(counts: Ints, items: Rows) -> Floats:
    """Return the share of each item's buyers who bought it on several days, shrunk."""
    shop = (counts[1].sum() + SHOP_PRIOR * SHOP_SHARE) / (counts[0].sum() + SHOP_PRIOR)
    share: Floats = (counts[1, items] + ITEM_PRIOR * shop) / (counts[0, items] + ITEM_PRIOR)
    return share


def cycle_days(counts: Ints, items: Rows, gaps: Ints, days: Ints) -> Floats:
    """Return the mean days between a buyer's purchases of each item, shrunk.

    Parameters
    ----------
    counts
        As of :class:`~reco_sdk.sources.purchase_days.PurchaseTable`.
    gaps, days
        How many gaps the buyer made of each item, and their sum.
    """
    shop = (counts[3].sum() + SHOP_PRIOR * SHOP_CYCLE_DAYS) / (counts[2].sum() + SHOP_PRIOR)
    of_item = (counts[3, items] + ITEM_PRIOR * shop) / (counts[2, items] + ITEM_PRIOR)
    own: Floats = (days + OWN_PRIOR * of_item) / (gaps + OWN_PRIOR)
    return own


def chance(share: Floats, cycle: Floats, elapsed: Floats) -> Floats:
    """Return the chance of a purchase within the horizon by who has bought nothing for ``elapsed`` days.

    Parameters
    ----------
    share
        How likely one more purchase was when the last one was made, below 1.
    cycle
        Mean days between purchases.
    """

    def without(days: Floats) -> Floats:
        steps = 2.0 * days / cycle
        none: Floats = (1.0 + steps) * np.exp(-steps)
        return none

    now = without(elapsed)
    due: Floats = share * (now - without(elapsed + HORIZON_DAYS)) / (1.0 - share + share * now)
    return due


class RepeatPurchase:
    """What the buyer bought, by the chance that it is bought again soon."""

    name: ClassVar[str] = "repeat_purchase"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return what is due, first what most likely is."""
        behaviour = context.behaviour
        items, found = behaviour.purchases.of(context.buyers)
        if not len(items):
            return no_candidates()
        rows = behaviour.rows(context.view, items)
        allowed = (rows >= 0) & (found.times > 0)
        allowed[allowed] = context.mask[rows[allowed]]
        items, rows, gaps = items[allowed], rows[allowed], found.times[allowed] - 1
        last = found.last[allowed]
        counts = behaviour.purchases.counts
        share = (gaps + OWN_PRIOR * repeat_share(counts, items)) / (gaps + OWN_PRIOR)
        cycle = cycle_days(counts, items, gaps, last - found.first[allowed])
        # A day is all that is known of when; its middle is taken.
        elapsed = np.maximum(context.now / DAY_SECONDS - last - 0.5, 0.0)
        return Candidates(*top(rows, chance(share, cycle, elapsed).astype(np.float32), k))

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Say how often it was bought."""
        behaviour, view = context.behaviour, context.view
        items, found = behaviour.purchases.of(context.buyers)
        times = dict(zip(behaviour.rows(view, items).tolist(), found.times.tolist(), strict=True))
        often = {row: f" {count} times" for row, count in times.items() if count > 1}
        return [Reason(f"You bought this{often.get(row, '')}", row, view.title(row)) for row in rows]
