"""Similar items: the nearest neighbours of the seeds by content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.snapshot.view import top
from reco_sdk.sources.context import Context, Reason, no_candidates, similar
from reco_sdk.types import Rows, Scores

__all__ = ["SimilarItems"]


class SimilarItems:
    """Nearest neighbours of each seed; with several seeds, the sum over the seeds that reach a row, divided by all."""

    name: ClassVar[str] = "similar_items"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return the seeds' neighbours by cosine of the whitened vectors."""
        near = _spread if context.spread else _near
        parts = [near(context, seed, k) for seed in context.seeds.tolist()]
        parts = [part for part in parts if len(part[0])]
        if not parts:
            return no_candidates()
        if len(parts) == 1:
            rows, scores = parts[0]
            return similar(rows[:k], scores[:k])
        rows, inverse = np.unique(np.concatenate([p[0] for p in parts]), return_inverse=True)
        total = np.bincount(inverse, weights=np.concatenate([p[1] for p in parts])) / len(parts)
        rows, mean = top(rows.astype(np.int32), total.astype(np.float32), k)
        return similar(rows, mean)

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Name the seed that is nearest."""
        view, seeds = context.view, context.seeds.tolist()
        by_seed = {seed: Reason(f"Similar to {title}", seed, title) for seed, title in ((s, view.title(s)) for s in seeds)}
        if len(seeds) == 1:
            return [by_seed[seeds[0]]] * len(rows)
        nearest = np.argmax(view.vectors_of(np.asarray(rows)) @ view.vectors_of(context.seeds).T, axis=1)
        return [by_seed[seeds[place]] for place in nearest.tolist()]


def _near(context: Context, seed: int, k: int) -> tuple[Rows, Scores]:
    return context.view.neighbours(seed, k, context.mask)


def _spread(context: Context, seed: int, k: int) -> tuple[Rows, Scores]:
    """Return a seed's neighbours; where most are of its own category, the last of these give way to what lies around it."""
    view = context.view
    rows, scores = view.neighbours(seed, k, context.mask)
    own, half = view.main_category[rows] == view.main_category[seed], k // 2
    if np.count_nonzero(own) <= half:
        return rows, scores
    near, cosines = view.elsewhere(seed, context.mask, k // 3)
    if not len(near):
        return rows, scores
    kept = np.flatnonzero(~own | (own.cumsum() <= half))
    rows, scores = rows[kept], scores[kept]
    fresh = (near[:, None] != rows).all(axis=1)
    return top(np.concatenate((rows, near[fresh])), np.concatenate((scores, cosines[fresh])), k)
