"""Work in progress: what each finished stage of a training came to, so that a training that was killed goes on from there.

::

    state/models/training/
        begun.json      what is being trained: another key begins anew
        ask-home/       values.json and one .npy an array; renamed once whole
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import SnapshotError
from reco_sdk.ranking.model_files import BEGUN
from reco_sdk.snapshot.disk import explained, read_json, write_json

__all__ = ["Stage", "Work"]

_VALUES: Final = "values.json"

Arrays = dict[str, npt.NDArray[Any]]
Stage = tuple[Arrays, dict[str, Any]]
"""The arrays and the JSON values that a stage came to."""


class Work:
    """The stages of one training on the disk.

    Parameters
    ----------
    root
        Its folder; ``None`` keeps nothing.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root

    @property
    def keeps(self) -> bool:
        """Whether anything is written at all."""
        return self._root is not None

    @property
    def begun(self) -> dict[str, Any] | None:
        """What an earlier run that was not finished worked on."""
        return None if self._root is None else read_json(self._root / BEGUN)

    def begin(self, key: Mapping[str, Any]) -> None:
        """Take up the stages of an earlier run with this key, or begin anew.

        Raises
        ------
        SnapshotError
            When nothing can be written.
        """
        if self._root is None or self.begun == dict(key):
            return
        try:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root.mkdir(parents=True)
            write_json(self._root / BEGUN, key)
        except OSError as error:
            raise SnapshotError(f"nothing can be trained: {explained(error, self._root)}") from error

    def stage(self, name: str) -> Stage | None:
        """Return what a stage came to, ``None`` when it was not finished or its files are damaged."""
        if self._root is None:
            return None
        folder = self._root / name
        values = read_json(folder / _VALUES)
        if values is None:
            return None
        try:
            return {path.stem: np.load(path, allow_pickle=False) for path in sorted(folder.glob("*.npy"))}, values
        except (OSError, ValueError, EOFError):
            return None

    def keep(self, name: str, arrays: Mapping[str, npt.NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Remember what a stage came to.

        Raises
        ------
        SnapshotError
            When it cannot be written.
        """
        if self._root is None:
            return
        temporary = self._root / f".{name}.{secrets.token_hex(4)}"
        try:
            temporary.mkdir()
            for key, array in arrays.items():
                np.save(temporary / f"{key}.npy", array, allow_pickle=False)
            write_json(temporary / _VALUES, values)
            shutil.rmtree(self._root / name, ignore_errors=True)
            temporary.rename(self._root / name)
        except OSError as error:
            raise SnapshotError(f"the training cannot go on: {explained(error, self._root)}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def clear(self) -> None:
        """Forget everything."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
