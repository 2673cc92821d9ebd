"""The trace of one request: what each stage of the engine made of it. Kept only for whoever asks why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from reco_sdk.ports import Candidates
from reco_sdk.ranking.merchandising import Steering
from reco_sdk.sources.context import Context, Source
from reco_sdk.strategies import Strategy
from reco_sdk.types import BoolMask, Rows

__all__ = ["Stage", "Trace"]


@dataclass(frozen=True, slots=True)
class Stage:
    """How the rows stood after one stage.

    Parameters
    ----------
    name
        ``fusion``, ``rules``, ``rerank``, ``fill``, ``newcomers`` or ``pins``, in the order in which they ran.
    rows
        Best first.
    scores
        One a row, where the stage has them.
    """

    name: str
    rows: Sequence[int]
    scores: Sequence[float] | None = None


@dataclass(slots=True)
class Trace:
    """Filled by the engine while it answers; see :meth:`reco_sdk.engine.Engine.recommend`.

    Parameters
    ----------
    context
        What the sources read.
    mask
        What might be recommended when the sources were asked.
    strategy
        What answered: a rule may let another answer than the one that was asked for.
    steering
        The rules that were meant, if any.
    parts
        What each source proposed, and its weight.
    stages
        How the rows stood after each stage that touched them.
    timings_ms
        Milliseconds by stage.
    """

    context: Context | None = None
    mask: BoolMask | None = None
    strategy: Strategy | None = None
    steering: Steering | None = None
    parts: list[tuple[Source, float, Candidates]] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    timings_ms: dict[str, float] = field(default_factory=dict)
    _at: float = field(default_factory=perf_counter)

    def begin(self, context: Context, strategy: Strategy, steering: Steering | None) -> None:
        """Take note of what was asked, resolved and masked."""
        self.context, self.mask, self.strategy, self.steering = context, context.mask, strategy, steering
        self.lap("mask")

    def proposed(self, used: Sequence[Source], parts: Sequence[tuple[Candidates, float]]) -> None:
        """Take note of what the sources proposed; what an earlier, narrower round came to is forgotten."""
        self.parts = [(source, weight, candidates) for source, (candidates, weight) in zip(used, parts, strict=True)]
        self.stages = []
        self.lap("sources")

    def stage(self, name: str, rows: Sequence[int] | Rows, scores: Sequence[float] | None = None) -> None:
        """Take note of how the rows stand after a stage."""
        self.stages.append(Stage(name, rows if isinstance(rows, list) else [int(row) for row in rows], scores))
        self.lap(name)

    def rows_after(self, name: str) -> Sequence[int]:
        """Return how the rows stood after a stage, none where it did not run."""
        return next((stage.rows for stage in self.stages if stage.name == name), ())

    def lap(self, name: str) -> None:
        """Count the time since the last one to a stage."""
        now = perf_counter()
        self.timings_ms[name] = self.timings_ms.get(name, 0.0) + (now - self._at) * 1_000.0
        self._at = now
