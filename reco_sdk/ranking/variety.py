"""Variety: all that is done to the fused candidates of one request so that a slate is more than the best matches in a row."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from reco_sdk.ranking.diversity import Diversity
from reco_sdk.ranking.fusion import Fused
from reco_sdk.ranking.newcomers import Exposure, admit, newcomers, places_for_new
from reco_sdk.ranking.rerank import rerank
from reco_sdk.ranking.rotation import moved
from reco_sdk.sessions.shown import Mood
from reco_sdk.snapshot.live import Orders
from reco_sdk.snapshot.view import View
from reco_sdk.types import BoolMask

__all__ = ["DIVERSITY", "Variety"]

DIVERSITY: Final = "diversity"
"""What marginal relevance took off a score, among its contributions."""


class Variety(NamedTuple):
    """What one request asks for.

    Parameters
    ----------
    diversity
        Caps and shares.
    mood
        How whoever asks finds the shop; ``None`` where that does not matter.
    """

    diversity: Diversity
    mood: Mood | None

    def choose(self, view: View, fused: Fused, n: int, one_per_group: bool) -> tuple[Fused, bool]:
        """Return the best ``n`` in the order of the slate, and whether one stands there beyond a cap."""
        if self.mood is not None:
            fused = moved(view, fused, self.diversity, self.mood)
        cut = rerank(view, fused, n, one_per_group, self.diversity)
        given, properties = fused.contributions[cut.places], fused.properties
        if cut.taken is not None:
            given, properties = np.column_stack((given, cut.taken)), (*properties, DIVERSITY)
        return Fused(fused.rows[cut.places], given.sum(axis=1), given, properties), cut.exceeded

    def admit(
        self,
        view: View,
        orders: Orders,
        mask: BoolMask,
        since: float,
        strategy: str,
        n: int,
        rows: list[int],
        contributions: list[dict[str, float]],
        exposure: Exposure,
    ) -> int:
        """Let new items have the last places of a slate now and then; return how many of what stood there stay.

        Parameters
        ----------
        mask
            What may be recommended.
        since
            Epoch seconds; what was published then or later is new.
        rows, contributions
            The slate, best first; changed.
        exposure
            The account.
        """
        if self.mood is None or not self.diversity.new_share:
            return len(rows)
        places = places_for_new(self.diversity.new_share, n, self.mood, strategy)
        if places:
            mask = mask.copy()
            if rows:
                mask[view.variants_of(rows)] = False
        new = newcomers(view, orders, mask, since, self.mood, places) if places else []
        return admit(exposure, rows, contributions, new, n)
