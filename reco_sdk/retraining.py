"""When a worker trains, and what anybody may know of it: which model serves, since when, and why."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from reco_sdk.config import Config
from reco_sdk.errors import BuildInProgress, RecoError
from reco_sdk.ports import Clock, Store
from reco_sdk.ranking.learned import RankingModel
from reco_sdk.ranking.model_files import ModelFolder
from reco_sdk.snapshot.publisher import SnapshotFolder

__all__ = ["Retraining", "Trained", "Trainer", "model_facts", "training_due"]

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]

RETRY_SECONDS: Final = 600.0


class Trained(Protocol):
    """What a training came to; see :class:`reco_sdk.learning.report.Training`."""

    def to_text(self, *, dry_run: bool = False) -> str:
        """Return it for people."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        ...


class Trainer(Protocol):
    """Trains on a store; see :func:`reco_sdk.learning.run.train`."""

    async def __call__(self, *, minutes: float, dry_run: bool = False, progress: Progress | None = None) -> Trained:
        """Fit, compare, and let serve what wins."""
        ...


class _Stopped(RecoError):
    """Nobody waits for this training any more."""


class Retraining:
    """Trains the ranking of one host when enough has happened.

    Parameters
    ----------
    folder
        Of the snapshots; models lie beside them.
    trainer
        ``None`` never trains.
    """

    def __init__(self, store: Store, folder: SnapshotFolder, config: Config, clock: Clock, trainer: Trainer | None) -> None:
        self.stage: tuple[str, int, int] | None = None
        """What is being done, how much of it, and how much there is; ``None`` while nothing is."""
        self.count = 0
        """How many trainings came to their end."""
        self._store = store
        self._folder = folder
        self._config = config
        self._clock = clock
        self._trainer = trainer
        self._not_before = 0.0

    async def why_due(self) -> str | None:
        """Return why to train now, ``None`` while there is no need, or no way."""
        if self._trainer is None or self._folder.current() is None:
            return None
        return await training_due(self._store, ModelFolder(self._folder.root), self._config, self._clock.now().timestamp())

    async def run(
        self, *, minutes: float | None = None, dry_run: bool = False, progress: Progress | None = None
    ) -> Trained | None:
        """Train, and let serve what wins; return what it came to, ``None`` where nothing can train.

        Cancelled, it ends, a training in this process at its next step; what is finished of it is kept.

        Raises
        ------
        BuildInProgress
            When another process of this host trains.
        SnapshotError
            When there is no snapshot yet, or nothing can be written.
        """
        if self._trainer is None:
            return None

        waited_for = True

        def told(stage: str, done: int, total: int) -> None:
            if not waited_for:
                raise _Stopped
            self.stage = (stage, done, total)
            if progress is not None:
                progress(stage, done, total)

        self.stage = ("reads", 0, 1)
        try:
            trained = await self._trainer(minutes=minutes or self._config.train_minutes, dry_run=dry_run, progress=told)
        finally:
            waited_for, self.stage = False, None
        self.count += 1
        return trained

    async def when_due(self) -> None:
        """Train if it is due; after what goes wrong, not again for ten minutes.

        Raises
        ------
        RecoError
            What goes wrong.
        """
        if time.monotonic() < self._not_before or (why := await self.why_due()) is None:
            return
        logger.info("trains the ranking: %s", why)
        self._not_before = time.monotonic() + RETRY_SECONDS
        try:
            trained = await self.run()
        except BuildInProgress as error:
            logger.info("%s", error)
            return
        self._not_before = 0.0
        if trained is not None:
            logger.info("%s", trained.to_text())


async def training_due(store: Store, models: ModelFolder, config: Config, now: float) -> str | None:
    """Return why to train now, ``None`` while there is no need.

    Parameters
    ----------
    models
        Of this host.
    now
        Epoch seconds.
    """
    if not config.train_hours:
        return None
    if models.interrupted:
        return "a training was interrupted"
    sequence, last = await store.interaction_sequence(), models.last
    if last is None:
        return "nothing was learnt yet" if sequence >= config.train_after_interactions else None
    hours = abs(now - float(last["at"])) / 3_600.0  # a clock may have been put back
    came = sequence - int(last["until"])
    if hours >= config.train_hours and (came >= config.train_after_interactions or came < 0):
        return f"{max(came, 0):,} interactions came since the last training, {hours:,.0f} hours ago"
    return None


def model_facts(model: RankingModel, models: ModelFolder) -> dict[str, Any]:
    """Return what ``doctor`` says: what serves by strategy, since when, and what the last training came to."""
    verdicts, last = model.meta.get("verdicts", {}), models.last
    told: dict[str, Any] = {
        "model": model.name or None,
        "since": model.meta.get("created_at"),
        "serves": {name: verdicts.get(name, {}).get("reason", "") for name in sorted(model.fusions)},
        "last_training": None,
    }
    if last is not None:
        verdict_of = {v["strategy"]: f"{v['decision']}: {v['reason']}" for v in last["verdicts"]}
        told["last_training"] = {"at": last["when"], **verdict_of}
    return told
