"""One evaluation from end to end: fit what the protocol allows, ask, measure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import ConfigError
from reco_sdk.evaluation.beyond import taste_vectors
from reco_sdk.evaluation.cases import Cases, Split, new_targets
from reco_sdk.evaluation.contenders import Contender
from reco_sdk.evaluation.dataset import Dataset
from reco_sdk.evaluation.intervals import Bootstrap
from reco_sdk.evaluation.leakage import Guard
from reco_sdk.evaluation.metrics import CUTOFFS
from reco_sdk.evaluation.ratings import liked_from
from reco_sdk.evaluation.replay import Answers, Peak, percentiles, replay
from reco_sdk.evaluation.report import LEAD, CurvePoint, Report, Row
from reco_sdk.evaluation.scorecard import Scorecard, Yardstick, rating_scores
from reco_sdk.training.model import Log

__all__ = ["FRACTIONS", "evaluate"]

FRACTIONS: Final = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Parts of the interactions that the learning curve is fitted on."""

_HEAD: Final = "fusion"
_CURVE_CASES: Final = 5_000

Progress = Callable[[str, int, int], None]


def _silent(stage: str, done: int, total: int) -> None:
    """Say nothing."""


def evaluate(
    data: Dataset,
    split: Split,
    contenders: Sequence[Contender],
    *,
    seed: int = 0,
    budget_minutes: float | None = None,
    most_cases: int | None = None,
    curve: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Fit and ask every contender.

    Parameters
    ----------
    split
        Of ``data``; it is checked for leakage before anything is fitted.
    seed
        For samples and intervals.
    budget_minutes
        For all fitting together; what would begin later is left out, and the report says so. Each fit of the curve may take
        as long again.
    most_cases
        Ask a sample of so many cases.
    curve
        Whether to fit on parts of the interactions too.
    progress
        Called with stage, done and total.

    Raises
    ------
    Leakage
        When the split would show a model what it is asked for.
    ConfigError
        When there is nothing to evaluate.
    """
    if not contenders:
        raise ConfigError("nothing to evaluate: no source was named")
    split = _sampled(split, most_cases, seed)
    run = _Run(data, split, Guard(data.log, split), seed, progress or _silent)
    budget_seconds = None if budget_minutes is None else 60.0 * budget_minutes
    rows = run.rows(contenders, budget_seconds)
    points = run.curve(contenders, rows, float("inf") if budget_seconds is None else budget_seconds) if curve else ()
    log = data.log
    return Report(
        data=data.name,
        protocol=split.protocol,
        part=split.part,
        seed=seed,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        facts={
            "asked": split.description,
            "users": log.n_users,
            "items": log.n_items,
            "items_with_text": 0 if data.texts is None else sum(map(bool, data.texts)),
            "interactions": len(log),
            "interactions_fitted": int(split.fit.sum()),
        },
        notes=(*data.notes, *run.notes),
        rows=tuple(rows),
        curve=points,
        ratings=run.ratings,
    )


def _sampled(split: Split, most: int | None, seed: int) -> Split:
    if most is None:
        return split
    if most < 1:
        raise ConfigError(f"cases: {most!r} is not above 0")
    return replace(split, cases=tuple(_sample(cases, most, seed) for cases in split.cases))


def _sample(cases: Cases, most: int, seed: int) -> Cases:
    if len(cases) <= most:
        return cases
    return cases.take(np.sort(np.random.default_rng(seed).choice(len(cases), most, replace=False)))


class _Run:
    """One split, with what is made once for all sources."""

    def __init__(self, data: Dataset, split: Split, guard: Guard, seed: int, progress: Progress) -> None:
        self._data = data
        self._split = split
        self._guard = guard
        self._seed = seed
        self._progress = progress
        self._fitted = data.log.take(split.fit)
        self._vectors = taste_vectors(self._fitted) if data.items.vectors is None else data.items.vectors
        self.notes: list[str] = []
        self.ratings: dict[str, npt.NDArray[np.float64]] = {}
        if data.items.vectors is None:
            self.notes.append("no text vectors: diversity goes by who did something with the items")
        for cases in split.cases:
            hidden = int((~new_targets(cases, data.log)).sum()) if cases.exclude_input else 0
            if hidden:
                self.notes.append(f"{hidden:,} of {len(cases.targets):,} targets stand in their own input, and cannot be hit")

    def rows(self, contenders: Sequence[Contender], budget_seconds: float | None) -> list[Row]:
        """Fit on all that may be known; rows by way of asking, the head of the table first."""
        yardsticks = [Yardstick(self._data.log, self._fitted, cases, self._vectors, self._seed) for cases in self._split.cases]
        cards: dict[tuple[str, str], Scorecard] = {}
        made: list[Row] = []
        spent = 0.0
        for contender in contenders:
            left = float("inf") if budget_seconds is None else budget_seconds - spent
            if left <= 0:
                self.notes.append(f"{contender.name} is left out: the time for fitting was spent")
                continue
            model, seconds, peak = self._fit(contender, self._fitted, left)
            spent += seconds
            rated = self._rated(contender.name, model)
            for cases, yardstick in zip(self._split.cases, yardsticks, strict=True):
                row = Row(
                    source=contender.name,
                    metrics=rated[0],
                    interval=rated[1],
                    latency_ms=rated[2],
                    fit_seconds=seconds,
                    peak_mib=peak.mib(),
                    cases=len(cases),
                    asked=cases.name,
                )
                if hasattr(model, "scores"):
                    answers = self._ask(contender.name, model, cases)
                    card = yardstick.score(answers)
                    cards[contender.name, cases.name] = card
                    row = replace(
                        row,
                        metrics=card.means() | rated[0],
                        interval=card.intervals(yardstick.bootstrap) | rated[1],
                        latency_ms=percentiles(answers.milliseconds),
                        peak_mib=peak.mib(),
                        segments=yardstick.by_segment(card),
                    )
                made.append(row)
        out: list[Row] = []
        for cases, yardstick in zip(self._split.cases, yardsticks, strict=True):
            ordered = _ordered([row for row in made if row.asked == cases.name])
            out += _beside_head(ordered, {name: card for (name, asked), card in cards.items() if asked == cases.name}, yardstick)
        return out

    def curve(self, contenders: Sequence[Contender], rows: Sequence[Row], seconds: float) -> tuple[CurvePoint, ...]:
        """Fit on growing parts of the sessions, each holding the one before; ask the first way only."""
        data = self._data
        cases = _sample(self._split.cases[0], _CURVE_CASES, self._seed)
        asked = {row.source for row in rows if LEAD in row.metrics}
        drawn = np.random.default_rng(self._seed).random(int(data.log.sessions.max()) + 1)[self._fitted.sessions]
        points = []
        for fraction in FRACTIONS:
            part = self._fitted.take(drawn < fraction)
            yardstick = Yardstick(data.log, part, cases, self._vectors, self._seed)
            made = []
            cards: dict[str, Scorecard] = {}
            for contender in contenders:
                if contender.name not in asked:
                    continue
                model, took, peak = self._fit(contender, part, seconds, f"{fraction:.0%} ")
                answers = self._ask(f"{fraction:.0%} {contender.name}", model, cases)
                card = cards[contender.name] = yardstick.score(answers)
                made.append(
                    Row(
                        source=contender.name,
                        metrics=card.means(),
                        interval=card.intervals(yardstick.bootstrap),
                        latency_ms=percentiles(answers.milliseconds),
                        fit_seconds=took,
                        peak_mib=peak.mib(),
                        cases=len(cases),
                    )
                )
            points.append(CurvePoint(fraction, len(part), tuple(_beside_head(_ordered(made), cards, yardstick))))
        return tuple(points)

    def _fit(self, contender: Contender, log: Log, left: float, prefix: str = "") -> tuple[Any, float, Peak]:
        self._progress(f"{prefix}fit {contender.name}", 0, 1)
        allowed = self._guard.fit_log(log)
        peak = Peak()
        started = time.perf_counter()
        model = contender.fit(allowed, self._data.items, left)
        seconds = time.perf_counter() - started
        self._progress(f"{prefix}fit {contender.name}", 1, 1)
        return model, seconds, peak

    def _ask(self, name: str, model: Any, cases: Cases) -> Answers:
        stage = f"ask {name}"
        return replay(model, self._data.log, cases, max(CUTOFFS), lambda done, total: self._progress(stage, done, total))

    def _rated(self, name: str, model: Any) -> tuple[dict[str, float], dict[str, tuple[float, float]], dict[str, float]]:
        """Return metrics, intervals and latency of predicted ratings, where there are any, and some to hold them against."""
        log = self._data.log
        if log.ratings is None or not hasattr(model, "predict") or self._fitted.ratings is None or not len(self._fitted):
            return {}, {}, {}
        targets = self._split.cases[0].targets
        users, items = log.users[targets], log.items[targets]
        predicted, took = np.empty(len(targets)), np.empty(len(targets))
        for place, (user, item) in enumerate(zip(users.tolist(), items.tolist(), strict=True)):
            started = time.perf_counter_ns()
            predicted[place] = model.predict(user, item)
            took[place] = (time.perf_counter_ns() - started) / 1e6
        actual = log.ratings[targets].astype(np.float64)
        self.ratings[name] = np.stack((predicted, actual), axis=1)
        threshold, bootstrap = liked_from(self._fitted.ratings), Bootstrap(users, seed=self._seed)
        return *rating_scores(predicted, actual, threshold, bootstrap), percentiles(took)


def _ordered(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row.source != _HEAD, -row.metrics.get(LEAD, -1.0)))


def _beside_head(rows: Sequence[Row], cards: Mapping[str, Scorecard], yardstick: Yardstick) -> Iterator[Row]:
    """Yield the rows, each with how far it is behind the first."""
    head = cards.get(rows[0].source) if rows else None
    for row in rows:
        card = cards.get(row.source)
        if head is None or card is None or card is head:
            yield row
        else:
            yield replace(row, difference=head.ahead_of(card, yardstick.bootstrap))
