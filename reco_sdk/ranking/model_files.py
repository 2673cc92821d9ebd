"""Where ranking models lie: beside the snapshots, in the same form, published the same way.

::

    state/models/
        CURRENT                       name of the folder that serves, replaced atomically
        last.json                     what the last training came to, whether or not its model serves
        snapshot-000003-5a1e09c4/     tables as .npy, weights and verdicts in the manifest, checksums of all
        training/                     a training that has not ended
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reco_sdk.errors import SnapshotError
from reco_sdk.ranking.learned import NO_MODEL, RankingModel
from reco_sdk.snapshot.disk import explained, read_json, write_json
from reco_sdk.snapshot.format import write_snapshot
from reco_sdk.snapshot.publisher import SnapshotFolder

__all__ = ["BEGUN", "ModelFolder", "ModelReader"]

_log = logging.getLogger(__name__)

_MODELS: Final = "models"
_TRAINING: Final = "training"
_LAST: Final = "last.json"
BEGUN: Final = "begun.json"
"""In the folder of a training that has not ended: what it trains."""


class ModelFolder:
    """The ranking models of one host.

    Parameters
    ----------
    state
        Folder of its snapshots.
    """

    def __init__(self, state: Path) -> None:
        self.root = state / _MODELS
        self.folder = SnapshotFolder(self.root)
        self.work = self.root / _TRAINING

    def current(self) -> Path | None:
        """Return the folder of the model that serves."""
        return self.folder.current()

    def open(self) -> RankingModel | None:
        """Read the model that serves; when it is damaged, the one before it.

        Raises
        ------
        SnapshotError
            When what it holds is no model.
        """
        snapshot = self.folder.open_latest()
        return None if snapshot is None else RankingModel.of(snapshot)

    def publish(self, model: RankingModel) -> Path:
        """Write a model and let it serve: whole, or not at all.

        Raises
        ------
        SnapshotError
            When it cannot be written; what served goes on.
        """
        path = write_snapshot(self.root, model.to_arrays(), model.to_meta())
        self.folder.publish(path)
        self.folder.prune()
        return path

    @property
    def interrupted(self) -> bool:
        """Whether a training was begun and did not come to its end."""
        return read_json(self.work / BEGUN) is not None

    @property
    def last(self) -> dict[str, Any] | None:
        """What the last training came to, ``None`` before the first."""
        return read_json(self.root / _LAST)

    def remember(self, training: Mapping[str, Any]) -> None:
        """Write down what a training came to.

        Raises
        ------
        SnapshotError
            When it cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            write_json(self.root / _LAST, training)
        except OSError as error:
            raise SnapshotError(f"what the training came to cannot be written: {explained(error, self.root)}") from error


class ModelReader:
    """Follows what is published in a folder, one thread at a time.

    Parameters
    ----------
    state
        Folder of the snapshots.
    """

    def __init__(self, state: Path) -> None:
        self._folder = ModelFolder(state)
        self._seen: Path | None = None
        self.refused: str | None = None
        """What was published last and cannot serve, and why."""

    def has_changed(self) -> bool:
        """Return whether something else is published than was read last; cheap."""
        return self._folder.current() != self._seen

    def read(self, store: str) -> RankingModel:
        """Return the model that is published, or the good one before it; none where there is none.

        Parameters
        ----------
        store
            What tells this store from every other: a model of another one is refused.
        """
        self._seen, self.refused = self._folder.current(), None
        if self._seen is None:
            return NO_MODEL
        try:
            model = _of_store(self._folder.open() or NO_MODEL, store)
        except SnapshotError as error:
            _log.error("the ranking model %s is passed over: %s", self._seen.name, error)
            model = NO_MODEL
            self.refused = f"the ranking model {self._seen.name} cannot serve: {error}"
        if self.refused is None and model.name != self._seen.name:
            self.refused = f"the ranking model {self._seen.name} is damaged; {model.name or 'none'} serves"
        return model


def _of_store(model: RankingModel, store: str) -> RankingModel:
    told = str(model.meta.get("store", ""))
    if store and told and store != told:
        raise SnapshotError(f"it was trained on another store ({told[:8]}…, this one is {store[:8]}…)")
    return model
