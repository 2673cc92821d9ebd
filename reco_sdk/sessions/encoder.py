"""Session → vector: the weighted mean of its item vectors, in numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from reco_sdk.interactions.weighting import kind_weight
from reco_sdk.sessions.session import Event
from reco_sdk.types import Floats, Vector, Vectors

__all__ = ["POSITION_DECAY", "event_weights", "session_vector"]

POSITION_DECAY: Final = 0.8
"""Each step back in the session counts this much of the one after it."""
SEARCH_WEIGHT: Final = 2.25


def event_weights(events: Sequence[Event]) -> Floats:
    """Return one weight an event, float64 ``(len(events),)``: √kind × 0.8 ** (steps from the end).

    The root, because one purchase must not drown the views around it: what was bought is had.
    Negative kinds (``remove_from_cart``, ``dismiss``) keep their sign: they push the vector away.
    """
    weights: list[float] = []
    decay = 1.0
    for event in reversed(events):
        kind = SEARCH_WEIGHT if event.kind == "search" else kind_weight(event.kind, event.value)
        weights.append(math.copysign(math.sqrt(abs(kind)), kind) * decay)
        decay *= POSITION_DECAY
    return np.asarray(weights[::-1], np.float64)


def session_vector(vectors: Vectors, weights: Floats) -> Vector | None:
    """Return the unit vector of a session, or ``None`` when it says nothing.

    Parameters
    ----------
    vectors
        float32 ``(m, d)``, one row an event whose vector is known.
    weights
        float64 ``(m,)``.

    Returns
    -------
    float32 ``(d,)`` of length 1; ``None`` for no rows, or when the weighted sum is (nearly) zero.
    """
    if not len(vectors):
        return None
    total = weights.astype(np.float32) @ vectors
    length = float(np.sqrt(total @ total))
    if not np.isfinite(length) or length < 1e-6:
        return None
    result: Vector = total / np.float32(length)
    return result
