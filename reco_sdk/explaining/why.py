"""Why each item of a slate is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from time import perf_counter
from typing import Final

import numpy as np

from reco_sdk.engine import Engine
from reco_sdk.explaining.answers import Asked, Evidence, Explanation, ItemExplanation
from reco_sdk.explaining.words import BY_CONTENT, evidence_text, feature_text, rule_text, shared_words
from reco_sdk.messages import Said, said
from reco_sdk.ranking.merchandising import Steering, rule_name
from reco_sdk.ranking.newcomers import EXPOSURE
from reco_sdk.ranking.variety import DIVERSITY
from reco_sdk.request import Request
from reco_sdk.snapshot.view import View
from reco_sdk.sources.context import Context, Reason, Source
from reco_sdk.strategies import STRATEGIES
from reco_sdk.trace import Trace

__all__ = ["explain"]

_SAID: Final[Mapping[str, Said]] = {
    EXPOSURE: said("new: the last places are kept for new items now and then"),
    DIVERSITY: said("much like what stands above it"),
}


def explain(engine: Engine, request: Request) -> Explanation:
    """Answer a request once more, and say of each item why it is there. Memory only; any thread may call it.

    Parameters
    ----------
    engine
        What answers.
    request
        The question.

    Raises
    ------
    UnknownItem
        When none of the request's seeds is in the catalogue.
    """
    started = perf_counter()
    trace = Trace()
    slate = engine.recommend(request, trace)
    context = trace.context
    if context is None or trace.mask is None:
        return Explanation(slate=slate, items=(), sources=(), allowed=0, candidates=0, timings_ms=slate.timings_ms)
    trace.lap("slate")
    rows = [context.view.row(item.id) for item in slate.items]
    told = _reasons(context, _sources(trace, request), rows, [item.contributions for item in slate.items])
    known = {**_SAID, **_rules_said(trace.steering)}
    places = {source.name: _places(candidates.rows, rows) for source, _, candidates in trace.parts}
    stages = {stage.name: _places(np.asarray(stage.rows), rows) for stage in trace.stages}
    stages["slate"] = {row: place for place, row in enumerate(rows, 1)}
    filled = set(trace.rows_after("fill")) - set(trace.rows_after("rerank"))
    items = []
    for item, row in zip(slate.items, rows, strict=True):
        evidence = [
            _evidence(context.view, row, name, value, told.get((name, row)), places.get(name, {}).get(row, 0), known)
            for name, value in item.contributions.items()
        ]
        items.append(
            ItemExplanation(
                id=item.id,
                title=context.view.title(row),
                position=item.position,
                score=item.score,
                reason=item.reason,
                evidence=tuple(sorted(evidence, key=lambda part: -abs(part.contribution))),
                ranks={name: found[row] for name, found in stages.items() if row in found},
                fallback=row in filled and not any(name in known for name in item.contributions),
            )
        )
    trace.lap("explain")
    return Explanation(
        slate=slate,
        items=tuple(items),
        sources=tuple(
            Asked(source=source.name, weight=weight, proposed=len(candidates.rows)) for source, weight, candidates in trace.parts
        ),
        allowed=int(np.count_nonzero(trace.mask)),
        candidates=len(trace.stages[0].rows) if trace.stages else 0,
        timings_ms={**trace.timings_ms, "total": (perf_counter() - started) * 1_000.0},
    )


def _sources(trace: Trace, request: Request) -> dict[str, Source]:
    """Return by name what may have contributed: a learned fusion asks fallbacks as well."""
    strategy = trace.strategy or STRATEGIES[request.strategy]
    found: dict[str, Source] = {source.name: source for source in strategy.fallback}
    return found | {source.name: source for source, _, _ in trace.parts}


def _reasons(
    context: Context, sources: Mapping[str, Source], rows: Sequence[int], contributions: Sequence[Mapping[str, float]]
) -> dict[tuple[str, int], Reason]:
    """Return what each source says of the rows that it contributed to."""
    found = {}
    for name, source in sources.items():
        of_source = [row for row, given in zip(rows, contributions, strict=True) if name in given]
        if of_source:
            reasons = source.reasons(context, of_source)
            found.update({(name, row): reason for row, reason in zip(of_source, reasons, strict=True)})
    return found


def _places(ranked: Sequence[int] | np.ndarray[tuple[int, ...], np.dtype[np.integer]], rows: Sequence[int]) -> dict[int, int]:
    """Return the place, from 1, of those of ``rows`` that a ranking holds."""
    ranked = np.asarray(ranked)
    places = np.flatnonzero(np.isin(ranked, rows)).tolist()
    return {int(ranked[place]): place + 1 for place in reversed(places)}


def _text(view: View, row: int) -> str:
    return f"{view.title(row)} {view.category_name(row)}"


def _rules_said(steering: Steering | None) -> dict[str, Said]:
    """Return what is said of each rule that was meant, by its name among the contributions."""
    found = {}
    for rule in () if steering is None else steering.rules:
        by, factor = rule_text(rule), Decimal(f"{rule.factor or 1.0:g}")
        if rule.action == "pin":
            found[rule_name(rule)] = said("pinned to place %(slot)s by %(rule)s", slot=rule.slot, rule=by)
        elif rule.action == "replace":
            found[rule_name(rule)] = said("listed by %(rule)s", rule=by)
        elif rule.action == "boost":
            found[rule_name(rule)] = said("boosted %(factor)s times by %(rule)s", factor=factor, rule=by)
        elif rule.action == "bury":
            found[rule_name(rule)] = said("buried %(factor)s times by %(rule)s", factor=factor, rule=by)
    return found


def _evidence(
    view: View, row: int, name: str, value: float, reason: Reason | None, rank: int, told: Mapping[str, str]
) -> Evidence:
    if reason is None:
        # No source: what the learned fusion reads of the item itself, or a rule.
        return Evidence(source=name, contribution=value, said=told.get(name) or feature_text(name))
    other = reason.item_row
    compared = name in BY_CONTENT and other >= 0
    return Evidence(
        source=name,
        contribution=value,
        said=evidence_text(name, reason),
        words=shared_words(_text(view, row), _text(view, other)) if compared else (),
        item_id=view.item_id(other) if other >= 0 else None,
        people=reason.people,
        times=reason.times,
        rank=rank,
    )
