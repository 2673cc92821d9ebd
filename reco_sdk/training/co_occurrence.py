"""Fits co-occurrence over sessions, and over whole histories where users have several sessions."""

from __future__ import annotations

from typing import Final

import numpy as np

from reco_sdk.sources.co_occurrence import CoOccurrence
from reco_sdk.sources.pair_counts import best_rows
from reco_sdk.training.model import Items, Log
from reco_sdk.training.pairs import count_pairs

__all__ = ["fit_co_occurrence", "fit_history"]

ROWS: Final = 200


def fit_co_occurrence(log: Log, items: Items) -> CoOccurrence:  # noqa: ARG001 -- every fit has the same form
    """Count pairs within sessions."""
    popularity = np.bincount(log.items, minlength=log.n_items)
    return CoOccurrence(best_rows(count_pairs(log, log.sessions), ROWS), popularity)


def fit_history(log: Log, items: Items) -> CoOccurrence:  # noqa: ARG001 -- every fit has the same form
    """Count pairs within all that a user did."""
    popularity = np.bincount(log.items, minlength=log.n_items)
    return CoOccurrence(best_rows(count_pairs(log, log.users), ROWS), popularity, name="history")
