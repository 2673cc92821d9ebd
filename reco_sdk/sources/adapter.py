"""A learnt map of text vectors: what a visitor looks at → where the text lies of what goes with it.

Only what is looked for is mapped; the vectors of the items stay as the text model and the whitening made them. So one index
answers both, a new item is found by its text alone the moment it has a vector, and a map that is worth nothing is left out
without building anything again. With ``x`` looked at and ``y`` a candidate it is the bilinear form ``xᵀ M y``.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from reco_sdk.errors import InvalidInput, SnapshotCorrupt
from reco_sdk.index.exact import ExactIndex
from reco_sdk.ports import Candidates
from reco_sdk.sources.history import History
from reco_sdk.types import BoolMask, Floats, Rows, Vectors

__all__ = ["AdaptedContent", "Adapter"]

_MATRIX: Final = "adapter_matrix"
_FACTS: Final = "adapter_facts"
_TINY: Final = 1e-12
_LAST: Final = 10
_DECAY: Final = 0.8
_NOTHING: Final = Candidates(np.empty(0, np.int32), np.empty(0, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """``x → x M``, of unit length.

    Parameters
    ----------
    matrix
        float32 ``(d, d)``.
    facts
        How it came to be, JSON-ready: how good text alone and the map were on what was held back, among others.

    Raises
    ------
    InvalidInput
        For a matrix that is none.
    """

    matrix: Vectors
    facts: dict[str, Any]

    def __post_init__(self) -> None:
        shape = self.matrix.shape
        if len(shape) != 2 or shape[0] != shape[1]:
            raise InvalidInput("matrix", f"has shape {shape}; give (d, d)")
        if not np.isfinite(self.matrix).all():
            raise InvalidInput("matrix", "holds NaN or infinite values; train again")

    def transform(self, vectors: Vectors) -> Vectors:
        """Return float32 unit rows of the shape given, ``(n, d)`` or ``(d,)``; zeros stay zeros.

        Raises
        ------
        InvalidInput
            For another dimension.
        """
        if vectors.shape[-1] != len(self.matrix):
            raise InvalidInput("vectors", f"have shape {vectors.shape}; give (n, {len(self.matrix)})")
        out = vectors @ self.matrix
        norms = np.linalg.norm(out, axis=-1, keepdims=True)
        unit: Vectors = np.where(norms > _TINY, out / np.maximum(norms, _TINY), 0.0).astype(np.float32)
        return unit

    def save(self, path: Path) -> None:
        """Write a file, ``.npz``."""
        told = np.frombuffer(json.dumps(self.facts).encode(), np.uint8)
        arrays: dict[str, Any] = {_MATRIX: self.matrix, _FACTS: told}
        with path.open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Adapter:
        """Read what :meth:`save` wrote.

        Raises
        ------
        SnapshotCorrupt
            When the file is none, or is damaged.
        """
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return cls(np.asarray(file[_MATRIX], np.float32), json.loads(bytes(file[_FACTS])))
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise SnapshotCorrupt(f"{path} holds no adapter ({error}); train again") from error


class AdaptedContent:
    """The items whose text is nearest to where the map puts what was done lately, each step back counting a little less.

    Parameters
    ----------
    vectors
        float32 ``(n, d)`` of the items, unit rows or zero.
    adapter
        The map.
    """

    name: str = "adapted_content"

    def __init__(self, vectors: Vectors, adapter: Adapter) -> None:
        self._vectors = np.ascontiguousarray(vectors, np.float32)
        self._index = ExactIndex(self._vectors)
        self._known = np.any(self._vectors != 0.0, axis=1)
        self._all_known = bool(self._known.all())
        self.adapter = adapter

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:
        """Return the nearest items; see :class:`reco_sdk.training.model.Model`."""
        history = History.of(history_items, history_times, _LAST)
        if not len(history):
            return _NOTHING
        query = self.adapter.transform((_DECAY**history.steps).astype(np.float32) @ self._vectors[history.items])
        if not query.any():
            return _NOTHING
        if not self._all_known:
            mask = self._known if mask is None else mask & self._known
        rows, cosines = self._index.search(query, k, mask)
        return Candidates(rows, np.clip((1.0 + cosines) / 2.0, 0.0, 1.0).astype(np.float32))
