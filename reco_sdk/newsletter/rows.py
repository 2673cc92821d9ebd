"""The rows: the whole log read once for everybody's history, then one answer a user, from one state and without a deadline."""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from reco_sdk.asking import ask
from reco_sdk.engine import MIN_CANDIDATES, Engine, _slate
from reco_sdk.newsletter.ahead import AT_ONCE, Ahead
from reco_sdk.ranking.slate import Slate
from reco_sdk.recommender import CoreRecommender
from reco_sdk.request import Request
from reco_sdk.sessions.tracker import SessionTracker
from reco_sdk.strategies import STRATEGIES, Strategy

__all__ = ["Readers", "read_users", "rows"]

PAGE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Readers:
    """Whoever a newsletter may go to.

    Parameters
    ----------
    users
        Ids of all accounts that ever did anything, ascending.
    tracker
        What each of them did lately.
    """

    users: tuple[str, ...]
    tracker: SessionTracker


async def read_users(reco: CoreRecommender, progress: Callable[[int, int], None] | None = None) -> Readers:
    """Read the log once: a process that serves keeps the histories of the last visitors only.

    Parameters
    ----------
    reco
        Open.
    progress
        Called with (interactions read, all).
    """
    config, store = reco.config, reco.store
    await reco.flush()
    tracker = SessionTracker(cap=config.session_cap, ttl_seconds=config.visitor_ttl_days * 86_400.0, max_visitors=2**62)
    aliases = await store.aliases()
    tracker.load_aliases(aliases)
    users = set(aliases.values())
    oldest = reco.clock.now().timestamp() - tracker.ttl_seconds
    sequence, last = 0, await store.interaction_sequence()
    with _uncollected():
        while page := await store.interactions_since(sequence, PAGE):
            interactions = [stored.interaction for stored in page]
            users.update(i.user_id for i in interactions if i.user_id)
            tracker.record(i for i in interactions if (i.user_id or i.visitor_id in aliases) and i.at.timestamp() >= oldest)
            sequence = page[-1].sequence
            if progress is not None:
                progress(min(sequence, last), last)
    return Readers(tuple(sorted(users)), tracker)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let the garbage collector wait: histories of everybody are no garbage, and it would look through them over and over."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class _PausedError(Exception):
    """A question is resolved, and waits for those of other users."""

    def __init__(self, *question: Any) -> None:
        self.question = question


class _Batch(Engine):
    """An engine that answers many users together: it resolves the questions, works out what all sources say, and cuts each."""

    ahead: Ahead
    _pauses = False

    def answers(self, requests: Sequence[Request]) -> list[Slate]:
        """Answer requests that differ in their user alone, as :meth:`recommend` answers each."""
        at = self._clock.now()
        questions: list[tuple[Any, ...]] = []
        self._pauses = True
        try:
            for request in requests:
                try:
                    self.recommend(request)
                except _PausedError as paused:
                    questions.append(paused.question)
        finally:
            self._pauses = False
        k = max(MIN_CANDIDATES, 4 * requests[0].n)
        knowing: dict[int, Strategy] = {}
        for strategy in {id(strategy): strategy for _, strategy, *_ in questions}.values():
            if len(strategy.sources) > 1:
                contexts = [context for context, other, *_ in questions if other is strategy]
                knowing[id(strategy)] = self.ahead.look(contexts, strategy, k)
        slates = []
        for context, strategy, request, variety, _, trace, *learned in questions:
            known = knowing.get(id(strategy), strategy)
            picked = self._pick(context, known, request, variety, math.inf, trace, *learned)
            slate = _slate(context, picked, request, at, reasons=self.gives_reasons)
            slates.append(replace(slate, id=os.urandom(16).hex()))
        return slates

    def _pick(self, *question: Any, **named: Any) -> Any:
        if self._pauses:
            raise _PausedError(*question)
        return super()._pick(*question, **named)


def rows(
    reco: CoreRecommender,
    tracker: SessionTracker,
    users: Iterable[str],
    strategies: Sequence[str],
    *,
    relaxed: bool = False,
    reasons: bool = False,
    **fields: Any,
) -> Iterator[tuple[str, Slate]]:
    """Yield each user's slate. Nothing of it is logged as shown, and no answer is kept: none is asked for twice.

    Parameters
    ----------
    reco
        Open; whatever it serves meanwhile, all rows are of the state it had at the beginning.
    tracker
        Histories, of :func:`read_users`.
    users
        Ids of accounts.
    strategies, relaxed
        As in :func:`reco_sdk.asking.ask`.
    reasons
        Whether each item says why it is there; without, an answer takes a fifth less.
    **fields
        Further fields of :class:`reco_sdk.request.Request`.
    """
    served = reco.engine
    patient = reco.config.with_settings(cache_ttl_seconds=0.0, deadline_ms=60_000.0)
    engine = _Batch(served.state, tracker, patient, reco.clock)
    engine.gives_reasons = reasons
    engine.aliases, engine.browsers, engine.query_vectors = served.aliases, served.browsers, served.query_vectors
    engine.ahead = Ahead(served.state, patient.exact_limit)
    engine.state = engine.ahead.state
    first = STRATEGIES.get(strategies[0])
    together = first is not None and not first.needs_seed and not fields.get("seeds")
    waiting = iter(users)
    while some := list(islice(waiting, AT_ONCE)):
        requests = [Request(strategy=strategies[0], user_id=user, **fields) for user in some] if together else []
        with _uncollected():
            answers: list[Slate | None] = [*engine.answers(requests)] if together else [None] * len(some)
        for user, slate in zip(some, answers, strict=True):
            # What is left empty, or short where filters give way, is asked of the rest of the chain.
            if slate is not None and len(slate.items) >= (requests[0].n if relaxed else 1):
                yield user, slate
                continue
            yield user, ask(engine.recommend, lambda: engine.state.view, strategies, relaxed=relaxed, user_id=user, **fields)
