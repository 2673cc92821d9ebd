"""Sessions as vectors in an index of their own, so that recent sessions near this one can be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.sessions.encoder import POSITION_DECAY
from reco_sdk.snapshot.log import LogArrays
from reco_sdk.types import Floats, Rows, Vectors

__all__ = ["SessionTable", "embed_sessions"]

MAX_EVENTS: Final = 50
_STEP: Final = 2_048


@dataclass(frozen=True, slots=True)
class SessionTable:
    """``s`` sessions, the most recent first.

    Parameters
    ----------
    vectors
        float32 ``(s, d)``, unit rows.
    offsets
        int64 ``(s + 1,)`` into ``rows``.
    rows
        int32, each session's catalogue rows in the order of time.
    at
        float64 ``(s,)`` epoch seconds of each session's last interaction.
    """

    vectors: Vectors
    offsets: npt.NDArray[np.int64]
    rows: Rows
    at: Floats

    def __len__(self) -> int:
        return len(self.at)

    def items(self, session: int) -> Rows:
        """Return the catalogue rows of one session."""
        return self.rows[self.offsets[session] : self.offsets[session + 1]]

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, for a snapshot."""
        return {
            "session_vectors": self.vectors,
            "session_offsets": self.offsets,
            "session_rows": self.rows,
            "session_at": self.at,
        }

    @classmethod
    def from_arrays(cls, array: Callable[[str], npt.NDArray[Any]]) -> SessionTable:
        """Rebuild the table from a snapshot's arrays."""
        return cls(array("session_vectors"), array("session_offsets"), array("session_rows"), array("session_at"))


def embed_sessions(
    log: LogArrays, vectors: Vectors, has_vector: npt.NDArray[np.bool_], *, gap_seconds: float, limit: int
) -> SessionTable:
    """Split the log into sessions and embed the most recent ``limit`` of them as live sessions are embedded.

    Parameters
    ----------
    log
        Interactions in any order of time.
    vectors
        float32 ``(n, d)`` unit item vectors by catalogue row.
    has_vector
        bool ``(n,)``.
    gap_seconds
        A longer pause starts a new session.
    limit
        Sessions kept at most.
    """
    empty = SessionTable(vectors[:0], np.zeros(1, np.int64), log.rows[:0], log.at[:0])
    if not len(log) or limit == 0:
        return empty
    order = np.lexsort((log.at, log.visitors))
    # Sessions are told by everything the visitor did, and then hold what they liked.
    number = np.cumsum(np.r_[True, (np.diff(log.visitors[order]) != 0) | (np.diff(log.at[order]) > gap_seconds)])
    liked = (log.weights[order] > 0) & has_vector[log.rows[order]]
    order, number = order[liked], number[liked]
    if not len(order):
        return empty
    rows, at, weights = log.rows[order], log.at[order], log.weights[order]
    starts = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    ends = np.append(starts[1:], len(rows))
    recent = np.argsort(-at[ends - 1], kind="stable")[:limit]
    starts, ends = np.maximum(starts[recent], ends[recent] - MAX_EVENTS), ends[recent]
    lengths = ends - starts
    offsets = np.zeros(len(recent) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    session = np.repeat(np.arange(len(recent)), lengths)
    place = np.arange(offsets[-1]) - offsets[session] + starts[session]
    weight = np.sqrt(weights[place]) * POSITION_DECAY ** (ends[session] - 1 - place).astype(np.float64)
    out = np.empty((len(recent), vectors.shape[1]), np.float32)
    for low in range(0, len(recent), _STEP):
        high = min(low + _STEP, len(recent))
        part = slice(int(offsets[low]), int(offsets[high]))
        weighted = vectors[rows[place[part]]] * weight[part, None].astype(np.float32)
        out[low:high] = np.add.reduceat(weighted, offsets[low:high] - offsets[low], axis=0)
    length = np.sqrt(np.einsum("ij,ij->i", out, out))
    good = length > 1e-6
    out[good] /= length[good, None]
    out[~good] = 0.0
    return SessionTable(out, offsets, rows[place], at[ends - 1])
