"""Why an item is not in a slate: the first stage that dropped it, and what would show it.

What would show it is found by asking again: each thing that stands in the way is removed, in a copy of the request or of the
catalogue, until the item is there. So what is proposed has been tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final

import numpy as np

from reco_sdk.engine import Engine
from reco_sdk.explaining.answers import Change, WhyNot
from reco_sdk.ranking.filters import Filters
from reco_sdk.request import MAX_N, Request
from reco_sdk.snapshot.view import View
from reco_sdk.sources.context import Context
from reco_sdk.strategies import STRATEGIES
from reco_sdk.trace import Trace

__all__ = ["why_not"]

MOST_CHANGES: Final = 8
NEAREST: Final = 1_000
"""How far a source is asked for the item's place."""
_NO_FILTERS: Final = Filters()
_OF_THE_REQUEST: Final = frozenset({"available", "exclude_ids", "exclude_purchased", "one_per_group"})


@dataclass(slots=True)
class _Found:
    """Where an item was dropped, and the step that would mend that; no step where there is none."""

    stage: str
    text: str
    change: Change | None = None
    more: dict[str, Any] = field(default_factory=dict)


def why_not(engine: Engine, item_id: str, request: Request) -> WhyNot:
    """Say which stage first dropped an item, and what would show it. Memory only; any thread may call it.

    Raises
    ------
    UnknownItem
        When none of the request's seeds is in the catalogue.
    """
    started = perf_counter()
    view = engine.state.view
    row = view.row(item_id)
    if row < 0:
        engine.recommend(replace(request, n=1), Trace())  # an unknown seed is an error all the same
        text = "the catalogue does not hold it: it was never stored, or was deleted, or its id is written differently"
        return WhyNot(item_id=item_id, stage="unknown_item", text=text, timings_ms=_since(started))
    first: _Found | None = None
    changes: list[Change] = []
    asked = request
    while True:
        found = _look(engine, row, asked)
        first = first or found
        if found.stage == "shown" or found.change is None or len(changes) == MOST_CHANGES:
            break
        changes.append(found.change)
        asked = replace(asked, **found.change.request)
        if found.change.item:
            engine = _with_item(engine, row, found.change.item)
    return WhyNot(
        item_id=item_id,
        title=view.title(row),
        stage=first.stage,
        text=first.text,
        changes=tuple(changes) if found.stage == "shown" else (),
        timings_ms=_since(started),
        **first.more,
    )


def _since(started: float) -> Mapping[str, float]:
    return {"total": (perf_counter() - started) * 1_000.0}


def _with_item(engine: Engine, row: int, patch: Mapping[str, Any]) -> Engine:
    """Return an engine over a catalogue in which the row's item was changed; nothing of the real one is touched.

    Its place among items of equal score stays what it is, so in truth it may come to stand a place or two further down.
    """
    view = engine.state.view
    names = {"published_at": "published", "expires_at": "expires"}
    values = {"published": -math.inf, "expires": math.inf, "available": True}
    columns: dict[str, Any] = {}
    for name in {names.get(name, "available") for name in patch}:
        columns[name] = np.array(getattr(view, name))
        columns[name][row] = values[name]
    twin = copy(engine)
    twin.state = replace(engine.state, view=view.with_columns(columns))
    twin._masks = {}  # noqa: SLF001 -- those of the real catalogue are not to be mixed with these
    return twin


def _look(engine: Engine, row: int, request: Request) -> _Found:
    trace = Trace()
    slate = engine.recommend(request, trace)
    context, mask = trace.context, trace.mask
    if context is None or mask is None:
        return _Found("no_source", "nothing was asked")
    item_id = context.view.item_id(row)
    if item_id in slate.ids:
        position = slate.ids.index(item_id) + 1
        more = {"position": position, "rank": position, "score": slate[position - 1].score, "last_score": slate[-1].score}
        return _Found("shown", f"it is shown, at place {position} of {len(slate)}", more=more)
    if not mask[row]:
        return _masked(engine, context, row, request)
    shown = [context.view.row(found) for found in slate.ids]
    return _unranked(engine, context, row, request, trace, shown)


# -- what the masks leave out, in their order


def _masked(engine: Engine, context: Context, row: int, request: Request) -> _Found:
    view, now = context.view, context.now
    return (
        _out_of_the_shop(view, now, row, request)
        or _filtered(view, now, row, request)
        or _strategy_only(view, row, request)
        or _of_the_request(engine, context, row, request)
        or _Found("rule", "a rule hides it here")
    )


def _out_of_the_shop(view: View, now: float, row: int, request: Request) -> _Found | None:
    if view.published[row] > now:
        day = _day(view.published[row])
        return _Found(
            "unpublished",
            f"it is not published before {day}",
            Change(text="publish it now", item={"published_at": datetime.fromtimestamp(now, UTC)}),
        )
    if view.expires[row] <= now:
        change = Change(text="let it not expire", item={"expires_at": None})
        return _Found("expired", f"it expired on {_day(view.expires[row])}", change)
    if request.filters.available and not view.available[row]:
        item = {"availability": "in_stock", "quantity": None}
        return _Found("out_of_stock", "it cannot be bought now", Change(text="put it in stock", item=item))
    return None


def _filtered(view: View, now: float, row: int, request: Request) -> _Found | None:
    filters = request.filters
    for each in fields(Filters):
        value = getattr(filters, each.name)
        if not each.init or each.name in _OF_THE_REQUEST or value == getattr(_NO_FILTERS, each.name):
            continue
        alone: Any = {"available": False, each.name: value}
        if _passes(Filters(**alone), view, now, row, request):
            continue
        text, new = _loosened(view, row, each.name, value)
        loosened: Any = {each.name: new}
        change = Change(text=text, request={"filters": replace(filters, **loosened)})
        return _Found("filter", f"it does not pass the filter {each.name}: {_shown(value)}", change)
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
        return f"{name} {price:g} instead of {value:g}", price
    if name == "only_ids":
        return "add it to only_ids", value | {view.item_id(row)}
    return f"leave out the filter {name}", getattr(_NO_FILTERS, name)


