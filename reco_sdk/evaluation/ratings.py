"""Predicted against given ratings, and the decision between liking and disliking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.types import Floats

__all__ = ["Confusion", "decision_metrics", "liked_from", "rating_metrics"]

# Of the scale, from its low end: 3.5 of 1 to 5, so that 4 and 5 are liked.
_LIKED_PART: Final = 0.625

Flags = npt.NDArray[np.bool_]


def liked_from(ratings: npt.NDArray[np.float32]) -> float:
    """Return the rating from which on something counts as liked, by the ratings' own scale."""
    low, high = float(ratings.min()), float(ratings.max())
    return low + _LIKED_PART * (high - low)


@dataclass(frozen=True, slots=True)
class Confusion:
    """Decisions by what was decided (positive, negative) and whether that was right (true, false)."""

    tp: float
    fn: float
    fp: float
    tn: float

    @classmethod
    def of(cls, predicted: Flags, actual: Flags) -> Confusion:
        """Count decisions."""
        return cls(
            tp=float((predicted & actual).sum()),
            fn=float((~predicted & actual).sum()),
            fp=float((predicted & ~actual).sum()),
            tn=float((~predicted & ~actual).sum()),
        )

    @property
    def accuracy(self) -> float:
        """Share of right decisions."""
        return _ratio(self.tp + self.tn, self.tp + self.fn + self.fp + self.tn)

    @property
    def precision(self) -> float:
        """Share of the positive decisions that are right."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the positive that were decided so."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2.0 * self.tp, 2.0 * self.tp + self.fp + self.fn)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def decision_metrics(confusion: Confusion) -> dict[str, float]:
    """Return the metrics of the decision by name."""
    return {
        "accuracy": confusion.accuracy,
        "precision": confusion.precision,
        "recall": confusion.recall,
        "F1": confusion.f1,
    }


def rating_metrics(predicted: Floats, actual: Floats, threshold: float) -> tuple[Floats, tuple[str, ...]]:
    """Return what is summed over ratings, ``(r, 6)``, and its names: squared and absolute error, and the confusion."""
    wrong = predicted - actual
    says, is_liked = predicted >= threshold, actual >= threshold
    columns = (wrong**2, np.abs(wrong), says & is_liked, ~says & is_liked, says & ~is_liked, ~says & ~is_liked)
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1), ("se", "ae", "tp", "fn", "fp", "tn")
