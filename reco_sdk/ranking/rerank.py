"""Rerank: which of the fused candidates make the slate, in which order.

Variety is by maximal marginal relevance (Carbonell, Goldstein: The use of MMR, diversity-based reranking for reordering documents
and producing summaries, SIGIR 1998) over the items' vectors, and by caps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.ranking.diversity import NEUTRAL, Diversity
from reco_sdk.ranking.fusion import Fused
from reco_sdk.snapshot.view import View
from reco_sdk.types import Floats, Rows

__all__ = ["Cut", "rerank"]

_LOOK_AHEAD: Final = 24
_POOL: Final = 100
"""Candidates among which marginal relevance chooses at least; and five for each place."""
_PRICE_BAND: Final = math.log(1.5)
_BANDS: Final = 4_096
"""Added to a band's number, which is below 0 for prices below 1; no float is so small that it stays so."""

_Codes = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Cut:
    """What makes the slate.

    Parameters
    ----------
    places
        In the candidates, in the order of the slate.
    taken
        What marginal relevance took off each one's score; ``None`` where it was not asked for.
    exceeded
        Whether something stands there beyond a cap, since nothing else was left.
    """

    places: list[int]
    taken: list[float] | None = None
    exceeded: bool = False


def rerank(view: View, fused: Fused, n: int, one_per_group: bool, diversity: Diversity = NEUTRAL) -> Cut:
    """Choose the best ``n``, one a group if asked, nothing beyond its cap while others can.

    Parameters
    ----------
    view
        Groups, main categories, brands, prices and vectors by row.
    fused
        The candidates, best first.
    n
        How many; fewer come back when there are fewer.
    one_per_group
        Whether one variant stands for all.
    diversity
        Caps, and λ. What exceeds a cap still comes before fallbacks.
    """
    if diversity.mmr < 1.0 and len(fused.rows):
        pool = max(_POOL, 5 * n)
        cut = _marginal(view, fused, n, one_per_group, diversity, pool)
        if (len(cut.places) < n or cut.exceeded) and pool < len(fused.rows):
            cut = _marginal(view, fused, n, one_per_group, diversity, len(fused.rows))
        return cut
    caps = _Caps(diversity, n)
    places: list[int] = []
    over: list[tuple[int, int]] = []
    taken: set[int] = set()
    for start in range(0, len(fused.rows), _LOOK_AHEAD):
        rows = fused.rows[start : start + _LOOK_AHEAD]
        groups = view.group[rows].tolist() if one_per_group else range(start, start + len(rows))
        codes = _by_row(caps.codes(view, rows), len(rows))
        for place, (group, own) in enumerate(zip(groups, codes, strict=True), start):
            if group in taken:
                continue
            if caps.are_full and not caps.allow(own):
                over.append((place, group))  # another variant of it may be within the caps
                continue
            taken.add(group)
            caps.take(own)
            places.append(place)
            if len(places) == n:
                return Cut(places)
    within = len(places)
    for place, group in over:
        if group not in taken and len(places) < n:
            taken.add(group)
            places.append(place)
    return Cut(sorted(places), exceeded=len(places) > within)


def _marginal(view: View, fused: Fused, n: int, one_per_group: bool, diversity: Diversity, pool: int) -> Cut:
    """Choose one by one what is best by ``λ · score / greatest − (1 − λ) · nearness to what was chosen``, times greatest / λ.

    Such a value falls from one choice to the next, so that the order of the slate is the order of its scores.
    """
    rows, scores = fused.rows[:pool], fused.scores[:pool]
    vectors = view.vectors_of(rows)
    groups = view.group[rows].tolist() if one_per_group else range(len(rows))
    weight = (1.0 / diversity.mmr - 1.0) * max(float(scores[0]), 0.0)
    caps = _Caps(diversity, n)
    codes = caps.codes(view, rows)
    own = _by_row(codes, len(rows))
    values: Floats = scores.copy()
    """Of what may be chosen next; −inf for the rest."""
    places: list[int] = []
    given: list[float] = []
    taken: set[int] = set()
    exceeded = False
    while len(places) < n:
        place = int(values.argmax())
        value = float(values[place])
        if value == -math.inf:
            if exceeded or not caps.are_full:
                break
            exceeded = True
            near = (vectors @ vectors[places].T).max(axis=1, initial=0.0)
            values = scores - weight * near
            values[places] = -math.inf
            continue
        values[place] = -math.inf
        if groups[place] in taken:
            continue
        taken.add(groups[place])
        places.append(place)
        given.append(max(min(value, given[-1] if given else value), 0.0))
        np.minimum(values, scores - vectors @ (weight * vectors[place]), out=values)
        if not exceeded:
            for column, code in caps.take(own[place]):
                values[codes[column] == code] = -math.inf
    return Cut(places, [value - float(scores[place]) for value, place in zip(given, places, strict=True)], exceeded)


class _Caps:
    """How many of each category, brand and band of prices stand in a slate of ``n``."""

    __slots__ = ("_counts", "_kinds", "_rooms", "are_full")

    def __init__(self, diversity: Diversity, n: int) -> None:
        rooms = diversity.rooms(n)
        self._kinds = [kind for kind, _ in rooms]
        self._rooms = [room for _, room in rooms]
        self._counts: list[dict[float, int]] = [{} for _ in rooms]
        self.are_full = False
        """Whether any is."""

    def codes(self, view: View, rows: Rows) -> list[_Codes]:
        """Return what each cap counts of each row as numbers; below 0, or NaN, for what has none."""
        return [_CODES[kind](view, rows) for kind in self._kinds]

    def allow(self, own: Sequence[float]) -> bool:
        """Return whether a row of these codes is within the caps."""
        columns = zip(self._counts, own, self._rooms, strict=True)
        return all(counts.get(code, 0) < room for counts, code, room in columns)

    def take(self, own: Sequence[float]) -> list[tuple[int, float]]:
        """Count a row; return which codes of which caps are full now."""
        full = []
        for column, (counts, code, room) in enumerate(zip(self._counts, own, self._rooms, strict=True)):
            if code >= 0:
                counts[code] = count = counts.get(code, 0) + 1
                if count == room:
                    full.append((column, code))
        self.are_full = self.are_full or bool(full)
        return full


def _by_row(codes: Sequence[_Codes], count: int) -> list[tuple[float, ...]]:
    return list(zip(*(column.tolist() for column in codes), strict=True)) if codes else [()] * count


def _bands(view: View, rows: Rows) -> Floats:
    prices = view.price[rows]
    logs = np.log(prices, out=np.full(len(rows), np.nan), where=prices > 0.0)
    bands: Floats = np.floor(logs / _PRICE_BAND) + _BANDS
    return bands


_CODES: Final[Mapping[str, Callable[[View, Rows], _Codes]]] = {
    "category": lambda view, rows: view.main_category[rows],
    "brand": lambda view, rows: view.brands[rows],
    "price": _bands,
}
