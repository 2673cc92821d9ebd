"""The first stage that dropped an item, and the step that would mend that: one look at one answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np

from reco_sdk.engine import Engine
from reco_sdk.explaining.answers import Change
from reco_sdk.explaining.words import rule_text
from reco_sdk.messages import Said, said
from reco_sdk.ranking.filters import NO_FILTERS, Filters
from reco_sdk.ranking.rules import Rule
from reco_sdk.request import MAX_N, Request
from reco_sdk.snapshot.view import View
from reco_sdk.sources.context import Context
from reco_sdk.strategies import STRATEGIES, Strategy
from reco_sdk.trace import Trace

__all__ = ["Found", "look", "more_text"]

NEAREST: Final = 1_000
"""How far a source is asked for the item's place."""
_OF_THE_REQUEST: Final = frozenset({"available", "site", "exclude_ids", "exclude_purchased", "one_per_group"})


@dataclass(slots=True)
class Found:
    """Where an item was dropped, and the step that would mend that; no step where there is none."""

    stage: str
    text: str
    change: Change | None = None
    more: dict[str, Any] = field(default_factory=dict)


def look(engine: Engine, row: int, request: Request) -> Found:
    """Ask the engine, and say what became of a row."""
    trace = Trace()
    slate = engine.recommend(request, trace)
    context, mask = trace.context, trace.mask
    if context is None or mask is None:
        return Found("no_source", said("nothing was asked"))
    item_id = context.view.item_id(row)
    if item_id in slate.ids:
        position = slate.ids.index(item_id) + 1
        more = {"position": position, "rank": position, "score": slate[position - 1].score, "last_score": slate[-1].score}
        text = said("it is shown, at place %(place)s of %(places)s", place=position, places=len(slate))
        return Found("shown", text, more=more)
    if not mask[row]:
        return _masked(engine, context, row, request, trace)
    shown = [context.view.row(found) for found in slate.ids]
    return _unranked(engine, context, row, request, trace, shown)


# -- what the masks leave out, in their order


def _masked(engine: Engine, context: Context, row: int, request: Request, trace: Trace) -> Found:
    view, now = context.view, context.now
    strategy = trace.strategy or STRATEGIES[request.strategy]
    return (
        _out_of_the_shop(view, now, row, request)
        or _filtered(view, now, row, request)
        or _strategy_only(view, row, strategy)
        or _of_the_request(view, row, request, strategy)
        or _hidden(trace, row)
        or _known(engine, context, row, request, strategy)
        or Found("filter", said("something that is asked leaves it out"))
    )


def _out_of_the_shop(view: View, now: float, row: int, request: Request) -> Found | None:
    if view.published[row] > now:
        text = said("it is not published before %(day)s", day=_day(view.published[row]))
        change = Change(text=said("publish it now"), item={"published_at": datetime.fromtimestamp(now, UTC)})
        return Found("unpublished", text, change)
    if view.expires[row] <= now:
        change = Change(text=said("let it not expire"), item={"expires_at": None})
        return Found("expired", said("it expired on %(day)s", day=_day(view.expires[row])), change)
    if request.filters.available and not view.available[row]:
        item = {"availability": "in_stock", "quantity": None}
        return Found("out_of_stock", said("it cannot be bought now"), Change(text=said("put it in stock"), item=item))
    return None


def _filtered(view: View, now: float, row: int, request: Request) -> Found | None:
    filters = request.filters
    for each in fields(Filters):
        value = getattr(filters, each.name)
        if not each.init or each.name in _OF_THE_REQUEST or value == getattr(NO_FILTERS, each.name):
            continue
        alone: Any = {"available": False, "site": filters.site, each.name: value}
        if _passes(Filters(**alone), view, now, row, request):
            continue
        text, new = _loosened(view, row, each.name, value)
        loosened: Any = {each.name: new}
        change = Change(text=text, request={"filters": replace(filters, **loosened)})
        told = said("it does not pass the filter %(name)s: %(value)s", name=each.name, value=_shown(value))
        return Found("filter", told, change)
    return None


def _passes(filters: Filters, view: View, now: float, row: int, request: Request) -> bool:
    if not filters.mask(view, now)[row]:
        return False
    if filters.varying is None:
        return True
    return bool(filters.varying.mask(view, now, [seed for seed in map(view.row, request.seeds) if seed >= 0])[row])


def _loosened(view: View, row: int, name: str, value: Any) -> tuple[str, Any]:
    """Return how a filter would let the row through: as little changed as can be said of it."""
    price = float(view.price[row])
    if name in {"price_min", "price_max"} and not math.isnan(price):
        return said("%(name)s %(new)s instead of %(old)s", name=name, new=_amount(price), old=_amount(value)), price
    if name == "only_ids":
        return said("add it to only_ids"), value | {view.item_id(row)}
    return said("leave out the filter %(name)s", name=name), getattr(NO_FILTERS, name)


