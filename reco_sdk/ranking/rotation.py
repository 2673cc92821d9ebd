"""Rotation and fatigue: scores moved by who looks, and when; what moves them is among their contributions."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.ranking.diversity import Diversity
from reco_sdk.ranking.fusion import Fused
from reco_sdk.sessions.shown import Mood
from reco_sdk.snapshot.view import View
from reco_sdk.types import Floats, Rows

__all__ = ["FATIGUE", "ROTATION", "chance_of", "moved"]

FATIGUE: Final = "fatigue"
ROTATION: Final = "rotation"
OFTEN: Final = 3.0
"""So many times that an item was shown and passed over cost half of what it may lose."""


def chance_of(view: View, rows: Rows, seed: int) -> Floats:
    """Return a number from 0 up to 1 for each row: the same for the same product and seed, else as good as random."""
    mixed: npt.NDArray[np.uint64] = view.group[rows] ^ np.uint64(seed)
    # The last steps of SplitMix64: each bit of the result depends on each bit given.
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    chances: Floats = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return chances


def moved(view: View, fused: Fused, diversity: Diversity, mood: Mood) -> Fused:
    """Return the candidates with what the visitor passed over again and again further down, and all of them turned a little."""
    columns: list[Floats] = []
    names: list[str] = []
    left: Floats = np.maximum(fused.scores, 0.0)
    if diversity.fatigue and mood.shown and len(left):
        shown = {view.row(item_id): count for item_id, count in mood.shown}
        counts = np.asarray([shown.get(row, 0.0) for row in fused.rows.tolist()])
        columns.append(-left * diversity.fatigue * counts / (counts + OFTEN))
        names.append(FATIGUE)
        left = left + columns[0]
    if diversity.rotation and len(left):
        columns.append(left * diversity.rotation * (2.0 * chance_of(view, fused.rows, mood.seed) - 1.0))
        names.append(ROTATION)
    if not columns:
        return fused
    return Fused.of(fused.rows, np.column_stack((fused.contributions, *columns)), (*fused.properties, *names))
