"""What an explanation says: why each item of a slate is there, and why another is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from reco_sdk.explaining.words import shared_words
from reco_sdk.items.item import Item
from reco_sdk.messages import said
from reco_sdk.ranking.slate import Slate
from reco_sdk.request import Request

__all__ = ["Asked", "Change", "Evidence", "Explanation", "ItemExplanation", "WhyNot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One part of an item's score.

    Parameters
    ----------
    source
        What gave it: a source, a property of the item that the learned fusion reads, or a rule.
    contribution
        Its part of the score.
    said
        In plain words, with the counts; for the shop's staff, not for shoppers.
    words
        What the item's text shares with that of ``item_id``.
    item_id
        The item that the text speaks of.
    people, times
        How many visitors stand behind it, and how often it happened; 0 where that is not counted.
    rank
        The item's place among what the source proposed, from 1; 0 where it proposed nothing of the kind.
    """

    source: str
    contribution: float
    said: str
    words: tuple[str, ...] = ()
    item_id: str | None = None
    people: int = 0
    times: int = 0
    rank: int = 0

    @property
    def text(self) -> str:
        """All of it in one line."""
        return said("%(said)s: %(words)s", said=self.said, words=self.words) if self.words else self.said

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return {
            "source": self.source,
            "contribution": self.contribution,
            "text": self.text,
            "item_id": self.item_id,
            "people": self.people,
            "times": self.times,
            "rank": self.rank,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemExplanation:
    """Why one item is in a slate.

    Parameters
    ----------
    id, title, position, score
        As in the slate.
    reason
        What a shopper may read.
    evidence
        The largest part first; the contributions sum to the score.
    ranks
        The item's place after each stage, from 1, in the order of the stages.
    fallback
        Whether a fallback filled it in.
    """

    id: str
    title: str
    position: int
    score: float
    reason: str
    evidence: tuple[Evidence, ...]
    ranks: Mapping[str, int]
    fallback: bool

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        names = ("id", "title", "position", "score", "reason", "fallback")
        evidence = [part.to_dict() for part in self.evidence]
        return {**{name: getattr(self, name) for name in names}, "ranks": dict(self.ranks), "evidence": evidence}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one source was asked with.

    Parameters
    ----------
    source, weight
        Its name, and its weight where weights fuse.
    proposed
        How many rows it gave.
    """

    source: str
    weight: float
    proposed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a slate is what it is.

    Parameters
    ----------
    slate
        The answer itself, made anew.
    items
        One for each item of the slate, in order.
    sources
        What proposed anything.
    allowed, candidates
        How many items might have been recommended, and how many were proposed.
    timings_ms
        Milliseconds by stage of the engine, ``explain`` for the rest, and ``total``.
    """

    slate: Slate
    items: tuple[ItemExplanation, ...]
    sources: tuple[Asked, ...]
    allowed: int
    candidates: int
    timings_ms: Mapping[str, float]

    @property
    def tier(self) -> str:
        """What answered."""
        return self.slate.tier

    def item_ids(self) -> set[str]:
        """Return the ids of the items whose texts the explanation compares."""
        compared = {(item.id, part.item_id) for item in self.items for part in item.evidence if part.words}
        return {found for pair in compared for found in pair if found}

    def with_texts(self, texts: Mapping[str, str]) -> Explanation:
        """Return the explanation with the words that the items' whole texts share, where both are given."""

        def told(item: ItemExplanation, part: Evidence) -> Evidence:
            one, other = texts.get(item.id), texts.get(part.item_id or "")
            if not part.words or one is None or other is None:
                return part
            return replace(part, words=shared_words(one, other) or part.words)

        items = (replace(item, evidence=tuple(told(item, part) for part in item.evidence)) for item in self.items)
        return replace(self, items=tuple(items))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return {
            "strategy": self.slate.strategy,
            "placement": self.slate.placement,
            "tier": self.tier,
            "fallback": self.slate.fallback,
            "items": [item.to_dict() for item in self.items],
            "sources": [asdict(source) for source in self.sources],
            "allowed": self.allowed,
            "candidates": self.candidates,
            "timings_ms": dict(self.timings_ms),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of what would show an item.

    Parameters
    ----------
    text
        In plain words.
    item
        Fields that the item would need.
    request
        Fields that the request would need.
    rules
        Ids of merchandising rules that would have to be taken back, or changed so that they leave the item alone.
    """

    text: str
    item: Mapping[str, Any] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """Why an item is not in a slate, and what would show it.

    Parameters
    ----------
    item_id, title
        The item; no title where it is unknown.
    stage
        The first that dropped it: ``unknown_item``, ``unpublished``, ``expired``, ``out_of_stock``, ``filter``, ``strategy``,
        ``seed``, ``excluded``, ``rule``, ``purchased``, ``seen``, ``no_source``, ``group``, ``category_share``, ``rerank``,
        ``cut``, ``newcomers``; or ``shown``.
    text
        In plain words.
    position
        Its place from 1 where it is shown, else 0.
    rank, score, last_score
        Its place among the candidates from 1 and its score, and the score of the last item shown; where it was a candidate.
    nearest
        Its place from 1 in what each source would propose if asked for more; sources that would not have it are left out.
    changes
        All of them together show it, and no fewer were found; empty where it is shown, or where nothing here would show it.
    timings_ms
        ``total``.
    """

    item_id: str
    stage: str
    text: str
    title: str = ""
    position: int = 0
    rank: int = 0
    score: float = 0.0
    last_score: float = 0.0
    nearest: Mapping[str, int] = field(default_factory=dict)
    changes: Sequence[Change] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def shown(self) -> bool:
        """Whether it is in the slate after all."""
        return self.stage == "shown"

    def changed(self, request: Request) -> Request:
        """Return the request with all changes that concern it."""
        for change in self.changes:
            request = replace(request, **change.request)
        return request

    def changed_item(self, item: Item) -> Item:
        """Return the item with all changes that concern it."""
        for change in self.changes:
            item = replace(item, **change.item)
        return item

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        out = {name: getattr(self, name) for name in ("item_id", "title", "stage", "text", "position", "rank", "score")}
        changes = [
            {"text": c.text, "item": _plain(c.item), "request": sorted(c.request), "rules": list(c.rules)} for c in self.changes
        ]
        return {
            **out,
            "last_score": self.last_score,
            "nearest": dict(self.nearest),
            "changes": changes,
            "timings_ms": dict(self.timings_ms),
        }


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
