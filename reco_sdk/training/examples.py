"""What the ranker learns from: what the sources proposed to a visitor of the past, and what the visitor turned to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.config import Config
from reco_sdk.engine import Engine, State, asked_of
from reco_sdk.errors import UnknownItem
from reco_sdk.ports import Candidates
from reco_sdk.ranking.features import ITEM_FEATURES, Asked, item_features
from reco_sdk.ranking.fusion import merge
from reco_sdk.ranking.learned import RankingModel
from reco_sdk.request import Request
from reco_sdk.sessions.session import Event
from reco_sdk.sessions.tracker import SessionTracker
from reco_sdk.snapshot.base import Base
from reco_sdk.snapshot.live import LiveCounts
from reco_sdk.snapshot.view import View
from reco_sdk.sources.behaviour import Behaviour
from reco_sdk.sources.context import Context, Source
from reco_sdk.sources.ranked import Popular
from reco_sdk.sources.session_items import SessionItems
from reco_sdk.sources.similar_items import SimilarItems
from reco_sdk.trace import Trace
from reco_sdk.types import Floats, Rows

__all__ = ["CONTENT", "CUTOFF", "NOWHERE", "POPULARITY", "Examples", "Past", "Question", "gather"]

CUTOFF: Final = 10
"""Places of a slate that count."""
NOWHERE: Final = 1_000_000.0
"""The place of a row that a source did not propose."""
CONTENT: Final = "content alone"
POPULARITY: Final = "popularity alone"
_VISITOR: Final = "visitor"
_DISCOUNT: Final = 1.0 / np.log2(np.arange(2, CUTOFF + 2))


@dataclass(frozen=True, slots=True)
class Question:
    """What a page asked once, and what its visitor turned to.

    Parameters
    ----------
    at
        Epoch seconds.
    history
        What the visitor had done before, ascending by time.
    seeds
        Ids of the items that the page was about.
    targets
        Ids of what the visitor turned to.
    unit
        Number of the visitor: questions of one belong together.
    """

    at: float
    history: tuple[Event, ...]
    seeds: tuple[str, ...]
    targets: tuple[str, ...]
    unit: int


@dataclass(frozen=True, slots=True)
class Examples:
    """Candidates, question by question.

    Parameters
    ----------
    sources
        Names, in the order of their columns.
    prior
        Their weights as set by hand.
    features
        float32 ``(m, 2 · sources + properties + 1)``: score and place by source, :data:`ITEM_FEATURES`, how much is known.
    labels
        bool ``(m,)``: what really came.
    sizes
        int64 ``(q,)``: candidates of each question; at least one of them came.
    held
        bool ``(q,)``: the questions that are held back from learning.
    asked
        How many questions there were, those that no candidate answers included.
    """

    sources: tuple[str, ...]
    prior: tuple[float, ...]
    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.bool_]
    sizes: npt.NDArray[np.int64]
    held: npt.NDArray[np.bool_]
    asked: int

    def __len__(self) -> int:
        return len(self.sizes)

    def part(self, which: npt.NDArray[np.bool_]) -> Examples:
        """Return some of the questions."""
        rows = np.repeat(which, self.sizes)
        return replace(
            self, features=self.features[rows], labels=self.labels[rows], sizes=self.sizes[which], held=self.held[which]
        )

    def quality(self, scores: Floats) -> float:
        """Return the mean NDCG@10 of candidates ranked by scores, ties by place."""
        total, start = 0.0, 0
        for size in self.sizes.tolist():
            order = np.argsort(-scores[start : start + size], kind="stable")
            labels = self.labels[start : start + size]
            total += _ndcg(labels[order[:CUTOFF]], int(labels.sum()))
            start += size
        return total / max(len(self), 1)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name."""
        return {"features": self.features, "labels": self.labels, "sizes": self.sizes, "held": self.held}

    def to_values(self) -> dict[str, Any]:
        """Return the rest, JSON-ready."""
        return {"sources": list(self.sources), "prior": list(self.prior), "asked": self.asked}

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]], values: Mapping[str, Any]) -> Examples:
        """Rebuild from :meth:`to_arrays` and :meth:`to_values`."""
        return cls(
            sources=tuple(values["sources"]),
            prior=tuple(values["prior"]),
            features=arrays["features"],
            labels=arrays["labels"],
            sizes=arrays["sizes"],
            held=arrays["held"],
            asked=int(values["asked"]),
        )


def _ndcg(hits: npt.NDArray[np.bool_], wanted: int) -> float:
    return float(_DISCOUNT[: len(hits)] @ hits) / float(_DISCOUNT[:wanted].sum())


class _Turned:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


