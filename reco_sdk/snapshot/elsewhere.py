"""Rows of other categories that lie near a category: where a cap on categories looks when all neighbours of an item are of one.

A search that leaves the query's own category out contradicts the query, which is the dearest kind of search. So what lies around
each category is worked out with the snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.types import BoolMask, Rows, Vectors

__all__ = ["Elsewhere"]

KEPT: Final = 32
OF_ONE: Final = 4
"""Rows of one other category."""
LARGEST: Final = 8_192
"""So many categories, the largest, have it."""
_OTHERS: Final = 2 * KEPT // OF_ONE
_STAND_FOR: Final = 16
"""Rows that stand for a category, and are looked at for another one."""
_BLOCK: Final = 256


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What lies around each category.

    Parameters
    ----------
    places
        int32, by the code of a main category: its place in ``rows``, −1 for none.
    rows
        int32 ``(categories, 32)``: rows of other main categories, the nearest first, a few of each; padded with −1.
    """

    places: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]

    @classmethod
    def of(cls, main_category: npt.NDArray[np.int32], vectors: Vectors, has_vector: BoolMask) -> Elsewhere:
        """Work it out.

        Parameters
        ----------
        main_category
            int32 ``(n,)``: codes, −1 for none.
        vectors
            float32 ``(n, d)`` unit rows.
        has_vector
            bool ``(n,)``.
        """
        known = np.flatnonzero(has_vector & (main_category >= 0))
        known = known[np.argsort(main_category[known], kind="stable")]
        codes, first, sizes = np.unique(main_category[known], return_index=True, return_counts=True)
        if len(codes) < 2:
            return cls(np.empty(0, np.int32), np.empty((0, KEPT), np.int32))
        if len(codes) > LARGEST:
            largest = np.sort(np.argsort(-sizes, kind="stable")[:LARGEST])
            codes, first, sizes = codes[largest], first[largest], sizes[largest]
        # Some of each, evenly over its rows: which lie as its vectors do, and cost the same for any size.
        steps = np.minimum(np.arange(_STAND_FOR), sizes[:, None] - 1) * np.maximum(sizes[:, None] // _STAND_FOR, 1)
        some = known[first[:, None] + np.minimum(steps, sizes[:, None] - 1)]
        means = np.concatenate([_means(vectors, part) for part in np.array_split(some, -(-len(some) // _BLOCK))])
        others = min(_OTHERS, len(codes) - 1)
        out = np.full((len(codes), KEPT), -1, np.int32)
        for start in range(0, len(codes), _BLOCK):
            near = means[start : start + _BLOCK] @ means.T
            near[np.arange(len(near)), np.arange(start, start + len(near))] = -np.inf
            best = np.argpartition(near, near.shape[1] - others, axis=1)[:, -others:]
            for place, categories in enumerate(best, start):
                rows = _nearest(vectors, means[place], some[categories])
                out[place, : len(rows)] = rows
        places = np.full(int(codes.max()) + 1, -1, np.int32)
        places[codes] = np.arange(len(codes))
        return cls(places, out)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, for a snapshot."""
        return {"elsewhere_places": self.places, "elsewhere_rows": self.rows}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Elsewhere | None:
        """Rebuild from a snapshot's arrays; ``None`` where it has none of them."""
        return cls(arrays["elsewhere_places"], arrays["elsewhere_rows"]) if "elsewhere_rows" in arrays else None

    def around(self, code: int) -> Rows:
        """Return rows of other main categories near one, the nearest first; none for one that is not known."""
        place = int(self.places[code]) if 0 <= code < len(self.places) else -1
        return self.rows[place] if place >= 0 else self.rows[:0].reshape(-1)


def _means(vectors: Vectors, some: npt.NDArray[np.intp]) -> Vectors:
    means = vectors[some].mean(axis=1)
    length = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means / np.where(length > 0, length, 1.0), np.float32)


def _nearest(vectors: Vectors, mean: npt.NDArray[np.float32], some: npt.NDArray[np.intp]) -> Rows:
    """Return the rows nearest to a mean, a few of each category (one a line of ``some``)."""
    scores = np.where(_repeats(some), -np.inf, vectors[some] @ mean)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :OF_ONE]
    scores, rows = np.take_along_axis(scores, best, axis=1).ravel(), np.take_along_axis(some, best, axis=1).ravel()
    order = np.argsort(-scores, kind="stable")
    order = order[np.isfinite(scores[order])][:KEPT]
    found: Rows = rows[order].astype(np.int32)
    return found


def _repeats(some: npt.NDArray[np.intp]) -> BoolMask:
    """Return which entries are the same as the one before."""
    out = np.zeros(some.shape, np.bool_)
    out[:, 1:] = some[:, 1:] == some[:, :-1]
    return out
