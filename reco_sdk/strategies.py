"""Strategies: named compositions of sources, each readable here at a glance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from reco_sdk.ranking.diversity import NEUTRAL, Diversity
from reco_sdk.snapshot.view import View
from reco_sdk.sources.also_viewed import AlsoViewed
from reco_sdk.sources.co_purchase import BoughtTogether
from reco_sdk.sources.context import LearnedSource, Source
from reco_sdk.sources.cross_category import CrossCategory, SimilarElsewhere
from reco_sdk.sources.on_sale import OnSale, on_sale
from reco_sdk.sources.ranked import Bestsellers, NewArrivals, Popular, Trending
from reco_sdk.sources.recent import RecentlyViewed
from reco_sdk.sources.repeat_purchase import RepeatPurchase
from reco_sdk.sources.same_category import SameCategory
from reco_sdk.sources.session_items import SessionItems
from reco_sdk.sources.session_neighbours import SessionNeighbours
from reco_sdk.sources.session_vector import SessionVector
from reco_sdk.sources.similar_items import SimilarItems
from reco_sdk.types import BoolMask

__all__ = ["NEWCOMERS", "PERSONAL", "STRATEGIES", "Strategy"]

PERSONAL: Final = frozenset({"session_vector", "session_items", "session_knn", "recently_viewed", "repeat_purchase"})
"""Sources that read the visitor's history."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """What one named strategy reads.

    Parameters
    ----------
    sources
        Fused by weight × score.
    learned
        Fused with them where visitors did something: their scores grow with the evidence, from 0.
    fallback
        Fill, in this order, what the sources leave empty; what they add never outranks a source's answer.
    needs_seed
        Whether a request without a seed is an error.
    without_seed
        The strategy that a page asks instead where it has no seed; empty: its row is empty then.
    hides_seen
        Whether what the visitor looked at lately is left out.
    keeps_purchased
        Whether what the visitor bought may be shown whatever the filters say.
    reads_purchases
        Whether the answer depends on what the visitor bought.
    only
        Which rows it may show at all; every one where it is ``None``.
    diversity
        Caps, variety, rotation, places for new items; a request may ask for another.
    """

    sources: tuple[tuple[Source, float], ...]
    fallback: tuple[Source, ...] = ()
    learned: tuple[tuple[LearnedSource, float], ...] = ()
    needs_seed: bool = False
    without_seed: str = ""
    hides_seen: bool = False
    keeps_purchased: bool = False
    reads_purchases: bool = False
    only: Callable[[View], BoolMask] | None = None
    diversity: Diversity = NEUTRAL

    @property
    def personal(self) -> bool:
        """Whether the answer depends on what the visitor did."""
        return any(source.name in PERSONAL for source, _ in (*self.sources, *self.learned))


_similar: Final = SimilarItems()
_session: Final = SessionVector()
_items: Final = SessionItems()
_category: Final = SameCategory()
_popular: Final = Popular()
_trending: Final = Trending()
_sold: Final = Bestsellers()
_new: Final = NewArrivals()
NEWCOMERS: Final = _new
"""Says of new items that stand in a place kept for them that they are new."""
_recent: Final = RecentlyViewed()
_viewed: Final = AlsoViewed()
_bought: Final = BoughtTogether()
_neighbours: Final = SessionNeighbours()
_again: Final = RepeatPurchase()
_sale: Final = OnSale()
_across: Final = CrossCategory()
_elsewhere: Final = SimilarElsewhere()

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "similar_items": Strategy(((_similar, 1.0),), (_category, _popular), ((_viewed, 1.0),), needs_seed=True),
    "you_may_also_like": Strategy(
        ((_similar, 1.0), (_items, 0.3)),
        (_category, _popular),
        ((_viewed, 3.0), (_neighbours, 1.0)),
        needs_seed=True,
        without_seed="recommended_for_you",
    ),
    "bought_together": Strategy((), (_viewed, _similar, _category, _popular), ((_bought, 1.0),), needs_seed=True),
    "recommended_for_you": Strategy(
        ((_items, 0.7), (_session, 0.5), (_popular, 0.12), (_trending, 0.08), (_new, 0.04)),
        (_popular,),
        ((_neighbours, 2.0), (_viewed, 1.5)),
        hides_seen=True,
        diversity=Diversity(category_share=0.35),
    ),
    "buy_again": Strategy(((_again, 1.0),), keeps_purchased=True, reads_purchases=True),
    "on_sale": Strategy(((_items, 0.7), (_session, 0.5), (_sale, 0.3)), hides_seen=True, only=on_sale),
    "cross_category": Strategy(((_elsewhere, 0.3),), learned=((_across, 1.0),), needs_seed=True),
    "recently_viewed": Strategy(((_recent, 1.0),), keeps_purchased=True),
    "trending": Strategy(((_trending, 1.0),), (_popular,)),
    "bestsellers": Strategy(((_sold, 1.0),), (_popular,)),
    "new_arrivals": Strategy(((_new, 1.0),), (_popular,)),
}
