"""The recommender as the Django side calls it: blocking, on the recommender's own loop thread."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django_reco import metrics
from reco_sdk.asking import ask, siblings
from reco_sdk.wiring import Recommender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reco_sdk.blocking import BlockingRecommender
    from reco_sdk.config import Config
    from reco_sdk.interactions.interaction import Interaction
    from reco_sdk.items.item import Item
    from reco_sdk.ports import Impression, ItemChange
    from reco_sdk.ranking.slate import Slate
    from reco_sdk.request import Request
    from reco_sdk.sessions.session import Event

__all__ = ["Backend"]

logger = logging.getLogger("django_reco")


class Backend:
    """One open recommender.

    Parameters
    ----------
    config
        Its settings.
    embed
        Whether an item that changes is embedded at once; otherwise the next sync does.
    """

    def __init__(self, config: Config, *, embed: bool = True) -> None:
        self.facade: BlockingRecommender = Recommender.open_blocking(config=config)
        self._embed = embed
        self._aliases: deque[tuple[str, str]] = deque()

    def start(self, timeout_seconds: float | None = None) -> None:
        """Open it."""
        self.facade.start(timeout_seconds)
        metrics.read_from("recorder", self.recorded)

    def close(self) -> None:
        """Write what waits, and close it. Never raises."""
        try:
            metrics.forget("recorder", self.recorded)
            self.write_aliases()
            self.facade.close()
        except Exception:
            logger.warning("reco: not everything could be written at the end", exc_info=True)

    # -- the request path: memory only

    def recommend_now(self, request: Request) -> Slate:
        """Answer from memory. What is shown of it is logged by :meth:`impression`."""
        return self.facade.core.engine.recommend(request)

    def ask(self, strategies: Sequence[str], *, relaxed: bool, **fields: Any) -> Slate:
        """Answer by the first strategy that finds anything; see :func:`reco_sdk.asking.ask`."""
        engine = self.facade.core.engine
        return ask(engine.recommend, lambda: engine.state.view, strategies, relaxed=relaxed, **fields)

    def variants(self, item_ids: Iterable[str]) -> list[str]:
        """Return items and their variants."""
        return list(siblings(self.facade.core.engine.state.view, list(item_ids)))

    def segments_at(self, placement: str, strategies: Collection[str]) -> frozenset[str]:
        """Return the segments that rules ask for where a row is shown."""
        rules = self.facade.core.engine.state.rules
        return frozenset() if rules is None else rules.segments_at(placement, strategies)

    def record(self, interactions: Sequence[Interaction]) -> None:
        """Record at once in memory; the store has it within the flush interval."""
        self.facade.core.record_now(interactions)

    def take_session(self, visitor_id: str | None, user_id: str | None, events: Iterable[Event]) -> None:
        """Know what a visitor did in other processes; see :meth:`reco_sdk.sessions.tracker.SessionTracker.merge`."""
        self.facade.core.tracker.merge(visitor_id, user_id, events)

    def impression(self, impression: Impression) -> None:
        """Log what was shown; the store has it within the flush interval."""
        self.facade.core.log_impression(impression)

    def alias(self, visitor_id: str, user_id: str) -> None:
        """Keep what browser logged in to what account until it is written.

        Not at once: the login's own transaction may hold the lock that the write needs, and would wait for itself.
        """
        self._aliases.append((visitor_id, user_id))

    # -- everything else

    def recorded(self) -> Mapping[str, int]:
        """Return what became of what this process recorded, by name."""
        core = self.facade.core
        slates = core.impressions.counts
        return {**core.recorder.counts.flat(), "slates.written": slates.written, "slates.dropped": slates.dropped["views"]}

    def write_aliases(self) -> None:
        """Join the browsers that logged in to their accounts."""
        while self._aliases:
            self.facade.alias(*self._aliases[0])
            self._aliases.popleft()

    def refresh(self) -> bool:
        """Take over what changed in the store."""
        return self.facade.refresh()

    def flush(self) -> None:
        """Write what waits."""
        self.facade.flush()
        self.write_aliases()

    def begin_flush(self) -> None:
        """Begin to write what waits, without waiting for it: a process that ends may not have long."""
        if self.facade.started:
            self.facade.spawn(self.facade.core.flush())

    def content_hashes(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return the stored content hash by id."""
        return self.facade.run(self.facade.core.store.content_hashes(item_ids))

    def item_count(self) -> int:
        """Return how many items are stored."""
        return self.facade.run(self.facade.core.store.item_count())

    def stored_ids(self) -> Iterator[str]:
        """Yield the ids of all stored items."""
        pages: AsyncIterator[list[ItemChange]] = self.facade.core.store.iter_items()

        async def page() -> list[ItemChange]:
            return await anext(pages, [])

        while changes := self.facade.run(page()):
            yield from (change.item_id for change in changes)

    def upsert(self, items: Sequence[Item]) -> None:
        """Store items; they are recommendable when this returns."""
        self.facade.upsert_items(items, embed=self._embed)

    def delete(self, item_ids: Sequence[str]) -> int:
        """Delete items, return how many there were."""
        return self.facade.delete_items(item_ids)

    def import_interactions(self, interactions: Sequence[Interaction]) -> int:
        """Store history; return how many were new."""
        return self.facade.import_interactions(interactions)

    def interaction_sequence(self) -> int:
        """Return the greatest number that the store gave an interaction."""
        return self.facade.run(self.facade.core.store.interaction_sequence())

    def get_state(self, name: str) -> str | None:
        """Return a small named value."""
        return self.facade.run(self.facade.core.store.get_state(name))

    def put_state(self, name: str, value: str | None) -> None:
        """Keep a small named value."""
        self.facade.run(self.facade.core.store.put_state(name, value))
