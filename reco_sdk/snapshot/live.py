"""What visitors did since the snapshot: counted by item id, added to the snapshot's counts."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from reco_sdk.interactions.interaction import MONEY_KINDS, Interaction
from reco_sdk.interactions.weighting import kind_weight
from reco_sdk.snapshot.log import buyer_keys, visitor_hash
from reco_sdk.snapshot.view import View
from reco_sdk.types import Floats, Rows, Scores

__all__ = ["Correction", "LiveCounts", "Orders"]


_ROUNDING: Final = 1e-12
"""What is left of an item below this share of the greatest is no interest, but what rounding left of purchases given back."""


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

    popular: Scores
    trending: Scores
    sold: Scores
    popular_rows: Rows
    trending_rows: Rows
    sold_rows: Rows
    newest_rows: Rows
    version: int


class Correction(NamedTuple):
    """What an interaction weighs that was counted by itself and, by what its session shows, does not count, or does again."""

    item_id: str
    at: float
    weight: float


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
        self._rates = [1.0 / (days * 86_400.0) for days in (popular_half_life_days, trending_half_life_days)]
        # One row an item id, in the order of arrival; columns: popular, trending, sold.
        self._slots: dict[str, int] = {}
        self._weights = np.zeros((256, 3), np.float64)
        self._bought: dict[int, dict[str, int]] = {}
        # What is not counted yet: event id → whose, and for each of them event id → item and sign.
        self._expected: dict[str, int] = {}
        self._expected_of: dict[int, dict[str, tuple[str, int]]] = {}
        self._lock = threading.Lock()
        self._version = 0
        self._lists: _ViewLists | None = None
        self.changed = True

    def add(self, interactions: Iterable[Interaction], aliases: Mapping[str, str]) -> None:
        """Count interactions, also of items that are not known (yet)."""
        with self._lock:
            # Replaced when all is counted, never written to: requests read them without the lock.
            purchases: dict[int, dict[str, int]] = {}
            counted: list[str] = []
            for i in interactions:
                if i.item_id is None:
                    continue
                long, short = self._decayed(kind_weight(i.kind, i.value), i.at.timestamp())
                slot = self._slot(i.item_id)  # before the array is read: it may be replaced by a larger one
                self._weights[slot] += (long, short, long if i.kind in MONEY_KINDS else 0.0)
                if i.kind in MONEY_KINDS:
                    who = visitor_hash(i.visitor_id, i.user_id, aliases)
                    counts = purchases.setdefault(who, dict(self._bought.get(who, {})))
                    counts[i.item_id] = counts.get(i.item_id, 0) + _sign(i)
                    counted.append(i.event_id)
            self._bought.update(purchases)
            # After they are counted: for a moment twice rather than not at all.
            for event_id in counted:
                self._settle(event_id)
            self.changed = True

    def correct(self, corrections: Sequence[Correction]) -> None:
        """Take back what does not count after all, and count what does; see :mod:`reco_sdk.interactions.cleaning`."""
        if not corrections:
            return
        with self._lock:
            for item_id, at, weight in corrections:
                long, short = self._decayed(weight, at)
                slot = self._slot(item_id)
                self._weights[slot] += (long, short, 0.0)  # what was bought always counts
            self.changed = True

    def _decayed(self, weight: float, at: float) -> tuple[float, float]:
        age = at - self._reference
        long, short = (weight * 2.0 ** min(max(age * rate, -1_000.0), 60.0) for rate in self._rates)
        return long, short

    def expect(self, purchases: Iterable[Interaction], aliases: Mapping[str, str]) -> None:
        """Let :meth:`bought` know purchases and refunds that are not stored yet; they are counted once they are added."""
        with self._lock:
            for i in purchases:
                who = visitor_hash(i.visitor_id, i.user_id, aliases)
                if i.item_id is not None and i.event_id not in self._expected:
                    self._expected[i.event_id] = who
                    self._expected_of[who] = {**self._expected_of.get(who, {}), i.event_id: (i.item_id, _sign(i))}

    def settle(self, event_ids: Iterable[str]) -> None:
        """Expect these no longer: the store has them, and has them from before if they were not added meanwhile."""
        with self._lock:
            for event_id in event_ids:
                self._settle(event_id)

    def _settle(self, event_id: str) -> None:
        who = self._expected.pop(event_id, None)
        if who is not None:
            left = {key: value for key, value in self._expected_of[who].items() if key != event_id}
            if left:
                self._expected_of[who] = left
            else:
                del self._expected_of[who]

    def _slot(self, item_id: str) -> int:
        slot = self._slots.setdefault(item_id, len(self._slots))
        if slot == len(self._weights):
            self._weights = np.concatenate((self._weights, np.zeros_like(self._weights)))
        return slot

    def bought(
        self, view: View, visitor_id: str | None, user_id: str | None, aliases: Mapping[str, str], browsers: Sequence[str] = ()
    ) -> list[int]:
        """Return the rows this visitor or user bought, by the snapshot and since, ascending.

        Parameters
        ----------
        browsers
            The account's other visitor ids: what they bought before they were known to belong to it is under their own name.
        """
        keys = buyer_keys(visitor_id, user_id, aliases, browsers)
        counts: Counter[int] = Counter()
        for key in keys:
            # An item that changed since the snapshot has a new row.
            counts.update(row if view.alive[row] else view.row(view.item_id(row)) for row in view.base.bought.of(key).tolist())
            # An item that was bought before it was in the catalogue may have arrived since.
            counts.update(view.row(view.base.absent[place]) for place in view.base.absent_bought.of(key).tolist())
            for item_id, count in self._bought.get(key, {}).items():
                counts[view.row(item_id)] += count
            for item_id, sign in self._expected_of.get(key, {}).values():
                counts[view.row(item_id)] += sign
        return sorted(row for row, count in counts.items() if count > 0 and row >= 0)

    def is_customer(
        self, view: View, visitor_id: str | None, user_id: str | None, aliases: Mapping[str, str], browsers: Sequence[str] = ()
    ) -> bool:
        """Return whether this visitor or user bought anything and kept it, in the catalogue or not; as :meth:`bought`."""
        if not (visitor_id or user_id):
            return False
        counts: Counter[str] = Counter()
        for key in buyer_keys(visitor_id, user_id, aliases, browsers):
            counts.update(map(view.base.columns.ids.__getitem__, view.base.bought.of(key).tolist()))
            counts.update(map(view.base.absent.__getitem__, view.base.absent_bought.of(key).tolist()))
            for item_id, count in (*self._bought.get(key, {}).items(), *self._expected_of.get(key, {}).values()):
                counts[item_id] += count
        return any(count > 0 for count in counts.values())

    def orders(self, view: View) -> Orders:
        """Rank the view's rows by the snapshot's counts plus these. Not for the request path."""
        lists = self._lists
        if lists is None or lists.view is not view:
            lists = _ViewLists(view)
        with self._lock:
            # Short: whoever records waits for it.
            self.changed = False
            self._version += 1
            version, since = self._version, self._weights[: len(self._slots)].copy()
            lists.extend(itertools.islice(self._slots, len(lists.slots), None))
            self._lists = lists
        totals = np.maximum(lists.totals(since), 0.0)
        totals[totals <= _ROUNDING * totals.max(axis=1, keepdims=True, initial=0.0)] = 0.0
        popular, trending, sold = totals
        # What rises now is large against the root of what was always large.
        prior = float(popular[popular > 0].mean()) if (popular > 0).any() else 1.0
        trending = trending / np.sqrt(popular + prior)
        return Orders(
            popular=_unit(popular),
            trending=_unit(trending),
            sold=_unit(sold),
            popular_rows=lists.catalogue_rows[np.argsort(-popular[lists.catalogue_rows], kind="stable")],
            trending_rows=_ranked(trending),
            sold_rows=_ranked(sold),
            newest_rows=lists.newest_rows,
            version=version,
        )


class _ViewLists:
    """What the rankings of one view share: where each counted item stands, and the order without behaviour."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.slots: list[str] = []
        self._rows: list[int] = []
        recency = np.where(np.isfinite(view.published), view.published, -1e18)
        rows = np.arange(len(view))
        self.catalogue_rows: Rows = np.lexsort((rows, -recency, -view.rating_count)).astype(np.int32)
        dated = np.flatnonzero(np.isfinite(view.published))
        self.newest_rows: Rows = dated[np.lexsort((dated, -recency[dated]))].astype(np.int32)
        base = view.base
        self._delta = np.zeros((3, view.n_delta), np.float64)
        # A changed item keeps what its old row counted.
        for place in range(view.n_delta):
            old = base.columns.ids.row(view.delta.ids[place])
            if old >= 0:
                self._delta[:, place] = base.popular[old], base.trending[old], base.sold[old]
            elif (early := base.absent.row(view.delta.ids[place])) >= 0:
                self._delta[:, place] = base.absent_weights[:, early]

    def extend(self, item_ids: Iterable[str]) -> None:
        self.slots.extend(item_ids)

    def totals(self, since: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return float64 ``(3, n)``: the snapshot's weights plus those counted since, by slot."""
        self._rows.extend(self.view.row(item_id) for item_id in self.slots[len(self._rows) :])
        rows = np.asarray(self._rows[: len(since)], dtype=np.int64)
        known = rows >= 0
        base = self.view.base
        total = np.concatenate(((base.popular, base.trending, base.sold), self._delta), axis=1, dtype=np.float64)
        total[:, rows[known]] += since[known].T
        return total


def _sign(interaction: Interaction) -> int:
    return 1 if interaction.kind == "purchase" else -1


def _unit(values: Floats) -> Scores:
    if not len(values) or values.max() <= 0:
        return np.zeros(len(values), np.float32)
    damped: Scores = (np.log1p(values) / np.log1p(values.max())).astype(np.float32)
    return damped


def _ranked(values: Floats) -> Rows:
    rows = np.flatnonzero(values > 0)
    return rows[np.lexsort((rows, -values[rows]))].astype(np.int32)