def _strategy_only(view: View, row: int, strategy: Strategy) -> Found | None:
    only = strategy.only
    if only is None or only(view)[row]:
        return None
    return Found("strategy", said("this kind of row shows only some items, and it is none of them"))


def _of_the_request(view: View, row: int, request: Request, strategy: Strategy) -> Found | None:
    filters = request.filters
    seeds = [seed for seed in request.seeds if view.row(seed) >= 0]
    related = [seed for seed in seeds if row in view.variants(view.row(seed))]
    if related:
        own = view.item_id(row) in related
        what = said("it is what the row starts from") if own else said("it is a variant of what the row starts from")
        left = tuple(seed for seed in request.seeds if seed not in related)
        able = bool(left) or not (strategy.needs_seed or STRATEGIES[request.strategy].needs_seed)
        change = Change(text=said("do not start from %(items)s", items=related), request={"seeds": left}) if able else None
        return Found("seed", what, change)
    if view.item_id(row) in filters.exclude_ids:
        change = Change(
            text=said("take it out of exclude_ids"),
            request={"filters": replace(filters, exclude_ids=filters.exclude_ids - {view.item_id(row)})},
        )
        return Found("excluded", said("the request leaves it out by its id"), change)
    return None


def _hidden(trace: Trace, row: int) -> Found | None:
    rules = [] if trace.steering is None else trace.steering.hiding(row)
    return Found("rule", said("hidden here by %(rules)s", rules=_named(rules)), _take_back(rules)) if rules else None


def _named(rules: Sequence[Rule]) -> tuple[Said, ...]:
    return tuple(rule_text(rule) for rule in rules)


def _take_back(rules: Sequence[Rule]) -> Change:
    return Change(text=said("take back or change %(rules)s", rules=_named(rules)), rules=tuple(rule.id for rule in rules))


def _known(engine: Engine, context: Context, row: int, request: Request, strategy: Strategy) -> Found | None:
    view, filters = context.view, request.filters
    nobody = Change(text=said("ask for somebody else"), request={"visitor_id": None, "user_id": None})
    mine = set(view.variants(row).tolist()) if filters.one_per_group else {row}
    if filters.exclude_purchased and not strategy.keeps_purchased and mine & _bought(engine, request):
        change = Change(text=said("show what was bought too"), request={"filters": replace(filters, exclude_purchased=False)})
        one, several = said("this visitor bought it"), said("this visitor bought it, or a variant of it")
        return Found("purchased", one if len(mine) == 1 else several, change)
    if strategy.hides_seen and mine & set(context.history_rows.tolist()):
        one, several = said("this visitor looked at it lately"), said("this visitor looked at it lately, or at a variant of it")
        return Found("seen", one if len(mine) == 1 else several, nobody)
    return None


def _bought(engine: Engine, request: Request) -> set[int]:
    """Return the rows that whoever asks bought, under any name."""
    user = engine.tracker.user_of(request.visitor_id, request.user_id)
    browsers = engine.browsers.get(user, ()) if user else ()
    state = engine.state
    return set(state.live.bought(state.view, request.visitor_id, request.user_id, engine.aliases, browsers))


# -- what the ranking leaves out


