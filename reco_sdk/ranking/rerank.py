"""Rerank: which of the fused candidates make the slate, in which order.

Variety is by maximal marginal relevance (Carbonell, Goldstein: The use of MMR, diversity-based reranking for reordering documents
and producing summaries, SIGIR 1998) over the items' vectors, and by caps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from reco_sdk.ranking.diversity import NEUTRAL, Diversity
from reco_sdk.ranking.fusion import Fused
from reco_sdk.snapshot.view import View
from reco_sdk.types import Floats, Rows

__all__ = ["Cut", "rerank"]

_LOOK_AHEAD: Final = 24
_POOL: Final = 50
"""Candidates among which marginal relevance chooses at least; and five for each place."""
_PRICE_BAND: Final = math.log(1.5)

_Code = int | str | None


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
    rooms = diversity.rooms(n)
    counts: list[dict[_Code, int]] = [{} for _ in rooms]
    places: list[int] = []
    over: list[int] = []
    taken: set[int] = set()
    for start in range(0, len(fused.rows), _LOOK_AHEAD):
        rows = fused.rows[start : start + _LOOK_AHEAD]
        groups = view.group[rows].tolist()
        codes = [_codes(view, rows, kind) for kind, _ in rooms]
        for place, group in enumerate(groups, start):
            if one_per_group:
                if group in taken:
                    continue
                taken.add(group)
            for count, column, (_, room) in zip(counts, codes, rooms, strict=True):
                code = column[place - start]
                if code is not None and count.get(code, 0) >= room:
                    over.append(place)
                    break
            else:
                for count, column in zip(counts, codes, strict=True):
                    count[column[place - start]] = count.get(column[place - start], 0) + 1
                places.append(place)
            if len(places) == n:
                return Cut(places)
    missing = over[: n - len(places)]
    return Cut(sorted(places + missing), exceeded=bool(missing))


def _marginal(view: View, fused: Fused, n: int, one_per_group: bool, diversity: Diversity, pool: int) -> Cut:
    """Choose one by one what is best by ``λ · score / greatest − (1 − λ) · nearness to what was chosen``, times greatest / λ.

    Such a value falls from one choice to the next, so that the order of the slate is the order of its scores.
    """
    rows, scores = fused.rows[:pool], fused.scores[:pool]
    vectors, groups = view.vectors_of(rows), view.group[rows]
    weight = (1.0 / diversity.mmr - 1.0) * max(float(scores[0]), 0.0)
    near = np.zeros(len(rows))
    free = np.ones(len(rows), np.bool_)
    caps = [(_codes(view, rows, kind), room) for kind, room in diversity.rooms(n)]
    counts: list[dict[_Code, int]] = [{} for _ in caps]
    below = np.ones(len(rows), np.bool_)
    places: list[int] = []
    given: list[float] = []
    exceeded = False
    while len(places) < n and free.any():
        allowed = free & below
        if not allowed.any():
            allowed, exceeded = free, True
        values: Floats = np.where(allowed, scores - weight * near, -np.inf)
        place = int(values.argmax())
        places.append(place)
        given.append(max(min(float(values[place]), given[-1] if given else np.inf), 0.0))
        free &= groups != groups[place] if one_per_group else np.arange(len(rows)) != place
        near = np.maximum(near, vectors @ vectors[place])
        for count, (codes, room) in zip(counts, caps, strict=True):
            code = codes[place]
            count[code] = count.get(code, 0) + 1
            if code is not None and count[code] >= room:
                below &= np.fromiter((other != code for other in codes), np.bool_, len(codes))
    return Cut(places, [value - float(scores[place]) for value, place in zip(given, places, strict=True)], exceeded)


def _codes(view: View, rows: Rows, kind: str) -> list[_Code]:
    """Return what a cap counts of each row, ``None`` for what has none."""
    if kind == "category":
        return [code if code >= 0 else None for code in view.main_category[rows].tolist()]
    if kind == "brand":
        return [view.brand(row) or None for row in rows.tolist()]
    prices = view.price[rows].tolist()
    return [math.floor(math.log(price) / _PRICE_BAND) if price > 0.0 else None for price in prices]
