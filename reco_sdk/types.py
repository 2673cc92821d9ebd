"""Names for the plain values that travel between layers."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "BoolMask",
    "Floats",
    "ItemId",
    "Rows",
    "Scores",
    "SessionId",
    "UserId",
    "Vector",
    "Vectors",
    "VisitorId",
]

ItemId: TypeAlias = str
UserId: TypeAlias = str
VisitorId: TypeAlias = str
SessionId: TypeAlias = str

Vector: TypeAlias = npt.NDArray[np.float32]
"""One vector, shape ``(d,)``, float32."""
Vectors: TypeAlias = npt.NDArray[np.float32]
"""Many vectors, shape ``(n, d)``, float32, C order."""
Rows: TypeAlias = npt.NDArray[np.int32]
"""Row numbers into a catalogue view, shape ``(k,)``, int32."""
Scores: TypeAlias = npt.NDArray[np.float32]
"""One score a row, shape ``(k,)``, float32, larger is better."""
BoolMask: TypeAlias = npt.NDArray[np.bool_]
"""One flag a row, shape ``(n,)``; True means *may be recommended*."""
Floats: TypeAlias = npt.NDArray[np.float64]
"""Columns of prices, times (epoch seconds) and weights; NaN means unknown."""
