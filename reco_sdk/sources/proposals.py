"""What a learned source says of rows: additive evidence, summed by row, by one source alone or by the fusion of all."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from reco_sdk.ports import Candidates
from reco_sdk.snapshot.view import top
from reco_sdk.sources.history import MAX_HISTORY, History
from reco_sdk.types import BoolMask, Floats, Rows

__all__ = ["NOTHING", "Proposals", "Proposer", "distinct", "ranked"]

Weights = npt.NDArray[Any]
_Whole = TypeVar("_Whole", bound=np.signedinteger[Any])


@dataclass(frozen=True, slots=True)
class Proposals:
    """``m`` pieces of evidence; those of one row are to be summed, column by column.

    Parameters
    ----------
    rows
        int32 ``(m,)``, a row as often as there is evidence for it.
    columns
        One float array ``(m,)`` for each of the source's columns.
    """

    rows: Rows
    columns: tuple[Weights, ...]


NOTHING = np.empty(0, np.int32)


class Proposer(Protocol):
    """A learned source: arrays that were fitted offline, read by numpy."""

    @property
    def name(self) -> str:
        """Its name in tables, contributions and reasons."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what it tells of a row. Alone, it ranks by the first."""
        ...

    def propose(self, history: History) -> Proposals:
        """Return the evidence of a history; none for an empty one."""
        ...

    def scale(self, rows: Rows) -> tuple[Weights | None, ...]:
        """Return by column what the sums of ``rows`` are multiplied with, ``None`` for 1."""
        ...


class _Scratch(threading.local):
    """Room for one number a row. It is never cleared: what is read was written by the same call."""

    def __init__(self) -> None:
        self.places = np.empty(0, np.int32)
        self.counting = np.arange(4_096, dtype=np.int32)


_scratch = _Scratch()


def distinct(rows: npt.NDArray[_Whole], n: int) -> tuple[npt.NDArray[_Whole], npt.NDArray[np.int32]]:
    """Return the distinct rows, in no particular order, and the place of each of ``rows`` among them.

    As :func:`numpy.unique` with ``return_inverse``, in linear time.

    Parameters
    ----------
    rows
        int32 or int64 ``(m,)``, each from 0 up to ``n``.
    """
    if len(_scratch.places) < n:
        _scratch.places = np.empty(n, np.int32)
    if len(_scratch.counting) < len(rows):
        _scratch.counting = np.arange(2 * len(rows), dtype=np.int32)
    places, counting = _scratch.places, _scratch.counting[: len(rows)]
    places[rows] = counting
    found = places[rows]
    chosen = found == counting
    number = np.cumsum(chosen, dtype=np.int32)
    return rows[chosen], number[found] - np.int32(1)


def ranked(source: Proposer, n: int, items: Rows, times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:
    """Rank by a source's first column alone.

    Parameters
    ----------
    n
        How many items there are.
    items, times, k, mask
        As of :meth:`reco_sdk.training.model.Model.scores`.
    """
    proposals = source.propose(History.of(items, times, max(getattr(source, "max_items", 0), MAX_HISTORY)))
    rows, weights = proposals.rows, proposals.columns[0]
    if mask is not None and len(rows):
        allowed = mask[rows]
        rows, weights = rows[allowed], weights[allowed]
    if not len(rows):
        return Candidates(NOTHING, np.empty(0, np.float32))
    rows, inverse = distinct(rows, n)
    total: Floats = np.bincount(inverse, weights, len(rows)).astype(np.float64, copy=False)
    scale = source.scale(rows)[0]
    if scale is not None:
        total = total * scale
    known = total > 0
    if not known.all():
        rows, total = rows[known], total[known]
    return Candidates(*top(rows, total.astype(np.float32), k))
