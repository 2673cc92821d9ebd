"""The worker: a process beside those that serve, which embeds, builds snapshots, trains and prunes.

Each host has one that builds its snapshots and trains its ranking; of all of them one leads: it holds a lease, embeds and
prunes. Everything that it does is begun anew from the store when it died in the middle.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from reco_sdk.building import Quiet, build, due, embed_next, read_meta
from reco_sdk.config import Config
from reco_sdk.embedding.backlog import EmbeddingBacklog, embedded_state
from reco_sdk.errors import AlreadyRunning, BuildInProgress, RecoError
from reco_sdk.items.text import DEFAULT_RECIPE, TextRecipe
from reco_sdk.leasing import WORKER, LeaseHolder, holder_name
from reco_sdk.ports import Clock, Embedder, Store
from reco_sdk.pruning import prune_old
from reco_sdk.reading import model_of
from reco_sdk.retraining import Retraining, Trainer
from reco_sdk.snapshot.publisher import SnapshotFolder
from reco_sdk.troubles import Troubles

__all__ = ["Worker", "WorkerStatus"]

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]

LOOK_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 1.0
BUILD_RETRY_SECONDS: Final = 30.0
PRUNE_SECONDS: Final = 3_600.0
TRAIN_LOOK_SECONDS: Final = 10.0
DRAIN_SECONDS: Final = 20.0
WAIT_FOR_VECTORS: Final = 5_000
"""With so few items left to embed a snapshot waits for them; with more it is built without, and once more with them."""
VECTOR_PATIENCE_SECONDS: Final = 120.0
VECTORS_KEPT_SECONDS: Final = 86_400.0


class _Stopped(RecoError):
    """The build was told to end."""


@dataclass(slots=True)
class WorkerStatus:
    """What a worker is doing, for people and monitors.

    Parameters
    ----------
    open
        Whether the store was reached.
    leads
        Whether it holds the lease.
    builds
        Whether it builds this host's snapshots.
    leader
        Who leads instead.
    version
        The store's item version when it was last looked at.
    embedded, snapshots, pruned
        What was done since it started.
    waiting
        Versions that are not embedded yet, at most.
    stage
        What is being built, how much of it is done, and how much there is.
    snapshot
        What the snapshot that serves says of itself.
    reached_at
        When the store last answered, monotonic seconds.
    """

    open: bool = False
    leads: bool = False
    builds: bool = False
    leader: str | None = None
    version: int = 0
    embedded: int = 0
    waiting: int = 0
    snapshots: int = 0
    pruned: int = 0
    stage: tuple[str, int, int] | None = None
    snapshot: Mapping[str, Any] | None = None
    reached_at: float = field(default_factory=time.monotonic)


class Worker:
    """Keeps a shop's recommendations in order; see :meth:`run`.

    Parameters
    ----------
    store
        The truth.
    config
        Settings.
    state_root
        Folder of this host's snapshots.
    embedder
        Texts to vectors; ``None`` leaves items without.
    recipe
        Item to text.
    clock
        Where time comes from.
    trainer
        What trains the ranking; ``None`` for nothing.
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
        trainer: Trainer | None = None,
    ) -> None:
        self.store = store
        self.config = config
        self.folder = SnapshotFolder(state_root)
        self.embedder = embedder
        self.troubles = Troubles()
        self.status = WorkerStatus()
        self.lease = LeaseHolder(store, WORKER, holder_name("worker"), config.lease_seconds)
        self._recipe = recipe
        self._clock = clock
        self.training = Retraining(store, self.folder, config, clock, trainer)
        self._backlog = None if embedder is None else EmbeddingBacklog(store, embedder, recipe)
        self._quiet = Quiet()
        self._build_not_before = 0.0
        self._prune_not_before = 0.0
        self._vectors_waited = 0.0
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    # -- life

    async def start(self) -> None:
        """Open the store.

        Raises
        ------
        StoreError
            When it cannot be opened.
        """
        await self.store.open()
        self.status.open = True

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; a store that cannot be reached is waited for.

        What is being done then is finished or given up within about twenty seconds, and the lease is given back.
        """
        waiting = asyncio.create_task(stop.wait())
        while not self.status.open and not stop.is_set():
            if not await self._guarded("store", self.start):
                await asyncio.wait([waiting], timeout=RETRY_SECONDS)
        self._tasks = (
            []
            if stop.is_set()
            else [
                asyncio.create_task(self._repeat("lease", self._keep_lease, self.lease.pause, self.lease.pause)),
                asyncio.create_task(self._repeat("embedding", self._embed, 0.0)),
                asyncio.create_task(self._repeat("build", self._build_when_due, LOOK_SECONDS)),
                asyncio.create_task(self._repeat("prune", self._prune_as_leader, LOOK_SECONDS)),
                asyncio.create_task(self._repeat("training", self._train_when_due, TRAIN_LOOK_SECONDS)),
            ]
        )
        try:
            await waiting
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """End what runs, give the leases back, and close the store; idempotent."""
        self._stopping = True
        # A build is not cut off: it ends by itself at its next step, and takes what it wrote away. A training is.
        until = time.monotonic() + DRAIN_SECONDS
        while self.status.stage and time.monotonic() < until:  # noqa: ASYNC110 -- they set no event
            await asyncio.sleep(0.02)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.lease.release()
        self.folder.worker_lock.release()
        if self.embedder is not None:
            await self.embedder.aclose()
        await self.store.aclose()
        self.status = WorkerStatus()

    @property
    def leads(self) -> bool:
        """Whether this is the worker that embeds and prunes, and that may index."""
        return self.lease.lease is not None

    # -- what it does

    async def _keep_lease(self) -> None:
        await self.lease.turn()
        self.status.reached_at = time.monotonic()
        if self.leads != self.status.leads:
            logger.info("this worker leads now" if self.leads else "another worker leads now")
        self.status.leads = self.leads
        self.status.leader = None if self.leads else self.lease.other

    async def _embed(self) -> None:
        if not self.leads or self._backlog is None or await self._embed_step() == 0:
            await self.store.wait_for_change(self.config.poll_interval_seconds, waiter="embed")

    async def _embed_step(self) -> int:
        if self._backlog is None:
            return 0
        before = self._backlog.embedded
        looked = await embed_next(self.store, self._backlog)
        self.status.embedded += self._backlog.embedded - before
        self.status.waiting = self._backlog.waiting
        if not looked:
            self.troubles.mended("embedding")
        return looked

    async def _build_when_due(self) -> None:
        try:
            mine = self.folder.worker_lock.acquire()
        except OSError as error:
            self.troubles.note("build", f"nothing can be written to {self.folder.root}: {error}; make it writable")
            mine = False
        if mine != self.status.builds:
            logger.info("builds the snapshots in %s" if mine else "another worker builds in %s", self.folder.root)
        self.status.builds = mine
        if not mine or time.monotonic() < self._build_not_before:
            return
        why = await self.why_due()
        if why is None or not self._quiet.has_come(self.status.version) or await self._vectors_are_near():
            return
        self._quiet.done()
        self._vectors_waited = 0.0
        try:
            await self.build(why)
        except _Stopped:
            pass
        except BuildInProgress as error:
            logger.info("%s", error)
        except RecoError:
            self._build_not_before = time.monotonic() + BUILD_RETRY_SECONDS
            raise

    async def why_due(self) -> str | None:
        """Return why a snapshot should be built now, ``None`` when the one that serves is good enough."""
        self.status.version = await self.store.item_version()
        meta = self.status.snapshot = read_meta(self.folder.current())
        return await due(self.store, meta, self.config, recipe=self._recipe, now=self._clock.now().timestamp())

    async def not_embedded(self) -> int:
        """Return how many of the store's versions are not embedded yet, at most."""
        fingerprint = self._fingerprint()
        if not fingerprint:
            return 0
        done = int(await self.store.get_state(embedded_state(self._recipe, fingerprint)) or 0)
        return max(await self.store.item_version() - done, 0)

    async def _vectors_are_near(self) -> bool:
        """Whether the last items are being embedded just now, so that a snapshot with them is worth waiting for."""
        if "embedding" in self.troubles:
            return False
        left = await self.not_embedded()
        self._vectors_waited = self._vectors_waited or time.monotonic()
        return 0 < left < WAIT_FOR_VECTORS and time.monotonic() - self._vectors_waited < VECTOR_PATIENCE_SECONDS

    async def build(self, why: str, progress: Progress | None = None) -> None:
        """Build a snapshot of the store as it is, publish it, and remove those that nobody serves any more.

        Raises
        ------
        BuildInProgress
            When another process of this host builds.
        SnapshotError
            When it cannot be written; the one before goes on serving.
        """
        logger.info("builds a snapshot: %s", why)
        started = time.monotonic()

        def told(stage: str, done: int, total: int) -> None:
            if self._stopping:
                raise _Stopped
            self.status.stage = (stage, done, total)
            if progress is not None:
                progress(stage, done, total)

        self.status.stage = ("read", 0, 1)
        try:
            built = await build(
                self.store,
                self.folder,
                self.config,
                recipe=self._recipe,
                clock=self._clock,
                embedder=None,
                fingerprint=self._fingerprint(),
                progress=told,
            )
        finally:
            self.status.stage = None
        self.status.snapshots += 1
        self.status.snapshot = read_meta(built.path)
        source = built.read.source
        logger.info(
            "built %s: %d items, %d with a vector, in %.1f s",
            built.path.name, len(source.items), len(source.vectors), time.monotonic() - started,
        )  # fmt: skip

    async def _train_when_due(self) -> None:
        if self.status.builds:
            await self.training.when_due()

    def _fingerprint(self) -> str:
        try:
            return "" if self.embedder is None else self.embedder.fingerprint
        except RecoError:
            return ""  # told where texts are embedded

    async def _prune_as_leader(self) -> None:
        if self.leads and time.monotonic() >= self._prune_not_before:
            await self.prune()
            self._prune_not_before = time.monotonic() + PRUNE_SECONDS

    async def prune(self) -> int:
        """Delete what is older than the settings keep; return how many rows."""
        now = self._clock.now()
        gone = await prune_old(self.store, self.config, now)
        gone += await self._prune_vectors(now.timestamp())
        if gone:
            logger.info("deleted %d rows that are older than they are kept", gone)
        self.status.pruned += gone
        return gone

    async def _prune_vectors(self, now: float) -> int:
        """Delete the vectors of models that nobody serves any more, a day after the last one changed."""
        model, meta = await model_of(self.store), read_meta(self.folder.current())
        settled = meta is not None and meta["fingerprint"] == model and now - float(meta["reference"]) > VECTORS_KEPT_SECONDS
        return await self.store.prune_vectors([model]) if model and model == self._fingerprint() and settled else 0

    async def lead(self) -> None:
        """Take the lease, or prolong it.

        Raises
        ------
        AlreadyRunning
            When another worker leads.
        """
        if await self.lease.turn() is None:
            raise AlreadyRunning(f"the worker {self.lease.other} does this already; stop it first, or leave it to it")

    async def once(self, *, build_anyway: bool = False, progress: Progress | None = None) -> None:
        """Do once what there is to do: embed, build if it is due, prune.

        Raises
        ------
        AlreadyRunning
            When another worker leads.
        RecoError
            What goes wrong; what was done until then stays.
        """
        if not self.status.open:
            await self.start()
        await self.lead()
        self.folder.worker_lock.acquire()
        keeping = asyncio.create_task(self.lease.run())
        try:
            total = await self.store.item_version()
            while await self._embed_step():
                if progress is not None:
                    progress("embed", max(total - self.status.waiting, 0), total)
            why = await self.why_due()
            if why is not None or build_anyway:
                await self.build(why or "it was asked for", progress)
            if await self.training.why_due() is not None:
                await self.training.run(progress=progress)
            await self.prune()
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    # -- inside

    async def _repeat(self, work: str, step: Callable[[], Awaitable[None]], pause: float, retry: float | None = None) -> None:
        while True:
            went_well = await self._guarded(work, step)
            await asyncio.sleep(pause if went_well else RETRY_SECONDS if retry is None else retry)

    async def _guarded(self, work: str, step: Callable[[], Awaitable[None]]) -> bool:
        """Take one step; what goes wrong is noted, and logged once as long as it stays the same."""
        try:
            await step()
        except Exception as error:
            if str(error) not in self.troubles.all:
                if isinstance(error, RecoError):
                    logger.warning("%s: %s; it is tried again", work, error)
                else:
                    logger.exception("%s failed; it is tried again", work)
            self.troubles.note(work, error)
            return False
        self.troubles.mended(work)
        return True
