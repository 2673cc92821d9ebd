"""The slate: the ordered answer to one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, overload

__all__ = ["RecommendedItem", "Slate"]


class RecommendedItem(NamedTuple):
    """One item of a slate; immutable.

    Parameters
    ----------
    id
        The item.
    score
        The sum of ``contributions``; comparable within one slate only.
    reason
        Why, in plain English.
    reason_kind
        The source that contributed most, for a shop's own wording.
    reason_item_id, reason_title
        The item the reason speaks of (the seed, something viewed), or the category's name.
    contributions
        Score by source.
    position
        Place in the slate, from 0.
    """

    id: str
    score: float
    reason: str
    reason_kind: str
    reason_item_id: str | None = None
    reason_title: str | None = None
    contributions: Mapping[str, float] = MappingProxyType({})
    position: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return {
            "id": self.id,
            "score": self.score,
            "reason": self.reason,
            "reason_kind": self.reason_kind,
            "reason_item_id": self.reason_item_id,
            "contributions": dict(self.contributions),
            "position": self.position,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Slate(Sequence[RecommendedItem]):
    """The ordered answer to one request; a sequence of :class:`RecommendedItem`.

    Parameters
    ----------
    id
        Quoted by the interactions that follow from it (``Interaction.slate_id``).
    strategy, placement
        What was asked, and for where.
    tier
        What answered: ``personal``, ``similar``, ``popular``, ``cached`` or ``empty``.
    items
        In order.
    at
        When.
    timings_ms
        Milliseconds by stage, ``total`` included.
    fallback
        The strategy that stood in for the one that was asked first, as ``strategy`` says too; empty: none had to.
    relaxed
        Names of the filters that were dropped to fill the row, in that order.
    """

    id: str
    strategy: str
    placement: str
    tier: str
    items: tuple[RecommendedItem, ...]
    at: datetime
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    fallback: str = ""
    relaxed: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> RecommendedItem: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[RecommendedItem, ...]: ...
    def __getitem__(self, index: int | slice) -> RecommendedItem | tuple[RecommendedItem, ...]:
        return self.items[index]

    @property
    def ids(self) -> tuple[str, ...]:
        """The items' ids in order."""
        return tuple(item.id for item in self.items)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return {
            "id": self.id,
            "strategy": self.strategy,
            "placement": self.placement,
            "tier": self.tier,
            "at": self.at.isoformat(),
            "items": [item.to_dict() for item in self.items],
            "timings_ms": dict(self.timings_ms),
            "fallback": self.fallback,
            "relaxed": list(self.relaxed),
        }