class _OneVisitor(SessionTracker):
    """Knows of one visitor what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.events: tuple[Event, ...] = ()

    def history(self, visitor_id: str | None, user_id: str | None, now: float) -> tuple[Event, ...]:  # noqa: ARG002 -- one
        return self.events


@dataclass(slots=True)
class Past:
    """A shop as it was, asked through the engine what its pages asked.

    Parameters
    ----------
    base
        Items as they are, and what visitors had done by then.
    config
        Settings.
    """

    base: Base
    config: Config
    _engine: Engine = field(init=False, repr=False)
    _clock: _Turned = field(init=False, repr=False)
    _visitor: _OneVisitor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        config, base = self.config, self.base
        view = View(base, (), {}, (), 1)
        live = LiveCounts(base.reference, config.popular_half_life_days, config.trending_half_life_days)
        state = State(view, live.orders(view), live, Behaviour(base, config.session_gap_minutes * 60.0))
        self._clock, self._visitor = _Turned(), _OneVisitor()
        patient = config.with_settings(cache_ttl_seconds=0.0, deadline_ms=3_600_000.0)
        self._engine = Engine(state, self._visitor, patient, self._clock)

    def serve(self, model: RankingModel) -> None:
        """From now on rank by this model."""
        self._engine.state = replace(self._engine.state, model=model)

    def ask(self, strategy: str, question: Question, trace: Trace | None = None) -> list[str]:
        """Return the ids of the slate, best first; empty where the shop knows none of the seeds."""
        self._clock.at = question.at
        self._visitor.events = question.history
        try:
            request = Request(strategy=strategy, n=CUTOFF, seeds=question.seeds, visitor_id=_VISITOR)
            return list(self._engine.recommend(request, trace).ids)
        except UnknownItem:
            return []

    def groups(self, item_ids: Sequence[str]) -> npt.NDArray[np.uint64]:
        """Return the group of each item that there is: another variant is as good as the one that was chosen."""
        view = self._engine.state.view
        return view.group[np.asarray([row for row in map(view.row, item_ids) if row >= 0], np.int64)]

    def ndcg(self, item_ids: Sequence[str], question: Question) -> float:
        """Return the NDCG@10 of an answer."""
        wanted = np.unique(self.groups(question.targets))
        return _ndcg(np.isin(self.groups(item_ids)[:CUTOFF], wanted), len(wanted)) if len(wanted) else 0.0

    def alone(self, trace: Trace) -> dict[str, list[str]]:
        """Return the slates of content alone and of popularity alone, for the request that was traced."""
        context = trace.context
        if context is None or trace.mask is None:
            return {CONTENT: [], POPULARITY: []}
        open_ = replace(context, mask=trace.mask)
        content: Source = SimilarItems() if len(context.seeds) else SessionItems()
        return {CONTENT: _slate_of(content, open_), POPULARITY: _slate_of(Popular(), open_)}


def _slate_of(source: Source, context: Context) -> list[str]:
    rows = source.candidates(context, 5 * CUTOFF).rows
    _, first = np.unique(context.view.group[rows], return_index=True)  # one variant stands for all
    return [context.view.item_id(int(row)) for row in rows[np.sort(first)[:CUTOFF]]]


def gather(
    past: Past, strategy: str, questions: Sequence[Question], *, tell: Callable[[int, int], None], goes_on: Callable[[], bool]
) -> Examples:
    """Ask questions of the past, and keep what the sources proposed.

    Parameters
    ----------
    past
        The shop, with a model that reads the sources that are to be learnt.
    questions
        In an order drawn by lot.
    tell
        Called with how many are asked, and of how many.
    goes_on
        Whether there is time for one more.
    """
    found: list[tuple[list[tuple[str, Candidates]], Asked, Rows, npt.NDArray[np.bool_], bool]] = []
    prior: dict[str, float] = {}
    asked = 0
    for question in questions:
        if asked and not goes_on():
            break
        asked += 1
        trace = Trace()
        past.ask(strategy, question, trace)
        tell(asked, len(questions))
        if trace.context is None or not trace.parts:
            continue
        rows, _ = merge([(candidates, weight) for _, weight, candidates in trace.parts])
        for source, weight, _ in trace.parts:
            prior.setdefault(source.name, weight)
        labels = np.isin(trace.context.view.group[rows], past.groups(question.targets))
        if labels.any():
            parts = [(source.name, candidates) for source, _, candidates in trace.parts]
            found.append((parts, asked_of(trace.context), rows, labels, question.unit % 5 == 0))
    names = tuple(sorted(prior))
    blocks = [_features(names, parts, request, rows) for parts, request, rows, _, _ in found]
    return Examples(
        sources=names,
        prior=tuple(prior[name] for name in names),
        features=np.concatenate(blocks) if blocks else np.empty((0, 2 * len(names) + len(ITEM_FEATURES) + 1), np.float32),
        labels=np.concatenate([labels for _, _, _, labels, _ in found]) if found else np.empty(0, np.bool_),
        sizes=np.asarray([len(rows) for _, _, rows, _, _ in found], np.int64),
        held=np.asarray([held for *_, held in found], np.bool_),
        asked=asked,
    )


def _features(
    names: tuple[str, ...], parts: Sequence[tuple[str, Candidates]], asked: Asked, rows: Rows
) -> npt.NDArray[np.float32]:
    out = np.zeros((len(rows), 2 * len(names) + len(ITEM_FEATURES) + 1), np.float32)
    out[:, 1 : 2 * len(names) : 2] = NOWHERE
    for name, candidates in parts:
        column, at = 2 * names.index(name), np.searchsorted(rows, candidates.rows)
        out[at, column] = candidates.scores
        out[at, column + 1] = np.arange(len(at))
    out[:, 2 * len(names) : -1] = item_features(asked, rows).T
    out[:, -1] = asked.known
    return out
