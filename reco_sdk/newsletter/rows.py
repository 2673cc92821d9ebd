"""The rows: the whole log read once for everybody's history, then one answer a user, from one state and without a deadline."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from reco_sdk.asking import ask
from reco_sdk.engine import Engine
from reco_sdk.newsletter.ahead import AT_ONCE, Ahead, fits
from reco_sdk.ranking.slate import Slate
from reco_sdk.recommender import CoreRecommender
from reco_sdk.sessions.tracker import SessionTracker
from reco_sdk.sources.context import Context

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


class _Batch(Engine):
    """An engine whose contexts know what was worked out ahead."""

    ahead: Ahead | None = None

    def _context(self, *resolved: Any, **named: Any) -> Context:
        context = super()._context(*resolved, **named)
        if self.ahead is not None:
            self.ahead.reuse(context)
        return context


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
    # In a larger catalogue a search reads a part of it, and is as fast by itself.
    ahead = Ahead(served.state, tracker, engine.query_vectors) if fits(served.state.view, patient.exact_limit) else None
    if ahead is not None:
        engine.state, engine.ahead = ahead.state, ahead
    waiting = iter(users)
    while some := list(islice(waiting, AT_ONCE)):
        if ahead is not None:
            ahead.look(some, reco.clock.now().timestamp())
        for user in some:
            yield user, ask(engine.recommend, lambda: engine.state.view, strategies, relaxed=relaxed, user_id=user, **fields)
