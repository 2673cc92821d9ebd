"""The recommender: keeps the store, the live state and the engine in step.

The engine answers from memory; everything here that awaits is off the request path.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from reco_sdk.config import Config
from reco_sdk.embedding.sync import embed_catalogue, embed_items
from reco_sdk.engine import Engine, Request, State
from reco_sdk.errors import BuildInProgress, EmbeddingError, InvalidItem, InvalidRequest, MissingExtra, NotRunning, RecoError
from reco_sdk.index.hnsw import hnsw_available
from reco_sdk.interactions.interaction import Interaction, check_time
from reco_sdk.interactions.recorder import Recorder
from reco_sdk.items.item import Item, check_unique_ids
from reco_sdk.items.text import DEFAULT_RECIPE, TextRecipe
from reco_sdk.ports import Clock, Embedder, Impression, Store, StoredInteraction, UpsertReport
from reco_sdk.ranking.filters import Filters
from reco_sdk.ranking.slate import Slate
from reco_sdk.sessions.tracker import SessionTracker
from reco_sdk.snapshot.base import Base
from reco_sdk.snapshot.builder import Progress, SnapshotInput, build_snapshot
from reco_sdk.snapshot.live import LiveCounts
from reco_sdk.snapshot.log import InteractionLog
from reco_sdk.snapshot.publisher import SnapshotFolder
from reco_sdk.snapshot.view import View
from reco_sdk.sources.context import Context, rows_of
from reco_sdk.types import Vector

__all__ = ["CoreRecommender", "Diagnosis", "SimilarSession", "SyncReport"]

logger = logging.getLogger(__name__)

PAGE: Final = 10_000
RECENT_INTERACTIONS: Final = 50_000
QUERIES_KEPT: Final = 1_000
IMPRESSIONS_KEPT: Final = 10_000
EVENTS_REMEMBERED: Final = 10_000
BUILD_RETRY_SECONDS: Final = 60.0
ALIASES_SECONDS: Final = 60.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What ``doctor`` found.

    Parameters
    ----------
    facts
        Counts and names, JSON-ready.
    problems
        What is wrong, each with its mend; empty when all is well.
    """

    facts: dict[str, Any]
    problems: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(slots=True)
