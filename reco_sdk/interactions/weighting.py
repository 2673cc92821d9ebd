"""How much an interaction says: by its kind, and by its age."""

from __future__ import annotations

from typing import Final

import numpy as np

from reco_sdk.types import Floats

__all__ = ["KIND_WEIGHTS", "decay", "kind_weight"]

KIND_WEIGHTS: Final[dict[str, float]] = {
    "view_item": 1.0,
    "select_item": 0.5,
    "add_to_cart": 3.0,
    "remove_from_cart": -1.5,
    "add_to_wishlist": 2.0,
    "purchase": 5.0,
    "refund": -5.0,
    "dismiss": -2.0,
}
NEUTRAL_RATING: Final = 3.0


def kind_weight(kind: str, value: float | None = None) -> float:
    """Return the weight of one interaction; a rating counts by its distance from 3 of 5, a search 0."""
    if kind == "rate":
        return 0.0 if value is None else value - NEUTRAL_RATING
    return KIND_WEIGHTS.get(kind, 0.0)


def decay(at: Floats, reference: float, half_life_days: float) -> Floats:
    """Return ``2 ** ((at − reference) / half_life)``: 1 at the reference, ½ one half-life before it.

    Because the factor between two times does not depend on when it is asked, sums of decayed weights keep
    their order as time goes by, and a new interaction is one addition.

    Parameters
    ----------
    at
        float64 ``(n,)`` epoch seconds.
    reference
        Epoch seconds.
    half_life_days
        Days.
    """
    exponent = (np.asarray(at, dtype=np.float64) - reference) / (half_life_days * 86_400.0)
    return np.exp2(np.clip(exponent, -1_000.0, 60.0))
