"""Explanations of what was asked as a placement: several strategies in turn, and filters that give way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from reco_sdk.engine import Engine
from reco_sdk.errors import InvalidRequest
from reco_sdk.explaining.answers import Explanation, ItemExplanation
from reco_sdk.explaining.why import explain
from reco_sdk.ranking.slate import Slate
from reco_sdk.request import Request

__all__ = ["answering", "explained"]

Ask = Callable[[Callable[[Request], Slate]], Slate]
"""Puts a question by means of one or more requests, and makes one slate of the answers."""


def explained(engine: Engine, ask: Ask) -> Explanation:
    """Explain the slate that ``ask`` makes."""
    started = perf_counter()
    answers: list[Explanation] = []

    def answer(request: Request) -> Slate:
        answers.append(explain(engine, request))
        return answers[-1].slate

    slate = ask(answer)
    if not answers:
        return Explanation(slate=slate, items=(), sources=(), allowed=0, candidates=0, timings_ms=slate.timings_ms)
    known: dict[str, ItemExplanation] = {}
    for each in answers:
        for item in each.items:
            known.setdefault(item.id, item)
    items = tuple(
        replace(known[item.id], position=item.position, ranks={**known[item.id].ranks, "slate": item.position + 1})
        for item in slate.items
    )
    timings = {**answers[-1].timings_ms, "total": (perf_counter() - started) * 1_000.0}
    return replace(answers[-1], slate=slate, items=items, timings_ms=timings)


def answering(engine: Engine, ask: Ask) -> Request:
    """Return the request that made the slate of ``ask``: the first that was not empty, else the first of all.

    Raises
    ------
    InvalidRequest
        When nothing was asked at all.
    """
    asked: list[tuple[Request, bool]] = []

    def answer(request: Request) -> Slate:
        slate = engine.recommend(request)
        asked.append((request, bool(slate.items)))
        return slate

    ask(answer)
    found = next((request for request, filled in asked if filled), asked[0][0] if asked else None)
    if found is None:
        raise InvalidRequest("seeds", "no strategy of this placement can be asked without an item to start from")
    return found
