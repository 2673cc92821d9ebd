"""The interaction log as arrays, and what a snapshot derives from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from reco_sdk.interactions.cleaning import CleaningReport, cleaned
from reco_sdk.interactions.interaction import MONEY_KINDS, Interaction
from reco_sdk.interactions.weighting import decay, kind_weight
from reco_sdk.items.tables import key_hash
from reco_sdk.types import Floats, Rows

__all__ = [
    "InteractionLog",
    "LogArrays",
    "Postings",
    "basket_key",
    "buyer_keys",
    "popularity",
    "purchases",
    "session_key",
    "visitor_hash",
]

_NOBODY: Final = 0
_S = TypeVar("_S", bound=np.generic)


def visitor_hash(visitor_id: str | None, user_id: str | None, aliases: Mapping[str, str]) -> int:
    """Return the 64-bit key of whoever acted: the account where it is known, else the browser; 0 for nobody."""
    user = user_id or (aliases.get(visitor_id) if visitor_id else None)
    if user:
        return key_hash(f"u:{user}")
    return key_hash(f"v:{visitor_id}") if visitor_id else _NOBODY


def buyer_keys(
    visitor_id: str | None, user_id: str | None, aliases: Mapping[str, str], browsers: Sequence[str] = ()
) -> tuple[int, ...]:
    """Return every 64-bit key under which somebody may have bought: as an account, and in each of the account's browsers."""
    names = (visitor_id, *browsers)
    return tuple({visitor_hash(visitor_id, user_id, aliases), *(visitor_hash(name, None, {}) for name in names)} - {_NOBODY})


def session_key(visitor_id: str | None, user_id: str | None) -> int:
    """Return the 64-bit key of whose session an interaction belongs to: the browser's, even once its account is known."""
    return key_hash(f"v:{visitor_id}" if visitor_id else f"u:{user_id}")


def basket_key(session_id: str | None, visitor_id: str | None, user_id: str | None) -> int:
    """Return the 64-bit key of the order that a purchase belongs to: the shop's own session, else whoever bought."""
    return key_hash(f"s:{session_id}") if session_id else session_key(visitor_id, user_id)


@dataclass(frozen=True, slots=True)
class LogArrays:
    """``m`` interactions with items of one catalogue, in the order of the log.

    Parameters
    ----------
    rows
        int32 ``(m,)`` catalogue rows.
    visitors
        uint64 ``(m,)``, see :func:`visitor_hash`.
    weights
        float64 ``(m,)``, by kind.
    at
        float64 ``(m,)`` epoch seconds.
    bought
        int8 ``(m,)``: +1 for a purchase, −1 for a refund, else 0.
    sessions
        uint64 ``(m,)``, see :func:`session_key`.
    baskets
        uint64 ``(m,)``, see :func:`basket_key`; 0 for what is no purchase.
    buyers
        uint64 ``(m,)``, who bought or gave back, by what was known at the time; 0 for what is neither.
    """

    rows: Rows
    visitors: npt.NDArray[np.uint64]
    weights: Floats
    at: Floats
    bought: npt.NDArray[np.int8]
    sessions: npt.NDArray[np.uint64]
    baskets: npt.NDArray[np.uint64]
    buyers: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, which: npt.NDArray[np.bool_]) -> LogArrays:
        """Return the interactions where ``which``, bool ``(m,)``, is True."""
        return LogArrays(*(getattr(self, f.name)[which] for f in fields(self)))


class Money(NamedTuple):
    """Purchases, how many of them refunds took back, and refunds of what nobody is known to have bought."""

    bought: int
    taken_back: int
    of_nothing: int


