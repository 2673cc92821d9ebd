"""The request path, top to bottom: resolve, mask, propose, fuse, cut, fill, explain. Memory only."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import perf_counter
from typing import Final

import numpy as np

from reco_sdk.cache import AnswerCache
from reco_sdk.config import Config
from reco_sdk.errors import UnknownItem
from reco_sdk.ports import Candidates, Clock
from reco_sdk.ranking.draft import Draft
from reco_sdk.ranking.features import MOST_KNOWN, Asked
from reco_sdk.ranking.filters import Filters
from reco_sdk.ranking.fusion import fuse
from reco_sdk.ranking.learned import NO_MODEL, LearnedFusion, RankingModel
from reco_sdk.ranking.merchandising import ActiveRules, Place, Steering
from reco_sdk.ranking.newcomers import Exposure
from reco_sdk.ranking.slate import RecommendedItem, Slate
from reco_sdk.ranking.variety import Variety
from reco_sdk.ranking.weighing import RULES
from reco_sdk.request import Request
from reco_sdk.sessions.segments import KNOWN_SEGMENTS, segments_of
from reco_sdk.sessions.session import Event
from reco_sdk.sessions.tracker import SessionTracker
from reco_sdk.snapshot.live import LiveCounts, Orders
from reco_sdk.snapshot.log import buyer_keys
from reco_sdk.snapshot.view import View
from reco_sdk.sources.behaviour import Behaviour
from reco_sdk.sources.chosen import CHOSEN
from reco_sdk.sources.context import Context, Source, first_allowed, rows_of
from reco_sdk.strategies import NEWCOMERS, PERSONAL, STRATEGIES, Strategy
from reco_sdk.trace import Trace
from reco_sdk.types import BoolMask, Vector

__all__ = ["Engine", "State", "asked_of"]

MIN_CANDIDATES: Final = 50
MAX_WIDENING: Final = 16


@dataclass(frozen=True, slots=True)
class State:
    """What a request reads, swapped as one reference."""

    view: View
    orders: Orders
    live: LiveCounts
    behaviour: Behaviour
    model: RankingModel = NO_MODEL
    rules: ActiveRules | None = None

    def at_site(self, site: str) -> State:
        """Return what a request reads that asks for a site's prices; itself where the site has none of its own."""
        view = self.view.at_site(site)
        if view is self.view:
            return self
        return replace(self, view=view, rules=None if self.rules is None else self.rules.at_site(view))


class _LateError(Exception):
    """The deadline passed before the sources had answered; what follows is not worth keeping."""


@dataclass(slots=True)
class _Picked:
    rows: list[int] = field(default_factory=list)
    contributions: list[dict[str, float]] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    tier: str = "empty"


