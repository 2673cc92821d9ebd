"""One question to the engine, checked."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from reco_sdk.errors import InvalidRequest
from reco_sdk.ranking.diversity import Diversity
from reco_sdk.ranking.filters import NO_FILTERS, Filters
from reco_sdk.strategies import STRATEGIES

__all__ = ["MAX_N", "PLACEMENTS", "Request"]

MAX_N: Final = 1_000
PLACEMENTS: Final = frozenset(
    {
        "home",
        "category",
        "item",
        "cart",
        "checkout",
        "order_confirmation",
        "search_results",
        "no_results",
        "not_found",
        "account",
        "email",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question to the engine.

    Parameters
    ----------
    strategy
        A name in :data:`reco_sdk.strategies.STRATEGIES`.
    placement
        Where the slate will be shown.
    n
        How many to return, 1 to 1,000; fewer come back only when fewer exist.
    seeds
        Ids of the items the request starts from.
    visitor_id, user_id
        Whoever asks, if known.
    filters
        What may be recommended.
    diversity
        Caps, variety, rotation, places for new items; ``None``: as the strategy has it.
    strict
        Whether only what the strategy's own sources found is shown: a short or empty row rather than fallbacks.
    segments
        Names of groups that whoever asks belongs to, for rules that are meant for some; those of
        :data:`reco_sdk.sessions.segments.KNOWN_SEGMENTS` are known without.

    Raises
    ------
    InvalidRequest
        For an unknown strategy or placement, ``n`` out of bounds, a missing seed, or an id that is not text.
    """

    strategy: str = "recommended_for_you"
    placement: str = "home"
    n: int = 8
    seeds: tuple[str, ...] = ()
    visitor_id: str | None = None
    user_id: str | None = None
    filters: Filters = NO_FILTERS
    diversity: Diversity | None = None
    strict: bool = False
    segments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("strategy", "placement"):
            if not isinstance(getattr(self, name), str):
                raise InvalidRequest(name, f"is {type(getattr(self, name)).__name__}, not text")
        if self.strategy not in STRATEGIES:
            raise InvalidRequest("strategy", f"{self.strategy!r} is unknown; use one of {', '.join(sorted(STRATEGIES))}")
        if self.placement not in PLACEMENTS:
            raise InvalidRequest("placement", f"{self.placement!r} is unknown; use one of {', '.join(sorted(PLACEMENTS))}")
        if isinstance(self.n, bool) or not isinstance(self.n, int) or not 1 <= self.n <= MAX_N:
            raise InvalidRequest("n", f"{self.n!r} is not a whole number from 1 to {MAX_N:,}")
        seeds: object = self.seeds
        object.__setattr__(self, "seeds", (seeds,) if isinstance(seeds, str) else tuple(self.seeds))
        _check_ids("seeds", *self.seeds)
        segments: object = self.segments
        object.__setattr__(self, "segments", (segments,) if isinstance(segments, str) else tuple(self.segments))
        _check_ids("segments", *self.segments)
        for name in ("visitor_id", "user_id"):
            value = getattr(self, name)
            if value is not None:
                _check_ids(name, value)
        if STRATEGIES[self.strategy].needs_seed and not self.seeds:
            raise InvalidRequest("seeds", f"{self.strategy} starts from an item; give its id")


def _check_ids(name: str, *values: object) -> None:
    for value in values:
        if not isinstance(value, str):
            raise InvalidRequest(name, f"{value!r} is {type(value).__name__}, not text")
        if not value.isprintable() and any(unicodedata.category(char) in {"Cc", "Cs"} for char in value):
            raise InvalidRequest(name, f"{value!r} holds a control character or a lone surrogate; no id does")
