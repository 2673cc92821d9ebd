"""The recommender: one object over the store, the recorder, the snapshots and the engine.

The engine answers from memory; everything here that awaits is off the request path.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from reco_sdk.asking import ask
from reco_sdk.building import Quiet, build
from reco_sdk.config import Config
from reco_sdk.diagnosis import Diagnosis, diagnose
from reco_sdk.embedding.sync import embed_items
from reco_sdk.engine import Engine
from reco_sdk.errors import (
    BuildInProgress,
    EmbeddingError,
    InvalidItem,
    InvalidRequest,
    MissingExtra,
    NotRunning,
    RecoError,
    StoreError,
)
from reco_sdk.explaining import Explanation, WhyNot, answering, explain, explained, why_not
from reco_sdk.following import Follower, first_state
from reco_sdk.interactions.counts import HostCounts
from reco_sdk.interactions.interaction import Interaction, check_time
from reco_sdk.interactions.recorder import Recorder, class_of
from reco_sdk.items.item import Item, check_unique_ids
from reco_sdk.items.text import DEFAULT_RECIPE, TextRecipe
from reco_sdk.placements import Placement, read_placements
from reco_sdk.ports import Clock, Embedder, Impression, RuleChange, Store, UpsertReport
from reco_sdk.queries import QueryVectors
from reco_sdk.ranking.filters import NO_FILTERS, Filters
from reco_sdk.ranking.model_files import ModelFolder
from reco_sdk.ranking.rules import Rule
from reco_sdk.ranking.slate import Slate
from reco_sdk.request import Request
from reco_sdk.rulebook import Conflict, check_names, conflicts
from reco_sdk.sessions.tracker import SessionTracker
from reco_sdk.snapshot.builder import Progress
from reco_sdk.snapshot.publisher import SnapshotFolder
from reco_sdk.sources.context import Context, rows_of
from reco_sdk.troubles import Troubles

__all__ = ["CoreRecommender", "Diagnosis", "SimilarSession", "SyncReport"]

logger = logging.getLogger(__name__)

IMPRESSIONS_KEPT: Final = 10_000
BUILD_RETRY_SECONDS: Final = 60.0
TOGETHER_SECONDS: Final = 0.01
"""Between two looks at the store, however often it rings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What one ``sync`` did.

    Parameters
    ----------
    items, with_vector
        In the new snapshot.
    embedded, reused
        Texts that went through the model, and that did not need to.
    interactions, sessions
        Counted in the new snapshot.
    snapshot
        Its folder.
    seconds
        How long it took.
    """

    items: int
    with_vector: int
    embedded: int
    reused: int
    interactions: int
    sessions: int
    snapshot: Path
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarSession:
    """A recent session near to another."""

    score: float
    item_ids: tuple[str, ...]
    at: float


class CoreRecommender:
    """Recommendations over a store; see :class:`reco_sdk.Recommender` for how to open one.

    Parameters
    ----------
    store
        The truth.
    config
        Settings.
    state_root
        Folder of the snapshots.
    embedder
        Texts to vectors; ``None`` leaves that to another process.
    recipe
        Item to text.
    clock
        Where time comes from.
    builds
        Whether to build a snapshot by itself when the delta grows over its limit and no worker of this host would.
    counts
        Folder in which the processes of this host count what they record; ``None``: it is counted in memory only.
    """

    def __init__(
        self,
        store: Store,
        config: Config,
        state_root: Path,
        *,
        embedder: Embedder | None,
        recipe: TextRecipe = DEFAULT_RECIPE,
        clock: Clock,
        builds: bool = True,
        counts: Path | None = None,
    ) -> None:
        self.store = store
        self._builds = builds
        self.config = config
        self.folder = SnapshotFolder(state_root)
        self.embedder = embedder
        self.tracker = SessionTracker(
            cap=config.session_cap,
            ttl_seconds=config.visitor_ttl_days * 86_400.0,
            max_visitors=config.max_visitors,
        )
        self.recorder: Recorder[Interaction] = Recorder(
            self._write, config.flush_interval_seconds, config.buffer_limit, sort=class_of
        )
        self.impressions: Recorder[Impression] = Recorder(
            store.append_impressions, config.flush_interval_seconds, IMPRESSIONS_KEPT, sort=lambda _: 0
        )
        self.counts = None if counts is None else HostCounts(counts, self.recorder.counted)
        self.recipe = recipe
        self.clock = clock
        self.placements = read_placements(config.placements)
        self.engine = Engine(first_state(config, clock), self.tracker, config, clock)
        self._troubles = Troubles()
        self._queries = QueryVectors(self.engine, embedder, self._troubles, self._spawn)
        self._follower = Follower(
            store,
            self.engine,
            self.folder,
            config,
            recipe=recipe,
            clock=clock,
            troubles=self._troubles,
            flush=self.recorder.flush,
            fingerprint=self._queries.fingerprint,
            respace=self._queries.whiten,
            spawn=self._spawn,
        )
        # A build of its own is waited for; one of another process is an error.
        self._building = asyncio.Lock()
        self._build_not_before = 0.0
        self._quiet = Quiet()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._open = False

    @property
    def is_open(self) -> bool:
        """Whether it was started and not closed since."""
        return self._open

    @property
    def item_version(self) -> int:
        """Number of the last change of an item that this process has taken over."""
        return self._follower.item_version

    @property
    def last_error(self) -> str | None:
        """What went wrong last and was not mended since; ``None`` when all is well."""
        return self._troubles.last

    # -- life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Open the store, take over the newest good snapshot and what happened since, and begin to follow the store.

        Raises
        ------
        StoreError
            When the store cannot be opened.
        """
        if self._open:
            return
        await self.store.open()
        self._queries.start()
        try:
            await self._follower.start()
        except BaseException:
            await self._cancel_tasks()
            await self.store.aclose()
            raise
        self._open = True
        if self.counts is not None:
            try:
                await asyncio.to_thread(self.counts.open)
            except OSError as error:
                logger.warning("what this process would lose in a crash is not counted: %s", error)
        self.recorder.start()
        self.impressions.start()
        self._spawn(self._follow())

    async def aclose(self) -> None:
        """Write what waits and let go of everything; idempotent."""
        if not self._open:
            return
        self._open = False
        await self._cancel_tasks()
        await asyncio.gather(self.recorder.aclose(), self.impressions.aclose())
        if self.counts is not None:
            await asyncio.to_thread(self.counts.close)
        if self.embedder is not None:
            await self.embedder.aclose()
        await self.store.aclose()

    # -- items

    async def upsert_items(self, items: Iterable[Item], *, embed: bool = True) -> UpsertReport:
        """Store items; they are recommendable when this returns.

        Parameters
        ----------
        items
            Each id once.
        embed
            Whether to embed new texts now; otherwise the next :meth:`sync` does.

        Raises
        ------
        InvalidItem
            When one cannot be stored, or an id stands twice; then none of them was.
        StoreError
            When the store refuses; then none of them was stored.
        """
        self._check_open()
        batch = list(items)
        for item in batch:
            if not isinstance(item, Item):
                raise InvalidItem(None, "item", f"is {type(item).__name__}; make one with Item(...) or Item.from_dict(...)")
        check_unique_ids(batch)
        report = await self.store.upsert_items(batch)
        if embed and self.embedder is not None and batch:
            try:
                await embed_items(self.store, self.embedder, batch, recipe=self.recipe)
                self._troubles.mended("embedding")
            except (EmbeddingError, MissingExtra) as error:
                self._troubles.note("embedding", error)
                logger.warning("items are stored, but found by category and popularity only: %s", error)
        await self.refresh()
        self._build_when_due()
        return report

    async def delete_items(self, item_ids: Iterable[str]) -> int:
        """Delete items; none is recommended when this returns. Return how many there were."""
        self._check_open()
        count = await self.store.delete_items(list(item_ids))
        await self.refresh()
        return count

    # -- rules

    async def put_rule(self, rule: Rule, *, by: str = "") -> int:
        """Store a merchandising rule in place of the one with its id; it holds when this returns, elsewhere within a second.

        Parameters
        ----------
        rule
            The rule.
        by
            Who does it, for the history.

        Returns
        -------
        int
            The number of the last change.

        Raises
        ------
        InvalidRule
            When it names a placement or strategy that there is not.
        StoreError
            When the store refuses.
        """
        self._check_open()
        check_names(rule)
        version = await self.store.put_rule(rule.stored(), by=by)
        await self.refresh()
        return version

    async def delete_rule(self, rule_id: str, *, by: str = "") -> bool:
        """Delete a rule, keeping its history; it holds no more when this returns. Return whether there was one."""
        self._check_open()
        found = await self.store.delete_rule(rule_id, by=by)
        await self.refresh()
        return found

    async def rules(self) -> list[Rule]:
        """Return all rules by ascending id, those too that are not enabled.

        Raises
        ------
        InvalidRule
            When this release cannot read one.
        """
        self._check_open()
        return [Rule.of_stored(stored) for stored in (await self.store.rules())[1]]

    async def rule_history(self, rule_id: str | None = None, limit: int = 100) -> list[RuleChange]:
        """Return the last changes of one rule, or of all, the latest first."""
        self._check_open()
        return await self.store.rule_history(rule_id, limit)

    async def rule_conflicts(self) -> list[Conflict]:
        """Return where the rules are at odds with each other, or with the catalogue."""
        rules = await self.rules()
        return await asyncio.to_thread(conflicts, rules, self.engine.state.view)

    # -- interactions

    async def record(self, interaction: Interaction) -> None:
        """Record one interaction: the visitor's next slate knows it; the store has it within the flush interval.

        Raises
        ------
        InvalidInteraction
            When its time cannot be.
        """
        self.record_now((interaction,))

    async def record_many(self, interactions: Iterable[Interaction]) -> None:
        """Record several, all or none of them; see :meth:`record`."""
        self.record_now(tuple(interactions))

    def record_now(self, interactions: Sequence[Interaction]) -> None:
        """Record without waiting, from any thread; see :meth:`record`.

        Raises
        ------
        InvalidInteraction
            When the time of one cannot be; then none was recorded.
        """
        self._check_open()
        now = self.clock.now()
        for interaction in interactions:
            check_time(interaction, now)
        self._follower.record(interactions, self._keep)

    async def import_interactions(self, interactions: Sequence[Interaction]) -> int:
        """Store history of any age at once, all or nothing; return how many were new (by ``event_id``).

        Raises
        ------
        InvalidInteraction
            When one lies in the future; then none was stored.
        StoreError
            When the store refuses; then none was stored.
        """
        self._check_open()
        now = self.clock.now()
        for interaction in interactions:
            check_time(interaction, now, max_age_years=None)
        return await self.store.append_interactions(interactions)

    async def alias(self, visitor_id: str, user_id: str) -> None:
        """Record that this browser belongs to this account; what it did so far joins the account."""
        self._check_open()
        await self.store.alias(visitor_id, user_id)
        self._follower.take_aliases({visitor_id: user_id})

    async def flush(self) -> None:
        """Write what waits to the store, and count it in the rankings.

        Raises
        ------
        StoreError
            When the store refuses; what waits is kept.
        """
        self._check_open()
        await self.recorder.flush()
        await self.impressions.flush()
        await self._follower.rank()

    # -- requests

    async def similar_items(
        self,
        item_id: str,
        n: int = 8,
        *,
        visitor_id: str | None = None,
        user_id: str | None = None,
        filters: Filters | None = None,
        placement: str = "item",
    ) -> Slate:
        """Return the items most like one item.

        Raises
        ------
        UnknownItem
            When the item is not in the catalogue (any more).
        InvalidRequest
            For ``n`` out of bounds, or an unknown placement.
        """
        return self.recommend_now(
            Request(
                strategy="similar_items",
                placement=placement,
                n=n,
                seeds=(item_id,),
                visitor_id=visitor_id,
                user_id=user_id,
                filters=filters or NO_FILTERS,
            )
        )

    async def recommend(
        self,
        *,
        visitor_id: str | None = None,
        user_id: str | None = None,
        placement: str = "home",
        strategy: str | None = None,
        seeds: Sequence[str] = (),
        n: int | None = None,
        filters: Filters | None = None,
        fallback: Sequence[str] | None = None,
        strict: bool | None = None,
        relaxed: bool | None = None,
        segments: Sequence[str] = (),
    ) -> Slate:
        """Return a slate for a visitor or user, where one is known; what is left out is the placement's.

        Parameters
        ----------
        visitor_id, user_id
            Whoever asks.
        placement
            Where the slate will be shown, one of :data:`reco_sdk.placements.DEFAULTS`.
        strategy
            A name in :data:`reco_sdk.strategies.STRATEGIES`. Given, of the placement nothing but its name is taken.
        seeds
            Ids of items to start from.
        n
            How many.
        filters
            What may be recommended, instead of the placement's filters.
        fallback
            Strategies to ask next as long as nothing was found.
        strict, relaxed
            See :class:`reco_sdk.placements.Placement`.
        segments
            As of :class:`reco_sdk.request.Request`.

        Raises
        ------
        UnknownItem
            When none of the seeds is in the catalogue (any more), and nothing else may answer.
        InvalidRequest
            For an unknown strategy or placement, ``n`` out of bounds, or a seed that a given strategy misses.
        """
        slate = self.answer(
            visitor_id=visitor_id,
            user_id=user_id,
            placement=placement,
            strategy=strategy,
            seeds=seeds,
            n=n,
            filters=filters,
            fallback=fallback,
            strict=strict,
            relaxed=relaxed,
            segments=segments,
        )
        return self._shown(slate, visitor_id, user_id)

    def answer(
        self,
        *,
        visitor_id: str | None = None,
        user_id: str | None = None,
        placement: str = "home",
        strategy: str | None = None,
        seeds: Sequence[str] = (),
        n: int | None = None,
        filters: Filters | None = None,
        fallback: Sequence[str] | None = None,
        strict: bool | None = None,
        relaxed: bool | None = None,
        segments: Sequence[str] = (),
        by: Callable[[Request], Slate] | None = None,
    ) -> Slate:
        """As :meth:`recommend`, in any thread, without logging the slate as shown; ``by`` answers instead of the engine."""
        self._check_open()
        by = by or self.engine.recommend
        if strategy is None and isinstance(placement, str) and placement in self.placements:
            base = self.placements[placement]
        else:
            base = Placement(strategy=strategy or "recommended_for_you")
        relaxed = base.relaxed if relaxed is None else relaxed
        fields: dict[str, Any] = {
            "placement": placement,
            "n": base.n if n is None else n,
            "seeds": tuple(seeds),
            "visitor_id": visitor_id,
            "user_id": user_id,
            "filters": base.filters if filters is None else filters,
            "strict": base.strict if strict is None else strict,
            "diversity": base.diversity,
            "segments": tuple(segments),
        }
        strategies = base.strategies if fallback is None else (base.strategy, *fallback)
        if strategy is not None and len(strategies) == 1 and not relaxed:
            return by(Request(strategy=strategy, **fields))
        return ask(by, lambda: self.engine.state.view, strategies, relaxed=relaxed, **fields)

    async def why(self, /, request: Request | None = None, **options: Any) -> Explanation:
        """Explain a slate item by item: for the shop's staff, since it tells what visitors did. Nothing is logged as shown.

        Parameters
        ----------
        request
            The question; or, without it, ``options``.
        **options
            As of :meth:`recommend`.

        Raises
        ------
        UnknownItem, InvalidRequest
            As :meth:`recommend`.
        """
        told = self.why_now(request, **options)
        wanted = told.item_ids()
        if not wanted:
            return told
        try:
            items = await self.store.get_items(sorted(wanted))
        except StoreError as error:
            logger.info("an explanation without the items' texts: %s", error)
            return told
        return told.with_texts({item.id: self.recipe.text(item) for item in items.values()})

    def why_now(self, request: Request | None = None, **options: Any) -> Explanation:
        """Explain from memory, in any thread; see :meth:`why`. The items' titles stand in for their texts."""
        self._check_open()
        if request is not None:
            return explain(self.engine, request)
        return explained(self.engine, lambda answer: self.answer(by=answer, **options))

    async def why_not(self, /, item_id: str, request: Request | None = None, **options: Any) -> WhyNot:
        """Say which stage first dropped an item from a slate, and what would show it.

        Parameters
        ----------
        item_id
            The item that is missed.
        request, **options
            As of :meth:`why`.

        Raises
        ------
        UnknownItem, InvalidRequest
            As :meth:`recommend`.
        """
        return self.why_not_now(item_id, request, **options)

    def why_not_now(self, item_id: str, request: Request | None = None, **options: Any) -> WhyNot:
        """Say from memory, in any thread; see :meth:`why_not`."""
        self._check_open()
        if request is None:
            request = answering(self.engine, lambda answer: self.answer(by=answer, **options))
        return why_not(self.engine, item_id, request)

    def recommend_now(self, request: Request) -> Slate:
        """Answer a request from memory, in any thread; see :meth:`recommend`."""
        self._check_open()
        return self._shown(self.engine.recommend(request), request.visitor_id, request.user_id)

    def _shown(self, slate: Slate, visitor_id: str | None, user_id: str | None) -> Slate:
        if slate.items:
            self.log_impression(
                Impression(
                    slate_id=slate.id,
                    at=slate.at,
                    placement=slate.placement,
                    strategy=slate.strategy,
                    tier=slate.tier,
                    item_ids=slate.ids,
                    visitor_id=visitor_id,
                    user_id=user_id,
                )
            )
        return slate

    def log_impression(self, impression: Impression) -> None:
        """Log what was shown, without waiting, from any thread: for those who ask the engine and show less than it gave."""
        self.tracker.show(impression.visitor_id, impression.user_id, impression.item_ids, impression.at.timestamp())
        self.impressions.add((impression,))

    async def similar_sessions(
        self, *, visitor_id: str | None = None, user_id: str | None = None, k: int = 10
    ) -> list[SimilarSession]:
        """Return recent sessions near to what this visitor or user did lately, best first.

        They are those of the snapshot; none before the first one.

        Raises
        ------
        InvalidRequest
            For ``k`` below 1.
        """
        self._check_open()
        if k < 1:
            raise InvalidRequest("k", f"{k!r} is not a whole number from 1 up")
        state = self.engine.state
        now = self.clock.now().timestamp()
        history = self.tracker.history(visitor_id, user_id, now)
        context = Context(
            view=state.view,
            orders=state.orders,
            now=now,
            mask=state.view.alive,
            seeds=np.empty(0, np.int32),
            behaviour=state.behaviour,
            history=history,
            history_rows=rows_of(state.view, history),
            query_vectors=self.engine.query_vectors,
        )
        vector = context.session()
        base = state.view.base
        if vector is None or not len(base.session_table):
            return []
        index = await asyncio.to_thread(base.session_index)
        rows, scores = index.search(vector, k)
        return [
            SimilarSession(
                score=float(score),
                item_ids=tuple(base.columns.ids[int(item)] for item in base.session_table.items(int(row))),
                at=float(base.session_table.at[row]),
            )
            for row, score in zip(rows, scores, strict=True)
        ]

    # -- keeping in step

    async def sync(self, progress: Progress | None = None) -> SyncReport:
        """Embed what is missing, build a snapshot of the whole store, and swap to it. Resumable: vectors are kept.

        Raises
        ------
        EmbeddingError
            When the model fails; the snapshot before goes on serving.
        BuildInProgress
            When another process is building in the same folder.
        SnapshotError
            When it cannot be written; the snapshot before goes on serving.
        """
        self._check_open()
        started = time.perf_counter()
        async with self._building:
            return await self._sync(started, progress)

    async def _sync(self, started: float, progress: Progress | None) -> SyncReport:
        await self.recorder.flush()
        built = await build(
            self.store,
            self.folder,
            self.config,
            recipe=self.recipe,
            clock=self.clock,
            embedder=self.embedder,
            fingerprint=self._follower.base.fingerprint,
            progress=progress,
        )
        self._troubles.mended("build", "embedding")
        await self.refresh()
        meta = self._follower.base.meta
        return SyncReport(
            items=len(built.read.source.items),
            with_vector=len(built.read.source.vectors),
            embedded=built.read.embedded,
            reused=built.read.reused,
            interactions=int(meta.get("interactions", 0)),
            sessions=int(meta.get("sessions", 0)),
            snapshot=built.path,
            seconds=time.perf_counter() - started,
        )

    async def refresh(self) -> bool:
        """Take over a newer snapshot and what changed in the store; return whether anything did."""
        self._check_open()
        return await self._follower.refresh()

    async def doctor(self) -> Diagnosis:
        """Look at store, model, snapshot and index; say what is wrong and how to mend it."""
        self._check_open()
        return await diagnose(
            self.store,
            self.config,
            self.engine,
            self._follower.base,
            self.recorder,
            self.embedder,
            self._troubles,
            self.counts,
            models=ModelFolder(self.folder.root),
        )

    # -- inside

    def _check_open(self) -> None:
        if not self._open:
            raise NotRunning("the recommender is not open; use `async with Recommender.open(...)`")

    async def _cancel_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(TOGETHER_SECONDS)
            try:
                await self.store.wait_for_change(self.config.poll_interval_seconds, waiter="follow")
                await self._follower.follow()
            except RecoError as error:
                if "follow" not in self._troubles:  # said once an outage
                    logger.warning("could not follow the store; serving from memory: %s", error)
                self._troubles.note("follow", error)
            except Exception as error:
                # Whatever it was: a process that no longer follows would serve yesterday for ever.
                if str(error) not in self._troubles.all:
                    logger.exception("could not follow the store; serving from memory")
                self._troubles.note("follow", error)
            else:
                if "follow" in self._troubles:
                    logger.info("follows the store again")
                self._troubles.mended("follow")
                self._build_when_due()

    def _keep(self, interactions: Sequence[Interaction]) -> None:
        self.recorder.add(interactions)
        self._queries.wish(i.query for i in interactions if i.query)

    async def _write(self, interactions: Sequence[Interaction]) -> None:
        try:
            await self.store.append_interactions(interactions)
        except StoreError as error:
            self._troubles.note("record", error)
            raise
        self._follower.stored(interactions)
        self._troubles.mended("record")

    def _build_when_due(self) -> None:
        due = self._follower.delta_size > self.config.delta_limit or self._follower.snapshot_gone
        building = any(task.get_name() == "reco-build" for task in self._tasks)
        if due and self._builds and not building and time.monotonic() >= self._build_not_before:
            if self.folder.worker_lock.taken() or not self._quiet.has_come(self._follower.item_version):
                return  # a worker of this host does it, or more is coming
            self._quiet.done()
            task = asyncio.get_running_loop().create_task(self._build(), name="reco-build")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _build(self) -> None:
        try:
            await self.sync()
        except BuildInProgress:
            logger.info("another process is building the snapshot")
        except RecoError as error:
            self._build_not_before = time.monotonic() + BUILD_RETRY_SECONDS
            self._troubles.note("build", error)
            logger.warning("no snapshot could be built; the one before goes on serving: %s", error)
        except Exception as error:
            self._build_not_before = time.monotonic() + BUILD_RETRY_SECONDS
            self._troubles.note("build", error)
            logger.exception("no snapshot could be built; the one before goes on serving")
