"""What every source of one request reads, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from reco_sdk.ports import Candidates
from reco_sdk.sessions.encoder import event_weights, session_vector
from reco_sdk.sessions.session import Event
from reco_sdk.snapshot.live import Orders
from reco_sdk.snapshot.view import View
from reco_sdk.sources.behaviour import Behaviour
from reco_sdk.sources.history import History
from reco_sdk.types import BoolMask, Floats, Rows, Scores, Vector

if TYPE_CHECKING:
    from reco_sdk.sources.evidence import Pairs
    from reco_sdk.sources.session_knn import Nearest

__all__ = ["Context", "LearnedSource", "Reason", "Source", "first_allowed", "no_candidates", "rows_of", "similar"]


class Reason(NamedTuple):
    """Why a source proposed a row: plain English, the item or category it speaks of, and what it rests on.

    The text may be shown to shoppers: what tells of others' doings is said only where enough of them did it, see
    :mod:`reco_sdk.sources.people`.

    Parameters
    ----------
    people
        How many visitors are known to stand behind it, 0 where it tells of nobody.
    times
        How often it happened (orders with both), 0 where that is not counted.
    """

    text: str
    item_row: int = -1
    title: str | None = None
    people: int = 0
    times: int = 0


@dataclass(slots=True)
class Context:
    """One request, resolved against one view.

    Parameters
    ----------
    view, orders
        The rows, and their ranking by behaviour.
    now
        Epoch seconds.
    mask
        bool ``(n,)``: what may be recommended.
    seeds
        int32, the rows the request starts from.
    behaviour
        What visitors did, in sessions and baskets.
    history
        The visitor's events, ascending by time.
    history_rows
        int32, one an event: the row of its item, −1 for a search or an item that is not there.
    query_vectors
        Whitened vectors of search queries, where known.
    buyers
        Keys under which whoever asks may have bought; see :func:`~reco_sdk.snapshot.log.buyer_keys`.
    new_arrival_days
        Age at which a new arrival counts half.
    """

    view: View
    orders: Orders
    now: float
    mask: BoolMask
    seeds: Rows
    behaviour: Behaviour
    history: tuple[Event, ...] = ()
    history_rows: Rows = field(default_factory=lambda: np.empty(0, np.int32))
    query_vectors: Mapping[str, Vector] = field(default_factory=dict)
    buyers: tuple[int, ...] = ()
    new_arrival_days: float = 60.0
    pinnable: BoolMask | None = None
    """What a rule may pin, where one pins: what may be recommended, seen or not."""
    history_numbers: History | None = None
    """The history as item numbers, once a source read it."""
    nearest_sessions: tuple[Nearest | None] | None = None
    """The sessions most like this one, once a source asked for them."""
    spread: bool = False
    """Whether not all that is shown may be of one category, so that others are wanted among the candidates."""
    none_but_own: bool | None = None
    """Whether nobody but the visitor saw these items, once a source asked."""
    viewed_pairs: list[Pairs] | None = None
    """What was seen in one session with the items at hand, once a source read it."""
    elsewhere: BoolMask | None = None
    """What may be recommended and lies in none of the seeds' categories, once a source read it."""
    _weights: Floats | None = None
    _events: tuple[Rows, Floats] | None = None
    _session: tuple[Vector | None] | None = None

    def events(self) -> tuple[Rows, Floats]:
        """Return the rows of the session's items that have a vector (repeats included), and their weights."""
        if self._events is None:
            known = self.history_rows >= 0
            known[known] = self.view.has_vector[self.history_rows[known]]
            self._events = self.history_rows[known], self._event_weights()[known]
        return self._events

    def liked(self) -> npt.NDArray[np.int64]:
        """Return the places in the history of what the visitor liked and the catalogue holds, ascending by time."""
        return np.flatnonzero((self.history_rows >= 0) & (self._event_weights() > 0))

    def lately(self, limit: int) -> list[int]:
        """Return the rows of what the visitor liked, the latest first, each once."""
        return list(dict.fromkeys(self.history_rows[self.liked()][::-1].tolist()))[:limit]

    def session(self) -> Vector | None:
        """Return the session's vector; ``None`` while nothing is known of the visitor."""
        if self._session is None:
            rows, weights = self.events()
            vectors = self.view.vectors_of(rows)
            searches = self._searches()
            if searches:
                vectors = np.concatenate((vectors, np.stack([v for _, v in searches])))
                weights = np.concatenate((weights, self._event_weights()[[place for place, _ in searches]]))
            self._session = (session_vector(vectors, weights),)
        return self._session[0]

    def reuse(self, other: Context) -> None:
        """Take over what an earlier context worked out of the same history, in the same view."""
        self._weights, self._events, self._session = other._weights, other._events, other._session

    def _event_weights(self) -> Floats:
        if self._weights is None:
            self._weights = event_weights(self.history)
        return self._weights

    def _searches(self) -> list[tuple[int, Vector]]:
        """Return the places in the history of searches whose vector is known, and the vectors."""
        found = ((place, self.query_vectors.get(e.query)) for place, e in enumerate(self.history) if e.query is not None)
        return [(place, v) for place, v in found if v is not None and len(v) == self.view.dimension]


class Source(Protocol):
    """A candidate generator."""

    name: ClassVar[str]
    """Its name in contributions and reasons."""

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return up to ``k`` rows that ``context.mask`` allows, best first, scores in 0 to 1."""
        ...

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Say why each of ``rows`` was proposed."""
        ...


class LearnedSource(Source, Protocol):
    """A source of what visitors did, which has nothing to say where they did nothing."""

    def knows(self, context: Context) -> bool:
        """Return whether there may be candidates at all; cheap."""
        ...


def rows_of(view: View, history: Sequence[Event]) -> Rows:
    """Return the row of each event's item, int32; −1 for a search or an item that is not there."""
    return np.asarray([view.row(event.item_id) if event.item_id else -1 for event in history], dtype=np.int32)


def no_candidates() -> Candidates:
    """Return the empty answer."""
    return Candidates(np.empty(0, np.int32), np.empty(0, np.float32))


def similar(rows: Rows, cosines: Scores) -> Candidates:
    """Return rows with cosines, best first, as candidates: what does not point the same way is left out."""
    count = int(np.count_nonzero(cosines > 0))
    return Candidates(rows[:count], np.minimum(cosines[:count], np.float32(1.0)))


def first_allowed(rows: Rows, mask: BoolMask, k: int) -> Rows:
    """Return the first ``k`` of ``rows`` that ``mask`` allows, reading no further than needed."""
    found: list[Rows] = []
    count, start, step = 0, 0, 4 * k
    while start < len(rows) and count < k:
        part = rows[start : start + step]
        part = part[mask[part]]
        found.append(part)
        count += len(part)
        start += step
        step *= 4
    if not found:
        return rows[:0]
    return (found[0] if len(found) == 1 else np.concatenate(found))[:k]
