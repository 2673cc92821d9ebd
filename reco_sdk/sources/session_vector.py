"""Session vector: the items nearest to the mean of what the visitor did lately."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.sources.context import Context, Reason, no_candidates, similar

__all__ = ["SessionVector", "because_viewed"]


class SessionVector:
    """Nearest neighbours of the recency- and kind-weighted mean of the visitor's item vectors."""

    name: ClassVar[str] = "session_vector"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return the rows nearest to the session, not those it is made of; none while nothing is known of the visitor."""
        vector = context.session()
        if vector is None:
            return no_candidates()
        rows, cosines = context.view.search(vector, k, context.mask)
        seen, _ = context.events()
        if context.mask[seen].any():
            other = ~np.isin(rows, seen)
            rows, cosines = rows[other], cosines[other]
        return similar(rows, cosines)

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Name the item of the session that is nearest."""
        return because_viewed(context, rows)


def because_viewed(context: Context, rows: Sequence[int]) -> list[Reason]:
    """Name, for each row, the item of the session that is nearest."""
    seen, weights = context.events()
    liked = seen[weights > 0]
    if not len(liked):
        return [Reason("Matches your search")] * len(rows)
    view = context.view
    nearest = liked[np.argmax(view.vectors_of(np.asarray(rows)) @ view.vectors_of(liked).T, axis=1)]
    titles = {row: view.title(row) for row in set(nearest.tolist())}
    return [Reason(f"Because you viewed {titles[row]}", row, titles[row]) for row in nearest.tolist()]