def _strategy_only(view: View, row: int, request: Request) -> _Found | None:
    only = STRATEGIES[request.strategy].only
    if only is None or only(view)[row]:
        return None
    return _Found("strategy", f"{request.strategy} shows only some items, and it is none of them")


def _of_the_request(engine: Engine, context: Context, row: int, request: Request) -> _Found | None:
    view, filters = context.view, request.filters
    seeds = [seed for seed in request.seeds if view.row(seed) >= 0]
    related = [seed for seed in seeds if row in view.variants(view.row(seed))]
    if related:
        what = "it is what the row starts from" if view.item_id(row) in related else "it is a variant of what the row starts from"
        left = tuple(seed for seed in request.seeds if seed not in related)
        able = bool(left) or not STRATEGIES[request.strategy].needs_seed
        change = Change(text=f"do not start from {', '.join(related)}", request={"seeds": left}) if able else None
        return _Found("seed", what, change)
    if view.item_id(row) in filters.exclude_ids:
        change = Change(
            text="take it out of exclude_ids",
            request={"filters": replace(filters, exclude_ids=filters.exclude_ids - {view.item_id(row)})},
        )
        return _Found("excluded", "the request leaves it out by its id", change)
    nobody = Change(text="ask for somebody else", request={"visitor_id": None, "user_id": None})
    mine = set(view.variants(row).tolist()) if filters.one_per_group else {row}
    if filters.exclude_purchased and not STRATEGIES[request.strategy].keeps_purchased and mine & _bought(engine, request):
        change = Change(text="show what was bought too", request={"filters": replace(filters, exclude_purchased=False)})
        return _Found("purchased", "this visitor bought it" + ("" if len(mine) == 1 else ", or a variant of it"), change)
    if STRATEGIES[request.strategy].hides_seen and mine & set(context.history_rows.tolist()):
        return _Found("seen", "this visitor looked at it lately" + ("" if len(mine) == 1 else ", or at a variant of it"), nobody)
    return None


def _bought(engine: Engine, request: Request) -> set[int]:
    """Return the rows that whoever asks bought, under any name."""
    user = engine.tracker.user_of(request.visitor_id, request.user_id)
    browsers = engine.browsers.get(user, ()) if user else ()
    state = engine.state
    return set(state.live.bought(state.view, request.visitor_id, request.user_id, engine.aliases, browsers))


# -- what the ranking leaves out


def _unranked(engine: Engine, context: Context, row: int, request: Request, trace: Trace, shown: list[int]) -> _Found:
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
        change = Change(text="show all variants", request={"filters": replace(request.filters, one_per_group=False)})
        return _Found("group", f"{view.item_id(variant)} of the same product is shown for it", change, more)
    more_places = _more_places(engine, row, request, rank)
    if not rank:
        more["nearest"] = _nearest(context, trace, request, row)
        near = ", ".join(f"{name} has it at {place}" for name, place in more["nearest"].items())
        text = f"no source proposed it; {near}" if near else f"no source has it among its first {NEAREST:,}"
        return _Found("no_source", text, more_places or _alone(engine, row, request), more)
    if rank - 1 > max((fused.index(other) for other in shown if other in fused), default=-1):
        text = f"it is number {rank} with {more.get('score', 0.0):.3f}; the last one shown has {more.get('last_score', 0.0):.3f}"
        return _Found("cut", text, more_places or _alone(engine, row, request), more)
    share = (request.diversity or STRATEGIES[request.strategy].diversity).category_share
    code = int(view.main_category[row])
    alike = sum(int(view.main_category[other]) == code for other in shown)
    if share < 1.0 and code >= 0 and alike >= math.ceil(share * request.n):
        text = f"number {rank}, but {view.category_name(row)} has its share of the row: {share:.0%}"
        return _Found("category_share", text, more_places, more)
    return _Found("rerank", f"number {rank}, but others were preferred so that the row is varied", more_places, more)


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
    return Change(text=f"ask for {shows} instead of {request.n}", request={"n": shows}) if shows else None


def _alone(engine: Engine, row: int, request: Request) -> Change | None:
    """Return the change that leaves the row no rival, where that shows it."""
    item_id = engine.state.view.item_id(row)
    if request.filters.only_ids == frozenset({item_id}):
        return None
    filters = replace(request.filters, only_ids=frozenset({item_id}))
    if item_id not in engine.recommend(replace(request, filters=filters), Trace()).ids:
        return None
    return Change(text="give it a place of its own: a row of nothing but it", request={"filters": filters})


def _nearest(context: Context, trace: Trace, request: Request, row: int) -> dict[str, int]:
    """Return the row's place in what each source would propose."""
    if trace.mask is not None:
        context.mask = trace.mask
    strategy = STRATEGIES[request.strategy]
    learned = tuple(pair for pair in strategy.learned if pair[0].knows(context))
    found = {}
    for source in dict.fromkeys((*(s for s, _ in (*strategy.sources, *learned)), *strategy.fallback)):
        places = np.flatnonzero(source.candidates(context, NEAREST).rows == row)
        if len(places):
            found[source.name] = int(places[0]) + 1
    return found


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _shown(value: Any) -> str:
    if isinstance(value, tuple | frozenset):
        return ", ".join(_shown(entry) for entry in list(value)[:5])
    return str(value)
