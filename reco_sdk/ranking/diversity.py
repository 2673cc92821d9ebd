"""What a slate is to be besides relevant: varied, fresh to whoever saw it before, open to what is new. All off by default."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from reco_sdk.errors import InvalidRequest

__all__ = ["NEUTRAL", "Diversity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """Shares of a slate, and how much relevance is given up for them.

    Parameters
    ----------
    mmr
        λ of maximal marginal relevance: 1 is relevance alone, and the lower it is, the further the items lie apart.
    category_share, brand_share, price_share
        At most this part of a slate, rounded up, comes from one main category, one brand, one band of prices, as long as others
        have something to show. Prices are of one band where none is much more than one and a half times another.
    fatigue
        The part of its score that an item loses which the visitor was shown again and again and passed over.
    rotation
        How far scores are moved up or down from one hour to the next, as a part of them.
    new_share
        The part of all places, over many requests, that is kept for new items.

    Raises
    ------
    InvalidRequest
        For a value out of bounds.
    """

    mmr: float = 1.0
    category_share: float = 1.0
    brand_share: float = 1.0
    price_share: float = 1.0
    fatigue: float = 0.0
    rotation: float = 0.0
    new_share: float = 0.0

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            least = f.name not in _FROM_ZERO
            if not number or not 0.0 <= value <= 1.0 or (least and value == 0.0):
                bounds = "above 0 and up to 1" if least else "from 0 to 1"
                raise InvalidRequest(f"diversity.{f.name}", f"{value!r} is not a number {bounds}")
            object.__setattr__(self, f.name, float(value))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Diversity:
        """Build it from plain fields.

        Raises
        ------
        InvalidRequest
            For an unknown field, or a value out of bounds.
        """
        known = [f.name for f in fields(cls)]
        for name in data:
            if name not in known:
                raise InvalidRequest(f"diversity.{name}", f"is unknown; use one of {', '.join(known)}")
        return cls(**data)

    @property
    def by_visitor(self) -> bool:
        """Whether two visitors may see different slates for it."""
        return self.fatigue > 0.0 or self.rotation > 0.0 or self.new_share > 0.0

    def rooms(self, n: int) -> tuple[tuple[str, int], ...]:
        """Return how many of ``n`` may share each of what is limited: category, brand, price."""
        shares = (("category", self.category_share), ("brand", self.brand_share), ("price", self.price_share))
        return tuple((kind, math.ceil(share * n)) for kind, share in shares if share < 1.0 and math.ceil(share * n) < n)


_FROM_ZERO = frozenset({"fatigue", "rotation", "new_share"})
NEUTRAL = Diversity()
