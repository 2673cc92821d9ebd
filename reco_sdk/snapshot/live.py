"""What visitors did since the snapshot: counted by item id, added to the snapshot's counts."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reco_sdk.interactions.interaction import Interaction
from reco_sdk.interactions.weighting import decay, kind_weight
from reco_sdk.snapshot.log import visitor_hash
from reco_sdk.snapshot.view import View
from reco_sdk.types import Floats, Rows

__all__ = ["LiveCounts", "Orders"]


@dataclass(frozen=True, slots=True)
class Orders:
    """The view's rows ranked by behaviour. Immutable; :meth:`LiveCounts.orders` makes the next.

    Parameters
    ----------
    popular, trending, sold
        float32 ``(n,)`` in 0 to 1, the largest is 1 (all 0 without behaviour).
    popular_rows, trending_rows, sold_rows, newest_rows
        int32: rows by descending score; ``popular_rows`` holds every row, so that a filler never runs dry.
    version
        Grows with every ranking of a process.
    """

    popular: Floats
    trending: Floats
    sold: Floats
    popular_rows: Rows
    trending_rows: Rows
    sold_rows: Rows
    newest_rows: Rows
    version: int


class LiveCounts:
    """Decayed weights and purchases since one snapshot; add from any thread.

    Parameters
    ----------
    reference
        Epoch seconds to which the snapshot's weights refer.
    popular_half_life_days, trending_half_life_days
        Days.
    """

    def __init__(self, reference: float, popular_half_life_days: float, trending_half_life_days: float) -> None:
        self._reference = reference
        self._half_lives = (popular_half_life_days, trending_half_life_days)
        self._popular: dict[str, float] = {}
        self._trending: dict[str, float] = {}
        self._sold: dict[str, float] = {}
        self._bought: dict[int, dict[str, int]] = {}
        self._lock = threading.Lock()
        self._version = 0
        self.changed = True

    def add(self, interactions: Iterable[Interaction], aliases: Mapping[str, str]) -> None:
        """Count interactions, also of items that are not known (yet)."""
        with self._lock:
            for i in interactions:
                if i.item_id is None:
                    continue
                weight = kind_weight(i.kind, i.value)
                at = np.asarray(i.at.timestamp())
                long, short = (weight * float(decay(at, self._reference, half_life)) for half_life in self._half_lives)
                self._popular[i.item_id] = self._popular.get(i.item_id, 0.0) + long
                self._trending[i.item_id] = self._trending.get(i.item_id, 0.0) + short
                if i.kind == "purchase":
                    self._sold[i.item_id] = self._sold.get(i.item_id, 0.0) + long
                if i.kind in {"purchase", "refund"}:
                    who = visitor_hash(i.visitor_id, i.user_id, aliases)
                    before = self._bought.get(who, {})
                    # Replaced, never written to: requests read it without the lock.
                    self._bought[who] = {**before, i.item_id: before.get(i.item_id, 0) + (1 if i.kind == "purchase" else -1)}
            self.changed = True

    def bought(
        self, view: View, visitor_id: str | None, user_id: str | None, aliases: Mapping[str, str], browsers: Sequence[str] = ()
    ) -> list[int]:
        """Return the rows this visitor or user bought, by the snapshot and since, ascending.

        Parameters
        ----------
        browsers
            The account's other visitor ids: what they bought before they were known to belong to it is under their own name.
        """
        names = (visitor_id, *browsers)
        keys = {visitor_hash(visitor_id, user_id, aliases), *(visitor_hash(name, None, {}) for name in names)} - {0}
        rows: set[int] = set()
        counts: dict[int, int] = {}
        for key in keys:
            # An item that changed since the snapshot has a new row.
            rows.update(row if view.alive[row] else view.row(view.item_id(row)) for row in view.base.bought.of(key).tolist())
            for item_id, count in self._bought.get(key, {}).items():
                row = view.row(item_id)
                counts[row] = counts.get(row, 0) + count
        for row, count in counts.items():
            if count > 0:
                rows.add(row)
            elif count < 0:
                rows.discard(row)
        return sorted(rows - {-1})

    def orders(self, view: View) -> Orders:
        """Rank the view's rows by the snapshot's counts plus these. Not for the request path."""
        with self._lock:
            self.changed = False
            self._version += 1
            version = self._version
            popular = _total(view, view.base.popular, self._popular)
            trending = _total(view, view.base.trending, self._trending)
            sold = _total(view, view.base.sold, self._sold)
        # What rises now is large against the root of what was always large.
        prior = float(popular[popular > 0].mean()) if (popular > 0).any() else 1.0
        trending = trending / np.sqrt(popular + prior)
        rows = np.arange(len(view))
        recency = np.where(np.isfinite(view.published), view.published, -1e18)
        dated = np.flatnonzero(np.isfinite(view.published))
        return Orders(
            popular=_unit(popular),
            trending=_unit(trending),
            sold=_unit(sold),
            popular_rows=np.lexsort((rows, -recency, -view.rating_count, -popular)).astype(np.int32),
            trending_rows=_ranked(trending),
            sold_rows=_ranked(sold),
            newest_rows=dated[np.lexsort((dated, -recency[dated]))].astype(np.int32),
            version=version,
        )


def _total(view: View, base: Floats, since: Mapping[str, float]) -> Floats:
    total = np.zeros(len(view), np.float64)
    total[: view.n_base] = base
    # A changed item keeps the popularity of its old row.
    for place in range(len(view.delta)):
        old = view.base.columns.ids.row(view.delta.ids[place])
        if old >= 0:
            total[view.n_base + place] = base[old]
    for item_id, weight in since.items():
        row = view.row(item_id)
        if row >= 0:
            total[row] += weight
    return np.maximum(total, 0.0)


def _unit(values: Floats) -> Floats:
    if not len(values) or values.max() <= 0:
        return np.zeros_like(values)
    damped: Floats = np.log1p(values) / np.log1p(values.max())
    return damped


def _ranked(values: Floats) -> Rows:
    rows = np.flatnonzero(values > 0)
    return rows[np.lexsort((rows, -values[rows]))].astype(np.int32)
