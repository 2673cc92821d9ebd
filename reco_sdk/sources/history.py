"""What a visitor did, as the learned sources read it: distinct items, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.types import Floats, Rows

__all__ = ["MAX_HISTORY", "History"]

MAX_HISTORY: Final = 50
"""Distinct items read at most; older ones say little about what comes next."""


@dataclass(frozen=True, slots=True)
class History:
    """``h`` distinct items, the newest first.

    Parameters
    ----------
    items
        int32 ``(h,)``.
    steps
        int64 ``(h,)``: how many interactions the last one with this item is from the end, 0 for the newest.
    times
        float64 ``(h,)`` epoch seconds of that interaction.
    counts
        int64 ``(h,)``: interactions with it, within what was read.
    length
        Interactions in all, repeats included.
    """

    items: Rows
    steps: npt.NDArray[np.int64]
    times: Floats
    counts: npt.NDArray[np.int64]
    length: int

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def of(cls, items: Rows, times: Floats, limit: int = MAX_HISTORY) -> History:
        """Read a history that ascends by time, newest last.

        Only the last ``4 × limit`` interactions are read, and of those the ``limit`` newest distinct items.
        """
        read = items[-4 * limit :][::-1].tolist()
        counts: dict[int, int] = {}
        steps: list[int] = []
        for step, item in enumerate(read):
            if item in counts:
                counts[item] += 1
            else:
                counts[item] = 1
                steps.append(step)
        places = np.asarray(steps[:limit], dtype=np.int64)
        return cls(
            items=np.asarray(list(counts)[:limit], dtype=np.int32),
            steps=places,
            times=times[len(times) - 1 - places],
            counts=np.asarray(list(counts.values())[:limit], dtype=np.int64),
            length=len(items),
        )
