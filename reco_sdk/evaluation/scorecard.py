"""Answers to figures: a row of columns for each case, their means, and what is derived from these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.evaluation.beyond import coverage, diversity, mean_popularity, novelty, popularity_bias
from reco_sdk.evaluation.cases import Cases
from reco_sdk.evaluation.intervals import Bootstrap
from reco_sdk.evaluation.metrics import CUTOFFS, find_hits, ranking_metrics, relevant
from reco_sdk.evaluation.ratings import Confusion, decision_metrics, rating_metrics
from reco_sdk.evaluation.replay import Answers
from reco_sdk.evaluation.report import Segment
from reco_sdk.training.model import KIND_CODES, Log
from reco_sdk.types import Floats, Vectors

__all__ = ["BEYOND_AT", "Scorecard", "Yardstick", "rating_scores"]

BEYOND_AT: Final = 10
_OF_LISTS: Final = "popularity of lists"
_OF_CHOICES: Final = "popularity of choices"
_BIAS: Final = f"PopularityBias@{BEYOND_AT}"
_HEAVY: Final = 90


@dataclass(frozen=True, slots=True)
class Scorecard:
    """One source's answers, case by case.

    Parameters
    ----------
    columns
        float64 ``(c,)`` by name; NaN where a case says nothing.
    whole
        What is told of all lists together.
    """

    columns: Mapping[str, Floats]
    whole: Mapping[str, float]

    def matrix(self) -> Floats:
        """Return the columns side by side, ``(c, m)``."""
        return np.stack(list(self.columns.values()), axis=1)

    def means(self, which: npt.NDArray[np.bool_] | None = None) -> dict[str, float]:
        """Return the metrics of all cases, or of some."""
        out = {}
        for name, values in self.columns.items():
            known = values[np.isfinite(values)] if which is None else values[which & np.isfinite(values)]
            out[name] = float(known.mean()) if len(known) else float("nan")
        recommended, chosen = out.pop(_OF_LISTS), out.pop(_OF_CHOICES)
        out[_BIAS] = float(popularity_bias(np.asarray(recommended), np.asarray(chosen)))
        return out | (dict(self.whole) if which is None else {})

    def intervals(self, bootstrap: Bootstrap) -> dict[str, tuple[float, float]]:
        """Return the intervals of :meth:`means`."""
        names = list(self.columns)
        replicates = dict(zip(names, bootstrap.means(self.matrix()).T, strict=True))
        replicates[_BIAS] = popularity_bias(replicates.pop(_OF_LISTS), replicates.pop(_OF_CHOICES))
        ends = bootstrap.interval(np.stack(list(replicates.values()), axis=1))
        return dict(zip(replicates, ends, strict=True))

    def ahead_of(self, other: Scorecard, bootstrap: Bootstrap) -> dict[str, tuple[float, float, float]]:
        """Return by how much this one is better, with the interval of the difference case by case."""
        names = [name for name in self.columns if "@" in name]
        wins = np.stack([self.columns[name] - other.columns[name] for name in names], axis=1)
        known = np.isfinite(wins)
        values = np.divide(
            np.where(known, wins, 0.0).sum(axis=0), known.sum(axis=0), where=known.any(axis=0), out=np.full(len(names), np.nan)
        )
        ends = bootstrap.of(wins)
        return {
            name: (float(value), *end)
            for name, value, end in zip(names, values.tolist(), ends, strict=True)
            if np.isfinite([value, *end]).all()
        }


class Yardstick:
    """What answers to some cases are held against; made once for all sources.

    Parameters
    ----------
    log
        Everything.
    fitted
        What models were fitted on.
    vectors
        By which items are alike, float32 ``(n_items, d)``.
    seed
        For the intervals.
    """

    def __init__(self, log: Log, fitted: Log, cases: Cases, vectors: Vectors, seed: int) -> None:
        self._n_items = log.n_items
        self._vectors = vectors
        targets = log.items[cases.targets]
        of_target = cases.of_targets()
        self._keys, self._sizes = relevant(targets, of_target, len(cases), log.n_items)
        self._popularity = np.bincount(fitted.items, minlength=log.n_items)
        sizes = np.diff(cases.offsets)
        self._chosen = np.bincount(of_target, self._popularity[targets], len(cases)) / np.maximum(sizes, 1)
        self.bootstrap = Bootstrap(cases.units, seed=seed)
        self.segments = _segments(log, fitted, cases)

    def score(self, answers: Answers) -> Scorecard:
        """Return the figures of one source's answers."""
        hits = find_hits(answers.rows, self._keys, self._n_items)
        first = answers.rows[:, :BEYOND_AT]
        columns = ranking_metrics(hits, self._sizes, CUTOFFS)
        columns[f"Novelty@{BEYOND_AT}"] = novelty(first, self._popularity)
        columns[f"Diversity@{BEYOND_AT}"] = diversity(first, self._vectors)
        columns[_OF_LISTS] = mean_popularity(first, self._popularity)
        columns[_OF_CHOICES] = self._chosen
        return Scorecard(columns, {f"Coverage@{BEYOND_AT}": coverage(first, self._n_items)})

    def by_segment(self, card: Scorecard) -> dict[str, Segment]:
        """Return the metrics of each segment that some, but not all, cases belong to."""
        return {
            name: Segment(int(which.sum()), card.means(which))
            for name, which in self.segments.items()
            if which.any() and not which.all()
        }


def _segments(log: Log, fitted: Log, cases: Cases) -> dict[str, npt.NDArray[np.bool_]]:
    """Return kinds of cases by name: whose they are, and what they ask for."""
    users = log.users[cases.targets[cases.offsets[:-1]]]
    bought = fitted.kinds == KIND_CODES.index("purchase")
    what = "heavy buyers" if bought.any() else "heavy users"
    did = np.bincount(fitted.users, minlength=log.n_users)
    counts = np.bincount(fitted.users[bought], minlength=log.n_users) if bought.any() else did
    active = counts[counts > 0]
    heavy = counts[users] >= max(2.0, float(np.percentile(active, _HEAVY)) if len(active) else np.inf)
    seen = np.bincount(fitted.items, minlength=log.n_items)[log.items[cases.targets]] > 0
    return {
        "new visitors": did[users] == 0,
        what: heavy,
        "new items": np.bincount(cases.of_targets(), seen, len(cases)) == 0,
        "one item shown": cases.lengths() == 1,
    }


def rating_scores(
    predicted: Floats, actual: Floats, threshold: float, bootstrap: Bootstrap
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Return metrics and intervals of predicted ratings."""
    values, _ = rating_metrics(predicted, actual, threshold)
    metrics = _of_means(values.mean(axis=0))
    replicates = np.asarray([list(_of_means(means).values()) for means in bootstrap.means(values)])
    return metrics, dict(zip(metrics, bootstrap.interval(replicates), strict=True))


def _of_means(means: Floats) -> dict[str, float]:
    squared, absolute, *decisions = means.tolist()
    return {"RMSE": squared**0.5, "MAE": absolute} | decision_metrics(Confusion(*decisions))
