"""Newcomers: places that are kept for new items, so that what nobody knows yet can become known; and what that costs.

Which requests get how many is drawn by seed, so that over many requests the share is kept; which of the newest items, too, so
that each gets as much as any other. They stand last, and outside the caps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from reco_sdk.items.tables import key_hash
from reco_sdk.ranking.rotation import chance_of
from reco_sdk.sessions.shown import Mood
from reco_sdk.snapshot.live import Orders
from reco_sdk.snapshot.view import View
from reco_sdk.types import BoolMask

__all__ = ["EXPOSURE", "Exposure", "admit", "newcomers", "places_for_new"]

EXPOSURE: Final = "exposure"
NEWEST: Final = 50
"""Among so many of the newest the places are drawn."""


@dataclass(slots=True)
class Exposure:
    """What was given to new items in a process since it started, of all slates that keep places for them.

    Parameters
    ----------
    places
        Of all those slates.
    given
        Of these, places with an item that stood there because it is new.
    score, given_up
        The sum of the scores that would have stood there, and how much of it was lost.
    """

    places: int = 0
    given: int = 0
    score: float = 0.0
    given_up: float = 0.0

    @property
    def share(self) -> float:
        """The part of the places that was given."""
        return self.given / self.places if self.places else 0.0

    @property
    def cost(self) -> float:
        """The part of the relevance that was given up for it."""
        return self.given_up / self.score if self.score else 0.0

    def to_dict(self) -> dict[str, float]:
        """Return JSON-ready figures."""
        return {"places": self.places, "given": self.given, "share": round(self.share, 4), "cost": round(self.cost, 4)}


def admit(exposure: Exposure, rows: list[int], contributions: list[dict[str, float]], new: list[int], n: int) -> int:
    """Let new items stand at the end of a slate of ``n``; return how many of what stood there stay.

    Parameters
    ----------
    rows, contributions
        The slate, best first; changed.
    """
    kept = min(len(rows), n - len(new))
    lost = [sum(given.values()) for given in contributions[kept:]]
    exposure.places += n
    exposure.given += len(new)
    exposure.score += sum(sum(given.values()) for given in contributions)
    exposure.given_up += sum(lost)
    below = 0.99 * sum(contributions[kept - 1].values()) if kept else 1.0
    rows[kept:] = new
    contributions[kept:] = [{EXPOSURE: below} for _ in new]
    return kept


def places_for_new(share: float, n: int, mood: Mood, strategy: str) -> int:
    """Return how many of ``n`` places are a newcomer's: on average ``share · n``."""
    chance = (key_hash(f"{mood.seed}:{strategy}") >> 11) * 2.0**-53
    return min(math.floor(share * n + chance), n)


def newcomers(view: View, orders: Orders, mask: BoolMask, since: float, mood: Mood, places: int) -> list[int]:
    """Return the rows of up to ``places`` items that were published at ``since`` (epoch seconds) or later, one a group."""
    newest = orders.newest_rows
    newest = newest[: int(np.count_nonzero(view.published[newest] >= since))]
    newest = newest[mask[newest]][:NEWEST]
    drawn = newest[np.argsort(chance_of(view, newest, mood.seed), kind="stable")].tolist()
    found: dict[int, int] = {}
    for row in drawn:
        found.setdefault(int(view.group[row]), row)
        if len(found) == places:
            break
    return list(found.values())