def _unranked(engine: Engine, context: Context, row: int, request: Request, trace: Trace, shown: list[int]) -> Found:
    view = context.view
    fused = trace.stages[0].rows if trace.stages else []
    scores = trace.stages[0].scores if trace.stages else None
    rank = fused.index(row) + 1 if row in fused else 0
    more: dict[str, Any] = {}
    if rank and scores is not None:
        kept = [fused.index(other) for other in shown if other in fused]
        more = {"rank": rank, "score": float(scores[rank - 1]), "last_score": float(scores[max(kept)]) if kept else 0.0}
    variant = next((other for other in shown if other != row and view.group[other] == view.group[row]), -1)
    if request.filters.one_per_group and variant >= 0:
        change = Change(text=said("show all variants"), request={"filters": replace(request.filters, one_per_group=False)})
        return Found("group", said("%(item)s of the same product is shown for it", item=view.item_id(variant)), change, more)
    if not rank:
        more["nearest"] = _nearest(context, trace, request, row)
    # A slate of the most places holds what is the first so many of some source: asking for it is the dearest part.
    more_places = _more_places(engine, row, request, rank) if rank or more["nearest"] or trace.steering else None
    if (by := _by_rules(trace, view.item_id(row), row)) is not None:
        return Found("rule", by.text, more_places or by.change, more)
    if row in trace.rows_after("fill"):
        return Found("newcomers", said("the last places are kept for new items now and then"), more_places, more)
    if not rank:
        near = [said("%(source)s has it at %(place)s", source=name, place=place) for name, place in more["nearest"].items()]
        far = said("no source has it among its first %(n)s", n=NEAREST)
        text = said("no source proposed it; %(sources)s", sources=near) if near else far
        return Found("no_source", text, more_places or _alone(engine, row, request), more)
    if rank - 1 > max((fused.index(other) for other in shown if other in fused), default=-1):
        score, last = more.get("score", 0.0), more.get("last_score", 0.0)
        text = said("it is number %(rank)s with %(score)s; the last one shown has %(last)s", rank=rank, score=score, last=last)
        return Found("cut", text, more_places or _alone(engine, row, request), more)
    share = (request.diversity or (trace.strategy or STRATEGIES[request.strategy]).diversity).category_share
    code = int(view.main_category[row])
    alike = sum(int(view.main_category[other]) == code for other in shown)
    if share < 1.0 and code >= 0 and alike >= math.ceil(share * request.n):
        text = said(
            "number %(rank)s, but %(category)s has its share of the row: %(percent)s %%",
            rank=rank, category=view.category_name(row), percent=round(100 * share),
        )  # fmt: skip
        return Found("category_share", text, more_places, more)
    text = said("number %(rank)s, but others were preferred so that the row is varied", rank=rank)
    return Found("rerank", text, more_places, more)


def _by_rules(trace: Trace, item_id: str, row: int) -> Found | None:
    """Return which rules have its place: one that lists the row, or those whose pins moved it out."""
    steering = trace.steering
    if steering is None:
        return None
    listing = steering.replaces
    if listing is not None and listing.items:
        by = rule_text(listing)
        full, other = said("%(rule)s has no room for it", rule=by), said("%(rule)s lists what is shown here", rule=by)
        return Found("rule", full if item_id in listing.items else other, _take_back([listing]))
    before = trace.rows_after("newcomers") or trace.rows_after("fill")
    if not trace.rows_after("pins") or row not in before:
        return None
    pinning = [rule for rule in steering.rules if rule.action == "pin"]
    text = said("what is pinned by %(rules)s has its place", rules=_named(pinning))
    return Found("rule", text, _take_back(pinning))


def _more_places(engine: Engine, row: int, request: Request, rank: int) -> Change | None:
    """Return the fewest places found with which the row is shown."""
    item_id = engine.state.view.item_id(row)
    n, shows = min(rank, MAX_N) if rank > request.n else MAX_N, 0
    for _ in range(4):
        if n <= request.n:
            break
        ids = engine.recommend(replace(request, n=n), Trace()).ids
        if item_id in ids:
            shows, n = n, ids.index(item_id) + 1
            if n == shows:
                break
        elif shows or n == MAX_N:
            break
        else:
            n = MAX_N
    return Change(text=more_text(shows, request.n), request={"n": shows}) if shows else None


def more_text(n: int, before: int) -> Said:
    """Return how the change reads that asks for more places."""
    return said("ask for %(n)s instead of %(before)s", n=n, before=before)


def _alone(engine: Engine, row: int, request: Request) -> Change | None:
    """Return the change that leaves the row no rival, where that shows it."""
    item_id = engine.state.view.item_id(row)
    if request.filters.only_ids == frozenset({item_id}):
        return None
    filters = replace(request.filters, only_ids=frozenset({item_id}))
    if item_id not in engine.recommend(replace(request, filters=filters), Trace()).ids:
        return None
    return Change(text=said("give it a place of its own: a row of nothing but it"), request={"filters": filters})


def _nearest(context: Context, trace: Trace, request: Request, row: int) -> dict[str, int]:
    """Return the row's place in what each source would propose."""
    if trace.mask is not None:
        context.mask = trace.mask
    strategy = trace.strategy or STRATEGIES[request.strategy]
    learned = tuple(pair for pair in strategy.learned if pair[0].knows(context))
    found = {}
    for source in dict.fromkeys((*(s for s, _ in (*strategy.sources, *learned)), *strategy.fallback)):
        places = np.flatnonzero(source.candidates(context, NEAREST).rows == row)
        if len(places):
            found[source.name] = int(places[0]) + 1
    return found


def _day(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _amount(price: float) -> Decimal:
    return Decimal(f"{price:.0f}" if price == round(price) else f"{price:.2f}")


def _shown(value: Any) -> str:
    if isinstance(value, tuple | frozenset):
        return ", ".join(_shown(entry) for entry in list(value)[:5])
    return str(value)
