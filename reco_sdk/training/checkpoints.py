"""A training that was ended goes on from a file: arrays and a few values, never a pickle."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import InvalidInput

__all__ = ["Checkpoint"]

_VALUES: Final = "_values"


class Checkpoint:
    """One file, replaced whole.

    Parameters
    ----------
    path
        Ends in ``.npz``.
    key
        What is trained, JSON-ready; what was written for another key is refused.
    """

    def __init__(self, path: Path, key: Mapping[str, Any]) -> None:
        if path.suffix != ".npz":
            raise InvalidInput("checkpoint", f"{path} does not end in .npz")
        self.path = path
        self._key = json.loads(json.dumps(key))

    def read(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]] | None:
        """Return arrays and values, ``None`` where there are none or the file is damaged.

        Raises
        ------
        InvalidInput
            When another training wrote it.
        """
        try:
            with self.path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            told = json.loads(bytes(arrays.pop(_VALUES)))
        except (FileNotFoundError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        if told["key"] != self._key:
            raise InvalidInput("checkpoint", f"{self.path} is of another training; remove it, or name another file")
        return arrays, told["values"]

    def write(self, arrays: Mapping[str, npt.NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Replace the file."""
        told = np.frombuffer(json.dumps({"key": self._key, "values": dict(values)}).encode(), np.uint8)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as file:
                everything: dict[str, Any] = {_VALUES: told, **arrays}
                np.savez(file, **everything)
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self) -> None:
        """Forget it."""
        self.path.unlink(missing_ok=True)
