"""Fusion: candidates of several sources → one ranking whose scores are sums of their contributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reco_sdk.ports import Candidates
from reco_sdk.types import Floats, Rows

__all__ = ["Fused", "fuse", "merge"]


@dataclass(frozen=True, slots=True)
class Fused:
    """Rows by descending score.

    Parameters
    ----------
    rows
        int32 ``(m,)``, each once.
    scores
        float64 ``(m,)``, the row sums of ``contributions``.
    contributions
        float64 ``(m, sources + properties)``.
    properties
        What contributed beside the sources, by name.
    """

    rows: Rows
    scores: Floats
    contributions: Floats
    properties: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Rows, contributions: Floats, properties: tuple[str, ...] = ()) -> Fused:
        """Sort by the sums of the contributions, ties by ascending row."""
        scores = contributions.sum(axis=1)
        order = np.lexsort((rows, -scores))
        return cls(rows[order].astype(np.int32), scores[order], contributions[order], properties)


def merge(parts: Sequence[tuple[Candidates, float]]) -> tuple[Rows, npt.NDArray[np.intp]]:
    """Return the rows of all parts, each once, ascending, and the place among them of each part's rows, one after the other."""
    rows = np.concatenate([c.rows for c, _ in parts])
    # As numpy.unique, without what that does for other kinds of arrays: this is on the request path.
    order = rows.argsort(kind="stable")
    rows = rows[order]
    first = np.ones(len(rows), np.bool_)
    np.not_equal(rows[1:], rows[:-1], out=first[1:])
    inverse = np.empty(len(rows), np.intp)
    inverse[order] = first.cumsum() - 1
    return rows[first], inverse


def fuse(parts: Sequence[tuple[Candidates, float]]) -> Fused:
    """Sum weight × score over the sources, in the order given; ties by ascending row.

    Parameters
    ----------
    parts
        Candidates, with scores in 0 to 1, and the weight of their source.
    """
    if not parts:
        return Fused(np.empty(0, np.int32), np.empty(0), np.empty((0, 0)))
    if len(parts) == 1:
        ((candidates, weight),) = parts
        scores = weight * candidates.scores.astype(np.float64)
        return Fused(candidates.rows, scores, scores[:, None])
    rows, inverse = merge(parts)
    sizes = [len(candidates.rows) for candidates, _ in parts]
    given = np.concatenate([candidates.scores for candidates, _ in parts], dtype=np.float64)
    contributions = np.zeros((len(rows), len(parts)))
    contributions[inverse, np.arange(len(parts)).repeat(sizes)] = given * np.repeat([weight for _, weight in parts], sizes)
    return Fused.of(rows, contributions)