class InteractionLog:
    """Collects interactions in batches, so that a long log never stands in memory as objects."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        self._aliases = aliases
        self._items: dict[str, int] = {}
        self._visitors: dict[tuple[str | None, str | None], tuple[int, int, int]] = {}
        self._parts: list[tuple[list[Any], ...]] = []
        self._kept: npt.NDArray[np.bool_] | None = None

    def add(self, interactions: Iterable[Interaction]) -> None:
        """Append interactions; those without an item (searches) are passed over."""
        items: list[int] = []
        visitors: list[int] = []
        weights: list[float] = []
        at: list[float] = []
        bought: list[int] = []
        sessions: list[int] = []
        baskets: list[int] = []
        buyers: list[int] = []
        for i in interactions:
            if i.item_id is None:
                continue
            items.append(self._items.setdefault(i.item_id, len(self._items)))
            who = (i.visitor_id, i.user_id)
            if who not in self._visitors:
                self._visitors[who] = visitor_hash(*who, self._aliases), session_key(*who), visitor_hash(*who, {})
            visitor, session, buyer = self._visitors[who]
            visitors.append(visitor)
            sessions.append(session)
            weights.append(kind_weight(i.kind, i.value))
            at.append(i.at.timestamp())
            bought.append({"purchase": 1, "refund": -1}.get(i.kind, 0))
            baskets.append(basket_key(i.session_id, *who) if i.kind == "purchase" else 0)
            buyers.append(buyer if i.kind in MONEY_KINDS else 0)
        if items:
            self._kept = None
            self._parts.append((items, visitors, weights, at, bought, sessions, baskets, buyers))

    def clean(self, gap_seconds: float) -> CleaningReport:
        """Leave out what says nothing about what people like; return what that was. It concerns what was added so far.

        Parameters
        ----------
        gap_seconds
            A longer pause begins a new session.
        """
        everything = {item_id: place for place, item_id in enumerate(self._items)}
        self._kept = None
        log = self.arrays(everything)
        self._kept, report = cleaned(log.sessions, log.rows, log.weights, log.at, gap_seconds)
        return report

    def money(self) -> Money:
        """Return what was bought, and what refunds and cancellations took back."""
        log = self.arrays({item_id: place for place, item_id in enumerate(self._items)})
        acts = log.bought != 0
        if not acts.any():
            return Money(0, 0, 0)
        signs = log.bought[acts].astype(np.int64)
        _, pair = np.unique(np.stack((log.visitors[acts], log.rows[acts].astype(np.uint64))), axis=1, return_inverse=True)
        bought, back = (np.bincount(pair.ravel(), signs == sign).astype(np.int64) for sign in (1, -1))
        taken_back = int(np.minimum(bought, back).sum())
        return Money(int(bought.sum()), taken_back, int(back.sum()) - taken_back)

    def absent(self, row_of: Mapping[str, int]) -> list[str]:
        """Return the ids of the items in the log that a catalogue does not hold (yet, or any more)."""
        return [item_id for item_id in self._items if item_id not in row_of]

    def arrays(self, row_of: Mapping[str, int], *, everything: bool = False) -> LogArrays:
        """Join the log with a catalogue; interactions with items it does not hold are left out.

        Parameters
        ----------
        everything
            Whether what :meth:`clean` left out is there all the same, for those that judge whole sessions themselves.
        """
        to_row = np.fromiter((row_of.get(item_id, -1) for item_id in self._items), np.int32, len(self._items))

        def column(place: int, dtype: type[_S]) -> npt.NDArray[_S]:
            parts = [np.asarray(part[place], dtype=dtype) for part in self._parts]
            return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)

        items = column(0, np.int64)
        rows = to_row[items] if len(items) else np.empty(0, np.int32)
        keep = rows >= 0
        if self._kept is not None and not everything:
            keep &= self._kept
        return LogArrays(
            rows=rows[keep],
            visitors=column(1, np.uint64)[keep],
            weights=column(2, np.float64)[keep],
            at=column(3, np.float64)[keep],
            bought=column(4, np.int8)[keep],
            sessions=column(5, np.uint64)[keep],
            baskets=column(6, np.uint64)[keep],
            buyers=column(7, np.uint64)[keep],
        )


def popularity(log: LogArrays, n: int, reference: float, half_life_days: float) -> Floats:
    """Return the decayed weight of each item's interactions, float64 ``(n,)``; below 0 where what was undone prevails.

    Parameters
    ----------
    reference
        Epoch seconds at which an interaction counts its full weight.
    """
    weights = log.weights * decay(log.at, reference, half_life_days)
    return np.bincount(log.rows, weights=weights, minlength=n).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Postings:
    """Rows by visitor: ``keys`` ascending, ``rows[offsets[i]:offsets[i + 1]]`` belong to ``keys[i]``."""

    keys: npt.NDArray[np.uint64]
    offsets: npt.NDArray[np.int64]
    rows: Rows

    def of(self, key: int) -> Rows:
        """Return the rows of one visitor, empty when there are none."""
        wanted = np.uint64(key)
        place = int(self.keys.searchsorted(wanted))
        if place == len(self.keys) or self.keys[place] != wanted:
            return self.rows[:0]
        return self.rows[self.offsets[place] : self.offsets[place + 1]]


def purchases(log: LogArrays) -> Postings:
    """Return what each visitor bought and did not give back; a row that was bought twice stands there twice."""
    acts = log.bought != 0
    if not acts.any():
        return Postings(np.empty(0, np.uint64), np.zeros(1, np.int64), np.empty(0, np.int32))
    visitors, rows, signs = log.visitors[acts], log.rows[acts], log.bought[acts].astype(np.int64)
    order = np.lexsort((rows, visitors))
    visitors, rows, signs = visitors[order], rows[order], signs[order]
    first = np.flatnonzero(np.r_[True, (visitors[1:] != visitors[:-1]) | (rows[1:] != rows[:-1])])
    kept = np.repeat(first, np.maximum(np.add.reduceat(signs, first), 0))
    keys, starts = np.unique(visitors[kept], return_index=True)
    return Postings(keys, np.append(starts, len(kept)).astype(np.int64), rows[kept].astype(np.int32))
