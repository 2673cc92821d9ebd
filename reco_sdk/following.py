"""Following: the engine's state kept in step with snapshots, the store, and what this process records."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from reco_sdk.building import STORE_ID, refusal
from reco_sdk.config import Config
from reco_sdk.delta import Delta, DeltaReader
from reco_sdk.engine import Engine, State
from reco_sdk.errors import RecoError, StoreError
from reco_sdk.interactions.interaction import MONEY_KINDS, Interaction
from reco_sdk.items.text import TextRecipe
from reco_sdk.memory import give_back_freed
from reco_sdk.ports import Clock, Store, StoredInteraction
from reco_sdk.ranking.learned import NO_MODEL
from reco_sdk.ranking.merchandising import RuleSet
from reco_sdk.ranking.model_files import ModelReader
from reco_sdk.reading import PAGE
from reco_sdk.rulebook import load_rules
from reco_sdk.sessions.tracker import SessionTracker
from reco_sdk.snapshot.base import Base
from reco_sdk.snapshot.live import LiveCounts, Orders
from reco_sdk.snapshot.publisher import SnapshotFolder
from reco_sdk.snapshot.view import View
from reco_sdk.sources.behaviour import Behaviour
from reco_sdk.troubles import Troubles

__all__ = ["Follower", "first_state"]

logger = logging.getLogger(__name__)

HISTORY_AT_START: Final = 5_000
HISTORY_LATER: Final = 25_000
COUNTED_WITHOUT_SNAPSHOT: Final = 50_000
EVENTS_REMEMBERED: Final = 10_000
ALIASES_SECONDS: Final = 60.0
RANKING_SHARE: Final = 0.02
"""Rankings of a busy, large shop take at most about this part of one core."""
VIEW_SHARE: Final = 0.25
"""Taking over items that change without a pause takes at most about this part of one core."""


def _live(base: Base, config: Config) -> LiveCounts:
    return LiveCounts(base.reference, config.popular_half_life_days, config.trending_half_life_days)


def _behaviour(base: Base, config: Config) -> Behaviour:
    return Behaviour(base, config.session_gap_minutes * 60.0)


def first_state(config: Config, clock: Clock) -> State:
    """Return what serves before anything was read: nothing."""
    base = Base.empty(clock.now().timestamp())
    view, live = View(base, (), {}, (), 1), _live(base, config)
    return State(view, live.orders(view), live, _behaviour(base, config))


def _rank(state: State) -> Orders:
    state.behaviour.publish()
    orders = state.live.orders(state.view)
    give_back_freed()
    return orders


class Follower:
    """Keeps ``engine.state`` in step; everything that awaits is off the request path.

    Parameters
    ----------
    folder
        Where snapshots appear.
    flush
        Writes to the store what this process recorded.
    fingerprint
        The model that vectors are looked up under while there is no snapshot.
    respace
        Called when the space of the vectors that are served may have changed.
    spawn
        Starts a coroutine on the recommender's loop.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        folder: SnapshotFolder,
        config: Config,
        *,
        recipe: TextRecipe,
        clock: Clock,
        troubles: Troubles,
        flush: Callable[[], Awaitable[None]],
        fingerprint: Callable[[], str],
        respace: Callable[[], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self.base = engine.state.view.base
        self._store = store
        self._engine = engine
        self._tracker: SessionTracker = engine.tracker
        self._folder = folder
        self._models = ModelReader(folder.root)
        self._model = NO_MODEL
        self._rules = RuleSet(0, ())
        self._config = config
        self._clock = clock
        self._troubles = troubles
        self._flush = flush
        self._respace = respace
        self._spawn = spawn
        self._reader = DeltaReader(store, config, recipe, fingerprint)
        self._delta = Delta()
        self._views = engine.state.view.version
        self._sequence = 0
        self._starting = True
        self._own_events: set[str] = set()
        self._stored: list[str] = []
        self._recent_events: OrderedDict[str, None] = OrderedDict()
        self._next_live: tuple[LiveCounts, set[str]] | None = None
        self._apply_lock = threading.Lock()
        self._refreshing = asyncio.Lock()
        self._refused: set[Path] = set()
        self._aliases_at = 0.0
        self._rank_not_before = 0.0
        self._items_not_before = 0.0

    @property
    def delta_size(self) -> int:
        """How many items differ from the snapshot."""
        return self._delta.size

    @property
    def item_version(self) -> int:
        """How far the store's items were followed."""
        return self._delta.version

    @property
    def snapshot_gone(self) -> bool:
        """Whether the folder of the snapshot that serves was removed: it serves on, but nobody else can map it."""
        return self.base.path is not None and not self.base.path.is_dir()

    async def start(self) -> None:
        """Take over the newest good snapshot and what happened since.

        Raises
        ------
        StoreError
            When the store cannot be read.
        """
        await self._refresh_aliases()
        async with self._refreshing:
            await self._refresh_model()
            await self._refresh_rules()
            if not await self._refresh_snapshot():
                await self._take_over(self.base)
        if self._starting:
            recent = await self._recall(HISTORY_AT_START, self._sequence)
            if recent:
                # A page does not wait for what visitors did long ago.
                self._spawn(self._recall_more(recent[0].sequence - 1))
        self._starting = False

    async def refresh(self) -> bool:
        """Take over a newer snapshot and what changed in the store; return whether anything did."""
        self._items_not_before = 0.0
        self._reader.hurry()
        return await self.follow()

    async def follow(self) -> bool:
        """Do the same as often as one likes: items that change without a pause are taken over together."""
        async with self._refreshing:
            swapped = await self._refresh_model()
            swapped = await self._refresh_rules() or swapped
            swapped = await self._refresh_snapshot() or swapped
            items = time.monotonic() >= self._items_not_before and await self._refresh_items()
            interactions = await self._refresh_interactions()
            ranked = await self._rank()
            return swapped or items or interactions or ranked

    async def rank(self) -> None:
        """Count in the rankings what was recorded until now."""
        async with self._refreshing:
            self._rank_not_before = 0.0
            await self._refresh_interactions()
            await self._rank()

    def record(self, interactions: Sequence[Interaction], keep: Callable[[Sequence[Interaction]], None]) -> None:
        """Let live state know what this process records, from any thread; an ``event_id`` seen before is passed over.

        Parameters
        ----------
        keep
            Takes those that are new, to be written to the store.
        """
        with self._apply_lock:
            fresh = self._not_seen(interactions)
            self._own_events.update(i.event_id for i in fresh)
            # A purchase may be in the store already, read from an order or recorded before a restart: it counts when the
            # store gives it a place, and until then only its buyer knows.
            purchases = [i for i in fresh if i.kind in MONEY_KINDS]
            counted = [i for i in fresh if i.kind not in MONEY_KINDS]
            live = self._engine.state.live
            self._tracker.record(fresh)
            live.add(counted, self._engine.aliases)
            live.expect(purchases, self._engine.aliases)
            if self._next_live is not None and self._next_live[0] is not live:
                coming, seen = self._next_live
                coming.add(counted, self._engine.aliases)
                coming.expect(purchases, self._engine.aliases)
                seen.update(i.event_id for i in counted)
            keep(fresh)

    def stored(self, interactions: Iterable[Interaction]) -> None:
        """Take note that the store has these now, whether they were new to it or not."""
        self._stored += [i.event_id for i in interactions if i.kind in MONEY_KINDS]

    def take_aliases(self, aliases: Mapping[str, str]) -> None:
        """Let what browsers did join the accounts that they belong to."""
        engine = self._engine
        fresh = {visitor: user for visitor, user in aliases.items() if engine.aliases.get(visitor) != user}
        if not fresh:
            return
        browsers: dict[str, list[str]] = {}
        for visitor, user in fresh.items():
            browsers.setdefault(user, []).append(visitor)
        self._tracker.load_aliases(fresh)
        engine.aliases = {**engine.aliases, **fresh}
        engine.browsers = {
            **engine.browsers,
            **{user: tuple(dict.fromkeys((*engine.browsers.get(user, ()), *own))) for user, own in browsers.items()},
        }

    # -- snapshots

    async def _refresh_snapshot(self) -> bool:
        current = await asyncio.to_thread(self._folder.current)
        if current is None or current == self.base.path or current in self._refused:
            return False
        snapshot = await asyncio.to_thread(self._folder.open_latest)
        if snapshot is None or snapshot.path != current:
            self._refuse(current)
        if snapshot is None or snapshot.path == self.base.path or snapshot.path in self._refused:
            return False
        try:
            if (wrong := await refusal(self._store, snapshot.meta)) is not None:
                logger.warning("snapshot %s is passed over: %s", snapshot.path, wrong)
                self._refused.add(snapshot.path)
                return False
            base = await asyncio.to_thread(Base.of, snapshot, exact_limit=self._config.exact_limit)
        except StoreError:
            raise
        except (RecoError, LookupError) as error:
            logger.error("snapshot %s cannot be served: %s", snapshot.path, error)  # noqa: TRY400 -- told, not debugged
            self._refuse(snapshot.path)
            return False
        await self._take_over(base)
        if snapshot.path == current:
            self._troubles.mended("snapshot")
        if self._config.graph:
            self._spawn(asyncio.to_thread(base.load_graph))
        self._spawn(asyncio.to_thread(give_back_freed))
        return True

    def _refuse(self, path: Path) -> None:
        self._refused.add(path)
        self._troubles.note("snapshot", f"snapshot {path.name} is damaged and was refused; run sync to build another")

    async def _take_over(self, base: Base) -> None:
        """Count what happened since a snapshot, then serve it; what is recorded meanwhile counts in both."""
        live, behaviour = _live(base, self._config), _behaviour(base, self._config)
        seen: set[str] = set()
        with self._apply_lock:
            self._next_live = (live, seen)
        try:
            await self._flush()
            # What the snapshot counts already may still be news to the visitors' histories.
            sequence = base.sequence if self._starting else min(base.sequence, self._sequence)
            if base.path is None and self._starting:
                # A long log waits for the first snapshot; what happened last is enough to rank by until then.
                sequence = max(await self._store.interaction_sequence() - COUNTED_WITHOUT_SNAPSHOT, 0)
            while page := await self._store.interactions_since(sequence, PAGE):
                live.add(
                    [s.interaction for s in page if s.sequence > base.sequence and s.interaction.event_id not in seen],
                    self._engine.aliases,
                )
                later = [s.interaction for s in page if s.sequence > base.sequence]
                live.correct(await asyncio.to_thread(behaviour.add, later))
                sequence = page[-1].sequence
                if not self._starting:
                    # The state that goes on serving until then counts them too.
                    self._take_from_others([s for s in page if s.sequence > self._sequence])
            before = Delta(version=base.item_version)
            delta = await self._reader.read(base, before, all_vectors=True) or before
            state, _ = await self._state(base, delta, live, behaviour)
            with self._apply_lock:
                self.base, self._delta, self._sequence = base, delta, max(sequence, self._sequence)
                self._engine.state = state
        finally:
            with self._apply_lock:
                self._next_live = None
        self._respace()

    # -- models

    async def _refresh_model(self) -> bool:
        """Rank by the model that was published last, as far as it is sound and of this store."""
        if not await asyncio.to_thread(self._models.has_changed):
            return False
        model = await asyncio.to_thread(self._models.read, await self._store.get_state(STORE_ID) or "")
        if self._models.refused is None:
            self._troubles.mended("model")
        else:
            self._troubles.note("model", f"{self._models.refused}; run train to make another")
        if model.name == self._model.name:
            return False
        self._model = model
        self._engine.state = replace(self._engine.state, model=model)
        return True

    # -- rules

    @property
    def rules(self) -> RuleSet:
        """The rules as they were read last."""
        return self._rules

    async def _refresh_rules(self) -> bool:
        """Steer by the rules as they are in the store now."""
        rules, wrong = await load_rules(self._store, self._rules)
        if rules is self._rules:
            return False
        if wrong is None:
            self._troubles.mended("rules")
        else:
            self._troubles.note("rules", wrong)
            logger.warning("a rule is passed over: %s", wrong)
        self._rules = rules
        state = self._engine.state
        active = await asyncio.to_thread(rules.over, state.view)
        self._engine.state = replace(state, rules=active)
        return True

    # -- items

    async def _refresh_items(self) -> bool:
        delta = await self._reader.read(self.base, self._delta)
        if delta is None:
            return False
        before = self._engine.state.view.dimension
        state, spent = await self._state(self.base, delta, self._engine.state.live, self._engine.state.behaviour)
        self._items_not_before = time.monotonic() + spent * (1.0 / VIEW_SHARE - 1.0)
        self._delta = delta
        self._engine.state = state
        if state.view.dimension != before:
            self._respace()
        return True

    # -- interactions

    async def _recall(self, limit: int, until: int) -> list[StoredInteraction]:
        """Let visitors' histories know the newest interactions up to a sequence, as far as they still matter."""
        recent = [s for s in await self._store.recent_interactions(limit) if s.sequence <= until]
        oldest = self._clock.now().timestamp() - self._tracker.ttl_seconds
        self._tracker.record(s.interaction for s in recent if s.interaction.at.timestamp() >= oldest)
        return recent

    async def _recall_more(self, until: int) -> None:
        try:
            await self._recall(HISTORY_LATER, until)
        except RecoError as error:
            logger.warning("what visitors did long ago could not be read: %s", error)

    async def _refresh_interactions(self) -> bool:
        news, stored = False, list(self._stored)
        while page := await self._store.interactions_since(self._sequence, PAGE):
            news = self._take_from_others(page) or news
        if stored:
            # What was read back is counted; what was not had been counted before.
            del self._stored[: len(stored)]
            self._engine.state.live.settle(stored)
            with self._apply_lock:
                self._own_events.difference_update(stored)
        # A clock that was put back must not keep them out until it has caught up.
        if not 0.0 <= self._clock.now().timestamp() - self._aliases_at <= ALIASES_SECONDS:
            await self._refresh_aliases()
        return news

    def _take_from_others(self, page: Sequence[StoredInteraction]) -> bool:
        """Take over what other processes wrote; what this one recorded was known at once, but for purchases, which count now.

        Return whether there was anything.
        """
        if not page:
            return False
        with self._apply_lock:
            own = {s.interaction.event_id for s in page} & self._own_events
            others = [s.interaction for s in page if s.interaction.event_id not in own]
            counted = [s.interaction for s in page if s.interaction.event_id not in own or s.interaction.kind in MONEY_KINDS]
            self._own_events -= own
            self._remember(i.event_id for i in others)
            self._sequence = page[-1].sequence
        self._tracker.record(others)
        # What came of sessions and baskets is counted in the order of the log, whoever recorded it.
        corrections = self._engine.state.behaviour.add(s.interaction for s in page)
        if counted:
            self._engine.state.live.add(counted, self._engine.aliases)
        # What one process recorded was counted by itself at once, and is judged by its session now.
        self._engine.state.live.correct(corrections)
        return bool(counted or corrections)

    def _not_seen(self, interactions: Sequence[Interaction]) -> list[Interaction]:
        """Return those whose ``event_id`` is new here: a beacon that was sent twice counts once."""
        fresh = {i.event_id: i for i in interactions if i.event_id not in self._recent_events}
        self._remember(fresh)
        return list(fresh.values())

    def _remember(self, event_ids: Iterable[str]) -> None:
        self._recent_events.update(dict.fromkeys(event_ids))
        while len(self._recent_events) > EVENTS_REMEMBERED:
            self._recent_events.popitem(last=False)

    async def _refresh_aliases(self) -> None:
        aliases = await self._store.aliases()
        self._aliases_at = self._clock.now().timestamp()
        self.take_aliases(aliases)

    # -- the state that serves

    async def _state(self, base: Base, delta: Delta, live: LiveCounts, behaviour: Behaviour) -> tuple[State, float]:
        """Return the state, and the seconds of a core that it took.

        Not the seconds that went by: on a busy machine they are many more, and every process would wait for all others.
        """
        self._views += 1
        version = self._views

        def make() -> tuple[State, float]:
            started = time.thread_time()
            view = View(base, list(delta.changed.values()), delta.vectors, delta.deleted, version)
            behaviour.publish()
            state = State(view, live.orders(view), live, behaviour, self._model, self._rules.over(view))
            return state, time.thread_time() - started

        return await asyncio.to_thread(make)

    async def _rank(self) -> bool:
        state = self._engine.state
        started = time.monotonic()
        if not (state.live.changed or state.behaviour.changed) or started < self._rank_not_before:
            return False
        orders = await asyncio.to_thread(_rank, state)
        took = time.monotonic() - started
        if took > self._config.poll_interval_seconds * RANKING_SHARE:
            self._rank_not_before = started + took / RANKING_SHARE
        self._engine.state = replace(state, orders=orders)
        return True
