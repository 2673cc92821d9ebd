"""Session items: the neighbours of each item the visitor looked at lately, so that no interest is averaged away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from reco_sdk.ports import Candidates
from reco_sdk.sources.context import Context, Reason, no_candidates, similar
from reco_sdk.sources.session_vector import because_viewed

__all__ = ["BY_AGE", "MAX_ITEMS", "SessionItems"]

MAX_ITEMS: Final = 5
RECENCY: Final = 0.85
BY_AGE: Final = RECENCY ** np.arange(MAX_ITEMS, dtype=np.float32)[:, None]


class SessionItems:
    """The nearest neighbours of the visitor's last few items, each item a little less than the one after it."""

    name: ClassVar[str] = "session_items"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return the rows near to one of the last five items that the visitor liked, by cosine × recency."""
        rows, weights = context.events()
        lately = list(dict.fromkeys(rows[weights > 0][::-1].tolist()))[:MAX_ITEMS]
        if not lately:
            return no_candidates()
        near, cosines = context.view.neighbours_of_each(np.asarray(lately), max(k // 2, 1), context.mask)
        scores = (cosines * BY_AGE[: len(lately)]).ravel()
        order = np.argsort(-scores, kind="stable")[: 2 * k]
        found = near.ravel()[order].tolist()
        # Of equal rows the first is the best one, and the one to keep.
        best = dict(zip(reversed(found), reversed(scores[order].tolist()), strict=True))
        kept = list(dict.fromkeys(found))[:k]
        unique, values = np.asarray(kept, np.int32), np.asarray([best[row] for row in kept], np.float32)
        vector = context.session() if (weights < 0).any() else None
        if vector is not None:
            # Near to something liked, but nearer to what was dismissed.
            wanted = context.view.vectors_of(unique) @ vector > 0
            unique, values = unique[wanted], values[wanted]
        return similar(unique, values)

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Name the item of the session that is nearest."""
        return because_viewed(context, rows)