class _Delta:
    """What changed in the store since the snapshot."""

    changed: dict[str, Item] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    vectors: dict[str, Vector] = field(default_factory=dict)
    version: int = 0


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
        Whether to build a snapshot by itself when the delta grows over its limit.
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
    ) -> None:
        self.store = store
        self._builds = builds
        self.config = config
        self.folder = SnapshotFolder(state_root)
        self.embedder = embedder
        self.tracker = SessionTracker(
            cap=config.session_cap,
            gap_seconds=config.session_gap_minutes * 60.0,
            ttl_seconds=config.visitor_ttl_days * 86_400.0,
            max_visitors=config.max_visitors,
        )
        self.recorder = Recorder(self._write, config.flush_interval_seconds, config.buffer_limit)
        self._recipe = recipe
        self._clock = clock
        base = Base.empty(clock.now().timestamp())
        live = self._new_live(base)
        view = View(base, (), {}, (), 1)
        self.engine = Engine(State(view, live.orders(view), live), self.tracker, config, clock)
        self._base = base
        self._delta = _Delta()
        self._views = 1
        self._sequence = 0
        self._own_events: set[str] = set()
        self._next_live: tuple[LiveCounts, set[str]] | None = None
        self._queries: OrderedDict[str, Vector] = OrderedDict()
        self._impressions: deque[Impression] = deque(maxlen=IMPRESSIONS_KEPT)
        self._refreshing = asyncio.Lock()
        # A build of its own is waited for; one of another process is an error.
        self._building = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._apply_lock = threading.Lock()
        self._open = False
        self._starting = True
        self._aliases_at = 0.0
        self._refused: set[Path] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._recent_events: OrderedDict[str, None] = OrderedDict()
        self._build_not_before = 0.0
        self._troubles: dict[str, str] = {}

    @property
    def last_error(self) -> str | None:
        """What went wrong last and was not mended since; ``None`` when all is well."""
        return next(reversed(self._troubles.values()), None)

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
        self._loop = asyncio.get_running_loop()
        try:
            await self._refresh_aliases()
            async with self._refreshing:
                if not await self._refresh_snapshot():
                    await self._take_over(self._base)
            if self._starting:
                recent = await self.store.recent_interactions(RECENT_INTERACTIONS)
                self.tracker.record(stored.interaction for stored in recent if stored.sequence <= self._sequence)
        except BaseException:
            await self._cancel_tasks()
            await self.store.aclose()
            raise
        self._starting = False
        self._open = True
        self.recorder.start()
        self._spawn(self._follow())

    async def aclose(self) -> None:
        """Write what waits and let go of everything; idempotent."""
        if not self._open:
            return
        self._open = False
        await self._cancel_tasks()
        await self.recorder.aclose()
        with contextlib.suppress(RecoError):
            await self._write_impressions()
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
                await embed_items(self.store, self.embedder, batch, recipe=self._recipe)
                self._mended("embedding")
            except (EmbeddingError, MissingExtra) as error:
                self._trouble("embedding", error)
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
        now = self._clock.now()
        for interaction in interactions:
            check_time(interaction, now)
        with self._apply_lock:
            fresh = self._not_seen(interactions)
            self._own_events.update(i.event_id for i in fresh)
            self._apply(fresh)
            self.recorder.add(fresh)

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
        now = self._clock.now()
        for interaction in interactions:
            check_time(interaction, now, max_age_years=None)
        return await self.store.append_interactions(interactions)

    async def alias(self, visitor_id: str, user_id: str) -> None:
        """Record that this browser belongs to this account; what it did so far joins the account."""
        self._check_open()
        await self.store.alias(visitor_id, user_id)
        self._take_aliases({visitor_id: user_id})

    async def flush(self) -> None:
        """Write what waits to the store, and count it in the rankings.

        Raises
        ------
        StoreError
            When the store refuses; what waits is kept.
        """
        self._check_open()
        await self.recorder.flush()
        await self._write_impressions()
        self._rank()

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
                filters=filters or Filters(),
            )
        )

    async def recommend(
        self,
        *,
        visitor_id: str | None = None,
        user_id: str | None = None,
        placement: str = "home",
        strategy: str = "recommended_for_you",
        seeds: Sequence[str] = (),
        n: int = 8,
        filters: Filters | None = None,
    ) -> Slate:
        """Return a slate by strategy, for a visitor or user where one is known.

        Raises
        ------
        UnknownItem
            When none of the seeds is in the catalogue (any more).
        InvalidRequest
            For an unknown strategy or placement, ``n`` out of bounds, or a missing seed.
        """
        return self.recommend_now(
            Request(
                strategy=strategy,
                placement=placement,
                n=n,
                seeds=tuple(seeds),
                visitor_id=visitor_id,
                user_id=user_id,
                filters=filters or Filters(),
            )
        )

    def recommend_now(self, request: Request) -> Slate:
        """Answer a request from memory, in any thread; see :meth:`recommend`."""
        self._check_open()
        slate = self.engine.recommend(request)
        if slate.items:
            self._impressions.append(
                Impression(
                    slate_id=slate.id,
                    at=slate.at,
                    placement=slate.placement,
                    strategy=slate.strategy,
                    tier=slate.tier,
                    item_ids=slate.ids,
                    visitor_id=request.visitor_id,
                    user_id=request.user_id,
                )
            )
        return slate

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
        now = self._clock.now().timestamp()
        history = self.tracker.history(visitor_id, user_id, now)
        context = Context(
            view=state.view,
            orders=state.orders,
            now=now,
            mask=state.view.alive,
            seeds=np.empty(0, np.int32),
            history=history,
            history_rows=rows_of(state.view, history),
            query_vectors=self.engine.query_vectors,
        )
        vector, _, _ = context.session()
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
        with self.folder.build_lock():
            await self.recorder.flush()
            source, embedded, reused = await self._read_all(progress)
            now = self._clock.now().timestamp()
            path = await asyncio.to_thread(build_snapshot, self.folder.root, source, self.config, now=now, progress=progress)
            self.folder.publish(path)
            self.folder.prune()
        self._mended("build", "embedding")
        await self.refresh()
        meta = self._base.meta
        return SyncReport(
            items=len(source.items),
            with_vector=len(source.vectors),
            embedded=embedded,
            reused=reused,
            interactions=int(meta.get("interactions", 0)),
            sessions=int(meta.get("sessions", 0)),
            snapshot=path,
            seconds=time.perf_counter() - started,
        )

    async def refresh(self) -> bool:
        """Take over a newer snapshot and what changed in the store; return whether anything did."""
        self._check_open()
        async with self._refreshing:
            swapped = await self._refresh_snapshot()
            items = await self._refresh_items()
            interactions = await self._refresh_interactions()
            ranked = self._rank()
            return swapped or items or interactions or ranked

    async def doctor(self) -> Diagnosis:
        """Look at store, model, snapshot and index; say what is wrong and how to mend it."""
        self._check_open()
        problems: list[str] = []
        state = self.engine.state
        facts: dict[str, Any] = {
            "items": await self.store.item_count(),
            "item_version": await self.store.item_version(),
            "interactions": await self.store.interaction_counts(),
            "impressions": await self.store.impression_count(),
            "rows": len(state.view),
            "delta_rows": len(state.view.delta),
            "visitors_live": len(self.tracker),
            "recorder": {
                "accepted": self.recorder.counts.accepted,
                "written": self.recorder.counts.written,
                "dropped": self.recorder.counts.dropped,
                "pending": self.recorder.pending,
            },
            "snapshot": None if self._base.path is None else {"path": str(self._base.path), **self._base.meta},
            "hnsw": hnsw_available(),
            "late_answers": self.engine.late_answers,
            "model": None,
        }
        if not facts["items"]:
            problems.append("the store holds no items; import some, or run the shop's sync")
        if self._base.path is None and facts["items"]:
            problems.append("there is no snapshot yet; run sync")
        without = int((state.view.alive & ~state.view.has_vector).sum())
        facts["without_vector"] = without
        if without:
            problems.append(
                f"{without} items have no vector and are found by category and popularity only; run sync where the model is"
            )
        if self.embedder is not None:
            try:
                facts["model"] = self.embedder.fingerprint
                if self._base.fingerprint and self._base.fingerprint != facts["model"]:
                    problems.append(f"the snapshot was built with model {self._base.fingerprint}, not {facts['model']}; run sync")
            except RecoError as error:
                problems.append(str(error))
        if not facts["hnsw"] and facts["items"] > self.config.exact_limit:
            problems.append(
                "hnswlib is not installed, so a large catalogue is searched more slowly; pip install 'reco-sdk[hnsw]'"
            )
        problems += self._troubles.values()
        return Diagnosis(facts=facts, problems=tuple(dict.fromkeys(problems)))

    # -- inside

    def _check_open(self) -> None:
        if not self._open:
            raise NotRunning("the recommender is not open; use `async with Recommender.open(...)`")

    def _trouble(self, what: str, error: object) -> None:
        self._troubles.pop(what, None)
        self._troubles[what] = str(error)

    def _mended(self, *what: str) -> None:
        for name in what:
            self._troubles.pop(name, None)

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
            await asyncio.sleep(self.config.poll_interval_seconds)
            try:
                await self.refresh()
                await self._write_impressions()
            except RecoError as error:
                self._trouble("follow", error)
                logger.warning("could not follow the store; serving from memory: %s", error)
            except Exception as error:
                # Whatever it was: a process that no longer follows would serve yesterday for ever.
                self._trouble("follow", error)
                logger.exception("could not follow the store; serving from memory")
            else:
                self._mended("follow")
                self._build_when_due()

    def _new_live(self, base: Base) -> LiveCounts:
        return LiveCounts(base.reference, self.config.popular_half_life_days, self.config.trending_half_life_days)

    def _apply(self, interactions: Sequence[Interaction]) -> None:
        """Let live state know what this process recorded."""
        live = self.engine.state.live
        self.tracker.record(interactions)
        live.add(interactions, self.engine.aliases)
        if self._next_live is not None and self._next_live[0] is not live:
            coming, seen = self._next_live
            coming.add(interactions, self.engine.aliases)
            seen.update(i.event_id for i in interactions)
        if self.embedder is not None:
            for interaction in interactions:
                if interaction.query and interaction.query not in self._queries:
                    self._wish_query(interaction.query)

    def _wish_query(self, query: str) -> None:
        """Embed a search query in the background, so that the next request of its session knows its vector."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                # Closed meanwhile: the query stays unknown. The caller may be any thread, with a loop of its own or none.
                self._loop.call_soon_threadsafe(lambda: self._spawn(self._embed_query(query)))

    async def _embed_query(self, query: str) -> None:
        if self.embedder is None or query in self._queries:
            return
        try:
            vector = (await self.embedder.embed([query]))[0]
        except (EmbeddingError, MissingExtra) as error:
            self._trouble("embedding", error)
            return
        self._queries[query] = vector
        while len(self._queries) > QUERIES_KEPT:
            self._queries.popitem(last=False)
        self._whiten_queries()

    def _whiten_queries(self) -> None:
        view = self.engine.state.view
        if self._base.fingerprint and self._queries and self._base.fingerprint != self._own_fingerprint():
            # The snapshot speaks another model's language.
            self.engine.query_vectors = {}
            return
        known = {query: view.whiten(vector) for query, vector in self._queries.items()}
        self.engine.query_vectors = {query: vector for query, vector in known.items() if vector is not None}

    async def _write(self, interactions: Sequence[Interaction]) -> None:
        await self.store.append_interactions(interactions)

    async def _write_impressions(self) -> None:
        batch = [self._impressions.popleft() for _ in range(len(self._impressions))]
        if batch:
            try:
                await self.store.append_impressions(batch)
            except RecoError:
                room = IMPRESSIONS_KEPT - len(self._impressions)
                self._impressions.extendleft(reversed(batch[max(len(batch) - room, 0) :]))
                raise

    def _build_when_due(self) -> None:
        due = len(self._delta.changed) + len(self._delta.deleted) > self.config.delta_limit
        building = any(task.get_name() == "reco-build" for task in self._tasks)
        if due and self._builds and not building and time.monotonic() >= self._build_not_before:
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
            self._trouble("build", error)
            logger.warning("no snapshot could be built; the one before goes on serving: %s", error)
        except Exception as error:
            self._build_not_before = time.monotonic() + BUILD_RETRY_SECONDS
            self._trouble("build", error)
            logger.exception("no snapshot could be built; the one before goes on serving")

    async def _read_all(self, progress: Progress | None) -> tuple[SnapshotInput, int, int]:
        item_version = await self.store.item_version()
        items: list[Item] = []
        async for changes in self.store.iter_items():
            items += [change.item for change in changes if change.item is not None]
        vectors: dict[str, Vector] = {}
        embedded = reused = 0
        fingerprint = self._base.fingerprint
        if self.embedder is not None:
            fingerprint = self.embedder.fingerprint
            told = (lambda done, total: progress("embed", done, total)) if progress else None
            async for report in embed_catalogue(self.store, self.embedder, recipe=self._recipe, progress=told):
                vectors |= report.vectors
                embedded += report.embedded
                reused += report.reused
        else:
            vectors = await self._vectors_of(items, fingerprint)
        log = InteractionLog(await self.store.aliases())
        sequence = 0
        total = await self.store.interaction_sequence()
        while page := await self.store.interactions_since(sequence, PAGE):
            await asyncio.to_thread(log.add, [stored.interaction for stored in page])
            sequence = page[-1].sequence
            if progress:
                progress("interactions", min(sequence, total), total)
        source = SnapshotInput(
            items=items,
            vectors=vectors,
            fingerprint=fingerprint,
            recipe_version=self._recipe.version,
            item_version=item_version,
            sequence=sequence,
            log=log,
        )
        return source, embedded, reused

    async def _refresh_snapshot(self) -> bool:
        current = await asyncio.to_thread(self.folder.current)
        if current is None or current == self._base.path or current in self._refused:
            return False
        snapshot = await asyncio.to_thread(self.folder.open_latest)
        if snapshot is None or snapshot.path != current:
            self._refuse(current)
        if snapshot is None or snapshot.path == self._base.path or snapshot.path in self._refused:
            return False
        try:
            base = await asyncio.to_thread(Base.of, snapshot, exact_limit=self.config.exact_limit)
        except (RecoError, LookupError) as error:
            logger.error("snapshot %s cannot be served: %s", snapshot.path, error)  # noqa: TRY400 -- told, not debugged
            self._refuse(snapshot.path)
            return False
        await self._take_over(base)
        if snapshot.path == current:
            self._mended("snapshot")
        self._spawn(asyncio.to_thread(base.load_graph))
        return True

    def _refuse(self, path: Path) -> None:
        self._refused.add(path)
        self._trouble("snapshot", f"snapshot {path.name} is damaged and was refused; run sync to build another")

    async def _take_over(self, base: Base) -> None:
        """Count what happened since a snapshot, then serve it; what is recorded meanwhile counts in both."""
        live = self._new_live(base)
        seen: set[str] = set()
        with self._apply_lock:
            self._next_live = (live, seen)
        try:
            await self.recorder.flush()
            # What the snapshot counts already may still be news to the visitors' histories.
            sequence = base.sequence if self._starting else min(base.sequence, self._sequence)
            while page := await self.store.interactions_since(sequence, PAGE):
                live.add(
                    [s.interaction for s in page if s.sequence > base.sequence and s.interaction.event_id not in seen],
                    self.engine.aliases,
                )
                sequence = page[-1].sequence
                if not self._starting:
                    # The state that goes on serving until then counts them too.
                    self._take_from_others([s for s in page if s.sequence > self._sequence])
            before = _Delta(version=base.item_version)
            delta = await self._read_delta(base, before) or before
            state = self._state(base, delta, live)
            with self._apply_lock:
                self._base, self._delta, self._sequence = base, delta, max(sequence, self._sequence)
                self.engine.state = state
        finally:
            with self._apply_lock:
                self._next_live = None
        self._whiten_queries()

    async def _refresh_items(self) -> bool:
        delta = await self._read_delta(self._base, self._delta)
        if delta is None:
            return False
        self._delta = delta
        before = self.engine.state.view.dimension
        self.engine.state = self._state(self._base, delta, self.engine.state.live)
        if self.engine.state.view.dimension != before:
            self._whiten_queries()
        return True

    async def _read_delta(self, base: Base, before: _Delta) -> _Delta | None:
        """Return what differs from the snapshot by now; ``None`` when nothing was added since ``before``."""
        changed, deleted, version = dict(before.changed), set(before.deleted), before.version
        fresh: dict[str, Item] = {}
        while page := await self.store.changes_since(version, PAGE):
            for change in page:
                if change.item is None:
                    changed.pop(change.item_id, None)
                    fresh.pop(change.item_id, None)
                    deleted.add(change.item_id)
                else:
                    changed[change.item_id] = fresh[change.item_id] = change.item
                    deleted.discard(change.item_id)
            version = page[-1].version
        wanted = [item for item_id, item in changed.items() if item_id in fresh or item_id not in before.vectors]
        fingerprint = base.fingerprint or self._own_fingerprint()
        found = await self._vectors_of(wanted, fingerprint) if wanted and fingerprint else {}
        if version == before.version and not found:
            return None
        vectors = {i: v for i, v in before.vectors.items() if i in changed and i not in fresh} | found
        return _Delta(changed, deleted, vectors, version)

    def _own_fingerprint(self) -> str:
        if self.embedder is None:
            return ""
        try:
            return self.embedder.fingerprint
        except RecoError as error:
            self._trouble("embedding", error)
            return ""

    async def _vectors_of(self, items: Sequence[Item], fingerprint: str) -> dict[str, Vector]:
        if not fingerprint:
            return {}
        hashes = {item.id: self._recipe.text_hash(item) for item in items}
        vectors = await self.store.get_vectors(fingerprint, list(set(hashes.values())))
        return {item_id: vectors[text_hash] for item_id, text_hash in hashes.items() if text_hash in vectors}

    async def _refresh_interactions(self) -> bool:
        news = False
        while page := await self.store.interactions_since(self._sequence, PAGE):
            news = self._take_from_others(page) or news
        if self._clock.now().timestamp() - self._aliases_at > ALIASES_SECONDS:
            await self._refresh_aliases()
        return news

    def _take_from_others(self, page: Sequence[StoredInteraction]) -> bool:
        """Take over what other processes wrote; what this one recorded was known at once. Return whether there was any."""
        if not page:
            return False
        with self._apply_lock:
            others = [s.interaction for s in page if s.interaction.event_id not in self._own_events]
            self._own_events.difference_update(s.interaction.event_id for s in page)
            self._remember(i.event_id for i in others)
            self._sequence = page[-1].sequence
        if others:
            self.tracker.record(others)
            self.engine.state.live.add(others, self.engine.aliases)
        return bool(others)

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
        aliases = await self.store.aliases()
        self._aliases_at = self._clock.now().timestamp()
        self._take_aliases(aliases)

    def _take_aliases(self, aliases: Mapping[str, str]) -> None:
        engine = self.engine
        fresh = {visitor: user for visitor, user in aliases.items() if engine.aliases.get(visitor) != user}
        if not fresh:
            return
        browsers: dict[str, list[str]] = {}
        for visitor, user in fresh.items():
            browsers.setdefault(user, []).append(visitor)
        self.tracker.load_aliases(fresh)
        engine.aliases = {**engine.aliases, **fresh}
        engine.browsers = {
            **engine.browsers,
            **{user: tuple(dict.fromkeys((*engine.browsers.get(user, ()), *own))) for user, own in browsers.items()},
        }

    def _state(self, base: Base, delta: _Delta, live: LiveCounts) -> State:
        self._views += 1
        view = View(base, list(delta.changed.values()), delta.vectors, delta.deleted, self._views)
        return State(view, live.orders(view), live)

    def _rank(self) -> bool:
        state = self.engine.state
        if not state.live.changed:
            return False
        self.engine.state = State(state.view, state.live.orders(state.view), state.live)
        return True
