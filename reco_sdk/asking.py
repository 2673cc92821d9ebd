"""Asking: a chain of strategies, and filters that give way, made into one slate; what answered is said in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from reco_sdk.errors import InvalidRequest, UnknownItem
from reco_sdk.ranking.filters import NO_FILTERS, Filters
from reco_sdk.ranking.slate import RecommendedItem, Slate
from reco_sdk.request import Request
from reco_sdk.snapshot.view import View
from reco_sdk.strategies import STRATEGIES

__all__ = ["RELAXES", "ask", "siblings"]

RELAXES: Final = ("where", "attributes", "tags", "price", "brands", "categories")
"""What ``relaxed`` drops, first to last: what a shopper misses least goes first. Everything else always holds: availability,
languages and sites, what was left out by id, what was bought."""
_BOUNDS: Final = frozenset({"sites", "languages"})
"""Attributes that say where an item may be shown at all."""


def ask(
    recommend: Callable[[Request], Slate],
    view: Callable[[], View],
    strategies: Sequence[str],
    *,
    relaxed: bool = False,
    **fields: Any,
) -> Slate:
    """Return the first slate that is not empty.

    A strategy that needs a seed is passed over where there is none, or asked under the name it gives for that
    (:attr:`reco_sdk.strategies.Strategy.without_seed`).

    Parameters
    ----------
    recommend
        Answers one request.
    view
        Returns the catalogue as it is now: whose variants are whose.
    strategies
        Asked in this order.
    relaxed
        Where fewer than ``n`` pass the filters, drop them in the order of :data:`RELAXES` until ``n`` are found. What passes
        more filters stands first.
    **fields
        Further fields of :class:`reco_sdk.request.Request`.

    Returns
    -------
    Slate
        Empty where no strategy found anything. Its ``fallback`` names the strategy that stood in for the first.

    Raises
    ------
    InvalidRequest
        For a strategy that is unknown, or fields that cannot be.
    UnknownItem
        When the only strategy needs a seed and none of them is in the catalogue.
    """
    if relaxed and fields.get("strict"):
        raise InvalidRequest("relaxed", "and strict exclude each other; choose one")
    slate: Slate | None = None
    unknown: UnknownItem | None = None
    for name in strategies:
        try:
            found = _one(recommend, view, name, relaxed, fields)
        except UnknownItem as error:
            unknown = unknown or error
            continue
        if found is None:
            continue
        if slate is None or found.items:
            slate = found
        if slate.items:
            break
    if slate is None:
        if unknown is not None and len(strategies) == 1:
            raise unknown
        return _empty(strategies[0], fields)
    return slate if slate.strategy == strategies[0] else replace(slate, fallback=slate.strategy)


def _one(
    recommend: Callable[[Request], Slate], view: Callable[[], View], name: str, relaxed: bool, fields: dict[str, Any]
) -> Slate | None:
    known = STRATEGIES.get(name)
    if known is not None and known.needs_seed and not fields.get("seeds"):
        if not known.without_seed:
            return None
        name, known = known.without_seed, STRATEGIES[known.without_seed]
    try:
        return _asked(recommend, view, Request(strategy=name, **fields), relaxed)
    except UnknownItem:
        if known is None or (known.needs_seed and not known.without_seed):
            raise
        name = known.without_seed or name
        return _asked(recommend, view, Request(strategy=name, **{**fields, "seeds": ()}), relaxed)


def _asked(recommend: Callable[[Request], Slate], view: Callable[[], View], request: Request, relaxed: bool) -> Slate:
    slate = recommend(request)
    if not relaxed:
        return slate
    filters, dropped = request.filters, []
    for name in RELAXES:
        if len(slate.items) >= request.n:
            break
        wider = _without(filters, name)
        if wider == filters:
            continue
        filters = wider
        dropped.append(name)
        out = siblings(view(), slate.ids) if filters.one_per_group else frozenset(slate.ids)
        more = recommend(replace(request, filters=replace(filters, exclude_ids=filters.exclude_ids | out)))
        if more.items:
            slate = replace(_joined(slate, more, request.n), relaxed=tuple(dropped))
    return slate


def _without(filters: Filters, name: str) -> Filters:
    if name == "attributes":
        return replace(filters, attributes=tuple(pair for pair in filters.attributes if pair[0] in _BOUNDS))
    names = ("price_min", "price_max") if name == "price" else (name,)
    return replace(filters, **{n: getattr(NO_FILTERS, n) for n in names if hasattr(NO_FILTERS, n)})


def _joined(slate: Slate, more: Slate, n: int) -> Slate:
    """Append, at scores below what is there; contributions still sum to the score."""
    if not slate.items:
        return more
    scale = min(0.99 * slate.items[-1].score / more.items[0].score, 1.0) if more.items[0].score > 0 else 1.0
    added: list[RecommendedItem] = []
    for position, item in enumerate(more.items[: n - len(slate.items)], len(slate.items)):
        contributions = {source: value * scale for source, value in item.contributions.items()}
        added.append(item._replace(contributions=contributions, score=sum(contributions.values()), position=position))
    return replace(slate, items=(*slate.items, *added))


def _empty(strategy: str, fields: dict[str, Any]) -> Slate:
    Request(**{**fields, "strategy": "trending", "seeds": ()})  # what cannot be is an error, whoever would have answered
    placement = fields.get("placement", "home")
    return Slate(id=os.urandom(16).hex(), strategy=strategy, placement=placement, tier="empty", items=(), at=datetime.now(UTC))


def siblings(view: View, item_ids: Sequence[str]) -> frozenset[str]:
    """Return items and all their variants, by id."""
    out = set(item_ids)
    for item_id in item_ids:
        row = view.row(item_id)
        rows = view.variants(row) if row >= 0 else ()
        if len(rows) > 1:
            out.update(view.item_id(int(other)) for other in rows)
    return frozenset(out)
