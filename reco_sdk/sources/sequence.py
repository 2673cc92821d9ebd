"""A small causal transformer over a visitor's items, as it serves: numpy only.

Kang, McAuley: Self-attentive sequential recommendation, ICDM 2018, with the layers of eSASRec (Tikhonovich et al., RecSys 2025):
each block is normalised before it, gated (SwiGLU), and scaled by a gate of its own before it is added. How far apart two items
stand counts by a learnt number a head and distance, so that a history needs no numbering from its first item.

Only the last item asks in the last block: the others give keys and values there and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import InvalidInput
from reco_sdk.ports import Candidates
from reco_sdk.sources.history import History
from reco_sdk.sources.proposals import NOTHING, Proposals, ranked
from reco_sdk.types import BoolMask, Floats, Rows, Vector, Vectors

__all__ = ["BLOCK_ARRAYS", "EPSILON", "NAME", "PROPOSED", "SequenceModel"]

BLOCK_ARRAYS: Final = {
    "norm_a": ("d",),
    "shift_a": ("d",),
    "ask": ("d", "d"),
    "key": ("d", "d"),
    "value": ("d", "d"),
    "out": ("d", "d"),
    "gate_a": ("d", "d"),
    "far": ("heads", "length"),
    "norm_f": ("d",),
    "shift_f": ("d",),
    "swish": ("d", "f"),
    "up": ("d", "f"),
    "down": ("f", "d"),
    "gate_f": ("d", "d"),
}
"""The arrays of a block, and their shapes."""
EPSILON: Final = 1e-5
NAME: Final = "sequence"
PROPOSED: Final = 500
"""The best so many are proposed."""
_FIRST: Final = ("norm", "shift")

Array = npt.NDArray[np.float32]


def _normed(x: Array, scale: Array, shift: Array) -> Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt(np.einsum("...i,...i->...", centred, centred)[..., None] / x.shape[-1] + np.float32(EPSILON))
    out: Array = centred / spread * scale + shift
    return out


def _sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """One block; ``asks`` holds key, value, and what the rows ask, side by side."""

    arrays: Mapping[str, Array]
    heads: int
    keys_values: Array
    bias: Array

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> _Block:
        far = arrays["far"]
        heads, length = far.shape
        apart = np.arange(length)[:, None] - np.arange(length)[None, :]
        bias = np.where(apart >= 0, far[:, np.maximum(apart, 0)], np.float32(-np.inf))
        return cls(arrays, heads, np.ascontiguousarray(np.concatenate((arrays["key"], arrays["value"]), axis=1)), bias)

    def __call__(self, x: Array, rows: slice) -> Array:
        """Return what becomes of some of the rows; keys and values come from all."""
        a, heads = self.arrays, self.heads
        h, width = x.shape
        size = width // heads
        normed = _normed(x, a["norm_a"], a["shift_a"])
        both = (normed @ self.keys_values).reshape(h, 2, heads, size)
        keys, values = both[:, 0].transpose(1, 2, 0), both[:, 1].transpose(1, 0, 2)
        x = x[rows]
        asked = (normed[rows] @ a["ask"]).reshape(len(x), heads, size).transpose(1, 0, 2)
        likeness = asked @ keys * np.float32(size**-0.5) + self.bias[:, rows.indices(h)[0] : h, :h]
        likeness -= likeness.max(axis=2, keepdims=True)
        np.exp(likeness, out=likeness)
        likeness /= likeness.sum(axis=2, keepdims=True)
        seen = (likeness @ values).transpose(1, 0, 2).reshape(len(x), width)
        x = x + (seen @ a["out"]) * _sigmoid(x @ a["gate_a"])
        normed = _normed(x, a["norm_f"], a["shift_f"])
        swish = normed @ a["swish"]
        fed = (swish * _sigmoid(swish) * (normed @ a["up"])) @ a["down"]
        return np.asarray(x + fed * _sigmoid(x @ a["gate_f"]), np.float32)


class SequenceModel:
    """Proposes what comes next after a sequence of items.

    Parameters
    ----------
    table
        float32 ``(n, d)``: a vector of each item, text and what was learnt of the item itself in one; zero where
        nothing is known of it.
    arrays
        By name: ``norm`` and ``shift`` at the end, and those of :data:`BLOCK_ARRAYS` of block ``b`` as ``b.name``.

    Raises
    ------
    InvalidInput
        When the arrays do not fit together.
    """

    name: str = NAME
    columns: tuple[str, ...] = (NAME,)

    def __init__(self, table: Vectors, arrays: Mapping[str, Array]) -> None:
        self.table = np.ascontiguousarray(table, np.float32)
        self.arrays = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
        _check(self.table, self.arrays)
        self._known = np.any(self.table != 0.0, axis=1)
        self._all_known = bool(self._known.all())
        blocks = 1 + max((int(name.split(".")[0]) for name in self.arrays if "." in name), default=-1)
        self._blocks = [_Block.of({name: self.arrays[f"{block}.{name}"] for name in BLOCK_ARRAYS}) for block in range(blocks)]
        self.max_items = int(self.arrays["0.far"].shape[1])

    def state(self, items: Rows) -> Vector:
        """Return the vector of what is expected after items, newest last; its inner products with the table are log-odds.

        Parameters
        ----------
        items
            int32 ``(h,)``, at least one; the newest :attr:`max_items` are read.
        """
        x = self.table[items[-self.max_items :]]
        for block in self._blocks[:-1]:
            x = block(x, slice(0, len(x)))
        x = self._blocks[-1](x, slice(len(x) - 1, len(x)))
        out: Vector = _normed(x, self.arrays["norm"], self.arrays["shift"])[0]
        return out

    def propose(self, history: History) -> Proposals:
        """Return the likeliest next items, each with its probability."""
        items = history.items[: self.max_items]
        if not len(items) or not self._known[items].any():
            return Proposals(NOTHING, (NOTHING,))
        odds = self.table @ self.state(items[::-1])
        if not self._all_known:
            odds[~self._known] = -np.inf
        rows = np.argpartition(-odds, PROPOSED)[:PROPOSED] if len(odds) > PROPOSED else np.arange(len(odds))
        likely = np.exp(odds - odds[rows].max(), dtype=np.float64)
        rows = rows[likely[rows] > 0.0]
        return Proposals(rows.astype(np.int32), (likely[rows] / likely.sum(),))

    def scale(self, rows: Rows) -> tuple[npt.NDArray[Any] | None, ...]:  # noqa: ARG002 -- nothing is scaled
        """Return no scales."""
        return (None,)

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:
        """Return the best rows; see :class:`reco_sdk.training.model.Model`."""
        return ranked(self, len(self.table), history_items, history_times, k, mask)

    def to_arrays(self, prefix: str = "sequence") -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, for a snapshot."""
        return {f"{prefix}_table": self.table, **{f"{prefix}_{name}": array for name, array in self.arrays.items()}}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], prefix: str = "sequence") -> SequenceModel:
        """Rebuild from :meth:`to_arrays`.

        Raises
        ------
        InvalidInput
            When arrays are missing or do not fit together.
        """
        own = {name[len(prefix) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{prefix}_")}
        if "table" not in own:
            raise InvalidInput("arrays", f"hold no {prefix}_table")
        return cls(own.pop("table"), own)


def _check(table: Vectors, arrays: Mapping[str, Array]) -> None:
    far, swish = arrays.get("0.far"), arrays.get("0.swish")
    if table.ndim != 2 or far is None or swish is None or far.ndim != 2 or swish.ndim != 2:
        raise InvalidInput("arrays", "hold no table, or no first block")
    sizes = {"d": table.shape[1], "f": swish.shape[1], "heads": far.shape[0], "length": far.shape[1]}
    if sizes["d"] % sizes["heads"]:
        raise InvalidInput("arrays", f"have a width of {sizes['d']} that {sizes['heads']} heads do not divide")
    blocks = sorted({name.split(".")[0] for name in arrays if "." in name})
    wanted: dict[str, tuple[str, ...]] = dict.fromkeys(_FIRST, ("d",))
    wanted |= {f"{block}.{name}": shape for block in blocks for name, shape in BLOCK_ARRAYS.items()}
    for name, shape in wanted.items():
        found = arrays.get(name)
        if found is None or found.shape != tuple(sizes[size] for size in shape):
            raise InvalidInput("arrays", f"{name} has shape {None if found is None else found.shape}, not that of the others")
        if not np.isfinite(found).all():
            raise InvalidInput("arrays", f"{name} holds NaN or infinite values; train again")