class Engine:
    """Answers requests from one :class:`State`; any thread may call it.

    Parameters
    ----------
    state
        The first state; assign ``engine.state`` to swap.
    tracker
        Live sessions.
    """

    def __init__(self, state: State, tracker: SessionTracker, config: Config, clock: Clock) -> None:
        self.state = state
        self.tracker = tracker
        self.aliases: dict[str, str] = {}
        self.browsers: dict[str, tuple[str, ...]] = {}
        self.query_vectors: Mapping[str, Vector] = {}
        self.late_answers = 0
        self.exposure = Exposure()
        self.gives_reasons = True  # whoever reads none of them saves the time
        self._config = config
        self._clock = clock
        self._answers: AnswerCache[Slate] = AnswerCache(config.cache_size, config.cache_ttl_seconds)
        self._masks: dict[tuple[object, ...], tuple[float, float, BoolMask]] = {}

    @property
    def cache_counts(self) -> tuple[int, int]:
        """Hits and misses of the answer cache."""
        return self._answers.hits, self._answers.misses

    def recommend(self, request: Request, trace: Trace | None = None) -> Slate:
        """Answer one request.

        Parameters
        ----------
        request
            The question.
        trace
            Filled with what each stage did; the answer is then made anew, however long it takes.

        Raises
        ------
        UnknownItem
            When none of the request's seeds is in the catalogue.
        """
        started = perf_counter()
        state = self.state.at_site(request.filters.site) if request.filters.site else self.state
        at = self._clock.now()
        now = at.timestamp()
        seeds = [row for row in map(state.view.row, request.seeds) if row >= 0]
        if request.seeds and not seeds:
            raise UnknownItem(request.seeds[0])
        place = Place(request.placement, request.strategy, request.filters, self._segments(request, state, now))
        steering = None if state.rules is None else state.rules.at(place, now, seeds)
        name = request.strategy if steering is None else _replaced(steering, request.strategy, seeds)
        strategy = STRATEGIES[name]
        diversity = request.diversity or strategy.diversity
        mood = self.tracker.mood(request.visitor_id, request.user_id, now) if diversity.by_visitor else None
        variety = Variety(diversity, mood)
        personal = strategy.hides_seen or strategy.personal
        history = self.tracker.history(request.visitor_id, request.user_id, now) if personal else ()
        bought, buyers = self._purchases(request, strategy, state)
        deadline = started + self._config.deadline_ms / 1_000.0 if trace is None else math.inf
        question = (request.strategy, request.n, request.seeds, request.filters, request.strict, request.diversity)
        steered = None if steering is None else steering.key
        stale_key = (question, request.visitor_id, request.user_id, steered)
        # A slate ends where an item is published or expires, and where a search's vector arrives.
        until = state.view.valid_until(now)
        known = tuple(event.query in self.query_vectors for event in history if event.query)
        versions = (state.view.version, state.orders.version, state.model.name, steered)
        key = (question, versions, until, history, known, bought, buyers, mood)

        def compute() -> Slate:
            context = self._context(request, strategy, state, now, seeds, history, bought, buyers, steering)
            fusion = state.model.fusions.get(name)
            picked = self._pick(context, strategy, request, variety, deadline, trace, fusion, steering)
            return _slate(context, picked, request, at, reasons=self.gives_reasons)

        try:
            if trace is not None:
                slate = compute()
            else:
                slate = self._answers.get_or_compute(key, stale_key, compute, wait_seconds=max(deadline - perf_counter(), 0.0))
        except _LateError:
            self.late_answers += 1
            context = self._context(request, strategy, state, now, seeds, history, bought, buyers, steering)
            earlier = self._answers.stale(stale_key)
            kept = _still_allowed(earlier, context) if earlier is not None else ()
            if earlier is not None and kept:
                slate = replace(earlier, tier="cached", items=kept)
            else:
                picked = _Picked()
                self._fill(context, () if request.strict else strategy.fallback[-1:], request, picked)
                _pin(context, steering, request, picked)
                slate = _slate(context, picked, request, at, reasons=self.gives_reasons)
        return Slate(
            id=os.urandom(16).hex(),
            strategy=slate.strategy,
            placement=request.placement,
            tier=slate.tier,
            items=slate.items,
            at=at,
            timings_ms={"total": (perf_counter() - started) * 1_000.0},
        )

    def _segments(self, request: Request, state: State, now: float) -> tuple[str, ...]:
        """Return the request's segments, with those that memory knows where a rule asks for one."""
        if state.rules is None or state.rules.segments.isdisjoint(KNOWN_SEGMENTS):
            return request.segments
        user = self.tracker.user_of(request.visitor_id, request.user_id)
        browsers = self.browsers.get(user, ()) if user else ()
        customer = state.live.is_customer(state.view, request.visitor_id, request.user_id, self.aliases, browsers)
        history = self.tracker.history(request.visitor_id, request.user_id, now)
        return (*request.segments, *segments_of(history, customer, now, self._config.session_gap_minutes * 60.0))

    def _purchases(self, request: Request, strategy: Strategy, state: State) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the rows that whoever asks bought and that are not to be shown, and whom their purchases are kept by."""
        bought: tuple[int, ...] = ()
        buyers: tuple[int, ...] = ()
        hides_bought = request.filters.exclude_purchased and not strategy.keeps_purchased
        if (hides_bought or strategy.reads_purchases) and (request.visitor_id or request.user_id):
            user = self.tracker.user_of(request.visitor_id, request.user_id)
            browsers = self.browsers.get(user, ()) if user else ()
            if hides_bought:
                bought = tuple(state.live.bought(state.view, request.visitor_id, request.user_id, self.aliases, browsers))
            if strategy.reads_purchases:
                buyers = buyer_keys(request.visitor_id, request.user_id, self.aliases, browsers)
        return bought, buyers

    def _context(
        self,
        request: Request,
        strategy: Strategy,
        state: State,
        now: float,
        seeds: Sequence[int],
        history: tuple[Event, ...],
        bought: Sequence[int],
        buyers: tuple[int, ...],
        steering: Steering | None,
    ) -> Context:
        view = state.view
        mask = self._mask(view, request.filters, now).copy()
        if strategy.only is not None:
            mask &= strategy.only(view)
        if request.filters.varying is not None:
            mask &= request.filters.varying.mask(view, now, seeds)
        for seed in seeds:
            mask[view.variants(seed)] = False
        out = [row for row in map(view.row, request.filters.exclude_ids) if row >= 0]
        if out:
            mask[out] = False
        pinnable: BoolMask | None = None
        if steering is not None:
            steering.hide(mask)
            if steering.pins:
                pinnable = mask.copy()
                if bought:
                    pinnable[view.variants_of(bought) if request.filters.one_per_group else list(bought)] = False
        seen = rows_of(view, history)
        known = [*set(seen[seen >= 0].tolist()), *bought] if strategy.hides_seen else list(bought)
        if known:
            # Another colour of what was bought or just looked at is no news either.
            mask[view.variants_of(known) if request.filters.one_per_group else known] = False
        return Context(
            view=view,
            orders=state.orders,
            now=now,
            mask=mask,
            seeds=np.asarray(seeds, dtype=np.int32),
            history=history,
            history_rows=seen,
            behaviour=state.behaviour,
            query_vectors=self.query_vectors,
            buyers=buyers,
            pinnable=pinnable,
            new_arrival_days=self._config.new_arrival_days,
        )

    def _mask(self, view: View, filters: Filters, now: float) -> BoolMask:
        """Return the mask of a view and filters, kept until an item is published or expires. Not to be written to."""
        key = (view.version, *filters.catalogue_key)
        found = self._masks.get(key)
        if found is None or not found[0] <= now < found[1]:  # a clock may be put back, too
            mask = filters.mask(view, now)
            if len(self._masks) >= 64:
                self._masks = {k: v for k, v in list(self._masks.items()) if k[0] == view.version}
                if len(self._masks) >= 64:
                    self._masks = {}
            found = self._masks[key] = (now, view.valid_until(now), mask)
        return found[2]

    def _pick(
        self,
        context: Context,
        strategy: Strategy,
        request: Request,
        variety: Variety,
        deadline: float,
        trace: Trace | None = None,
        fusion: LearnedFusion | None = None,
        steering: Steering | None = None,
    ) -> _Picked:
        picked = _Picked()
        if trace is not None:
            trace.begin(context, strategy, steering)
        if steering is not None and steering.replaces is not None and steering.replaces.items:
            draft = steering.listed(steering.replaces, context.mask, request.n, request.filters.one_per_group)
            return _Picked(draft.rows, draft.contributions, [CHOSEN] * len(draft.rows), "popular")
        if perf_counter() > deadline:
            raise _LateError
        context.spread = variety.diversity.category_share < 1.0
        # Where nobody did anything, a strategy answers as if it read content alone.
        sources: list[tuple[Source, float]] = list(strategy.sources)
        sources += [pair for pair in strategy.learned if pair[0].knows(context)]
        if fusion is not None:
            sources += fusion.widening(sources, () if request.strict else strategy.fallback)
        # One source alone has its order already; several need depth for a row that each holds in the middle.
        k = max(MIN_CANDIDATES, 4 * request.n) if len(sources) > 1 else 2 * request.n + 8
        widened = 1
        while True:
            parts: list[tuple[Candidates, float]] = []
            used: list[Source] = []
            for source, weight in sources:
                if perf_counter() > deadline:
                    raise _LateError
                candidates = source.candidates(context, k * widened)
                if len(candidates.rows):
                    parts.append((candidates, weight))
                    used.append(source)
            picked, exceeded = _cut(context, parts, used, request, variety, trace, fusion, steering)
            # A source that gave half of what it was asked for may have more; see View.neighbours.
            full = any(2 * len(candidates.rows) >= k * widened for candidates, _ in parts)
            more = len(picked.rows) < request.n or (exceeded and request.diversity is not None and widened == 1)
            if not more or not full or widened >= MAX_WIDENING:
                break
            # Variants of few products, or of what is capped, took the places of others: look further.
            widened *= 4
        picked.tier = _tier(used, context)
        self._fill(context, () if request.strict else strategy.fallback, request, picked)
        if trace is not None:
            trace.stage("fill", list(picked.rows))
        if variety.mood is not None:
            since = context.now - context.new_arrival_days * 86_400.0
            lists = picked.rows, picked.contributions
            # Nobody is shown what is only explained.
            account = self.exposure if trace is None else Exposure()
            kept = variety.admit(context.view, context.orders, context.mask, since, request.strategy, request.n, *lists, account)
            picked.sources[kept:] = [NEWCOMERS] * (len(picked.rows) - kept)
            if trace is not None and kept < len(picked.rows):
                trace.stage("newcomers", list(picked.rows))
        if _pin(context, steering, request, picked) and trace is not None:
            trace.stage("pins", list(picked.rows))
        return picked

    @staticmethod
    def _fill(context: Context, fallback: Sequence[Source], request: Request, picked: _Picked) -> None:
        """Complete a short slate; what is added never outranks what is there."""
        if len(picked.rows) >= request.n or not fallback:
            return
        mask = context.mask.copy()
        context.mask = mask
        for row in picked.rows:
            mask[context.view.variants(row) if request.filters.one_per_group else row] = False
        for source in fallback:
            k = request.n
            while len(picked.rows) < request.n:
                candidates = source.candidates(context, k)
                ceiling = 0.99 * sum(picked.contributions[-1].values()) if picked.rows else 1.0
                best = float(candidates.scores[0]) if len(candidates.rows) else 1.0
                for row, score in zip(candidates.rows.tolist(), candidates.scores.tolist(), strict=True):
                    if len(picked.rows) >= request.n:
                        break
                    if not mask[row]:
                        continue
                    mask[context.view.variants(row) if request.filters.one_per_group else row] = False
                    picked.rows.append(row)
                    picked.contributions.append({source.name: ceiling * (score / best if best > 0 else 0.0)})
                    picked.sources.append(source)
                    if picked.tier == "empty":
                        picked.tier = "popular"
                if len(candidates.rows) < k:
                    break
                k *= 4


def _replaced(steering: Steering, strategy: str, seeds: Sequence[int]) -> str:
    """Return the strategy that answers, by a rule that replaces the row if one can."""
    other = None if steering.replaces is None else steering.replaces.strategy
    known = STRATEGIES.get(other) if other else None
    return strategy if other is None or known is None or (known.needs_seed and not seeds) else other


def _pin(context: Context, steering: Steering | None, request: Request, picked: _Picked) -> bool:
    """Let rules put what they pin into its place; return whether any does."""
    if steering is None or context.pinnable is None:
        return False

    def best(mask: BoolMask) -> int:
        found = first_allowed(context.orders.popular_rows, mask, 1)
        return int(found[0]) if len(found) else -1

    by = dict(zip(picked.rows, picked.sources, strict=True))
    draft = Draft(picked.rows, picked.contributions)
    steering.pin(draft, context.pinnable, request.n, request.filters.one_per_group, best)
    picked.sources = [CHOSEN if row in draft.pinned else by[row] for row in draft.rows]
    return bool(draft.pinned)


def _still_allowed(slate: Slate, context: Context) -> tuple[RecommendedItem, ...]:
    """Return what of an earlier slate may still be shown: the clock excuses no item that is sold out."""
    rows = ((item, context.view.row(item.id)) for item in slate.items)
    pinnable = context.mask if context.pinnable is None else context.pinnable
    kept = (i for i, row in rows if row >= 0 and (pinnable if i.reason_kind == CHOSEN.name else context.mask)[row])
    return tuple(item._replace(position=position) for position, item in enumerate(kept))


def _cut(
    context: Context,
    parts: Sequence[tuple[Candidates, float]],
    used: Sequence[Source],
    request: Request,
    variety: Variety,
    trace: Trace | None,
    fusion: LearnedFusion | None,
    steering: Steering | None,
) -> tuple[_Picked, bool]:
    """Fuse, by what was learnt if anything was, and keep the best ``n``."""
    if trace is not None:
        trace.proposed(used, parts)
    names = [source.name for source in used]
    fused = fuse(parts) if fusion is None or not parts else fusion.fuse(parts, names, asked_of(context))
    if trace is not None:
        trace.stage("fusion", fused.rows, fused.scores.tolist())
    if steering is not None:
        fused = steering.weigh(fused)
        if trace is not None:
            trace.stage("rules", fused.rows, fused.scores.tolist())
    fused, exceeded = variety.choose(context.view, fused, request.n, request.filters.one_per_group)
    picked = _Picked(rows=fused.rows.tolist())
    count = len(used)
    names += fused.properties
    for given in fused.contributions.tolist():
        picked.contributions.append({name: v for name, v in zip(names, given, strict=True) if v != 0 or name is RULES})
        picked.sources.append(used[given.index(max(given[:count]))])
    if RULES in fused.properties and steering is not None:
        picked.contributions = steering.told_apart(fused.rows, picked.contributions)
    if trace is not None:
        trace.stage("rerank", list(picked.rows))
    return picked, exceeded


def asked_of(context: Context) -> Asked:
    """Return what the learned fusion reads of a request."""
    at_hand = context.seeds.tolist() if len(context.seeds) else context.lately(MOST_KNOWN)
    return Asked(context.view, context.orders, context.now, at_hand)


def _tier(used: Sequence[Source], context: Context) -> str:
    names = {source.name for source in used}
    if names & PERSONAL:
        return "personal"
    if len(context.seeds) and names:
        return "similar"
    return "popular" if names else "empty"


def _slate(context: Context, picked: _Picked, request: Request, at: datetime, *, reasons: bool) -> Slate:
    """Return the slate without what differs from call to call (id, placement, timings)."""
    items = tuple(_explained(context, picked) if reasons else _bare(context.view, picked))
    tier = picked.tier if items else "empty"
    return Slate(id="", strategy=request.strategy, placement=request.placement, tier=tier, items=items, at=at)


def _bare(view: View, picked: _Picked) -> list[RecommendedItem]:
    """Return the items without words."""
    return [
        RecommendedItem(view.item_id(row), sum(given.values()), "", source.name, None, None, given, position)
        for position, (row, given, source) in enumerate(zip(picked.rows, picked.contributions, picked.sources, strict=True))
    ]


def _explained(context: Context, picked: _Picked) -> list[RecommendedItem]:
    view = context.view
    sources = dict.fromkeys(picked.sources)
    if len(sources) == 1:
        reasons = dict(zip(picked.rows, picked.sources[0].reasons(context, picked.rows), strict=True))
    else:
        reasons = {}
        for source in sources:
            rows = [row for row, by in zip(picked.rows, picked.sources, strict=True) if by is source]
            reasons.update(zip(rows, source.reasons(context, rows), strict=True))
    ids: dict[int, str] = {}
    items = []
    for position, (row, contributions, source) in enumerate(zip(picked.rows, picked.contributions, picked.sources, strict=True)):
        reason = reasons[row]
        told = reason.item_row
        if told >= 0 and told not in ids:
            ids[told] = view.item_id(told)
        items.append(
            RecommendedItem(
                view.item_id(row),
                sum(contributions.values()),
                reason.text,
                source.name,
                ids.get(told),
                reason.title,
                contributions,
                position,
            )
        )
    return items
