"""Rerank: which of the fused candidates make the slate, in which order."""

from __future__ import annotations

import math
from typing import Final

from reco_sdk.ranking.fusion import Fused
from reco_sdk.snapshot.view import View

__all__ = ["rerank"]

_LOOK_AHEAD: Final = 24


def rerank(view: View, fused: Fused, n: int, one_per_group: bool, category_share: float = 1.0) -> list[int]:
    """Return the places in ``fused`` of the best ``n``, one a group if asked, no category beyond its share while others can.

    Parameters
    ----------
    view
        Groups and main categories by row.
    fused
        The candidates, best first.
    n
        How many; fewer come back when there are fewer.
    one_per_group
        Whether one variant stands for all.
    category_share
        At most this part of the slate comes from one main category; what exceeds it still comes before fallbacks.
    """
    room = math.ceil(category_share * n)
    places: list[int] = []
    over: list[int] = []
    counts: dict[int, int] = {}
    taken: set[int] = set()
    for start in range(0, len(fused.rows), _LOOK_AHEAD):
        rows = fused.rows[start : start + _LOOK_AHEAD]
        groups = view.group[rows].tolist()
        categories = view.main_category[rows].tolist() if room < n else [-1] * len(groups)
        for place, (group, category) in enumerate(zip(groups, categories, strict=True), start):
            if one_per_group:
                if group in taken:
                    continue
                taken.add(group)
            if category >= 0:
                count = counts.get(category, 0)
                if count >= room:
                    over.append(place)
                    continue
                counts[category] = count + 1
            places.append(place)
            if len(places) == n:
                return sorted(places + over[: n - len(places)]) if over else places
    return sorted(places + over[: n - len(places)]) if over else places
