"""Session vector: the items nearest to the mean of what the visitor did lately."""

from __future__ import annotations

from typing import Final

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.sources.context import Context, Reason, no_candidates, similar

__all__ = ["SessionVector"]


class SessionVector:
    """Nearest neighbours of the recency- and kind-weighted mean of the visitor's item vectors."""

    name: Final = "session_vector"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return the rows nearest to the session; none while nothing is known of the visitor."""
        vector, _, _ = context.session()
        if vector is None:
            return no_candidates()
        return similar(*context.view.search(vector, k, context.mask))

    def reason(self, context: Context, row: int) -> Reason:
        """Name the item of the session that is nearest."""
        _, rows, weights = context.session()
        liked = rows[weights > 0]
        if not len(liked):
            return Reason("Matches your search")
        nearest = int(liked[int(np.argmax(context.view.vectors_of(liked) @ context.view.vectors_of(np.asarray([row]))[0]))])
        title = context.view.title(nearest)
        return Reason(f"Because you viewed {title}", nearest, title)
