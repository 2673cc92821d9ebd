"""Fits the fusion: sources on what came before the most recent slice, a ranker on the slice, then sources on everything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.sources.fused import Fused, Pool, Ranker
from reco_sdk.sources.item_features import ItemFeatures
from reco_sdk.sources.proposals import Proposer
from reco_sdk.training.fusion_blend import best_blend
from reco_sdk.training.fusion_slice import Question, Slice, recent_slice
from reco_sdk.training.fusion_trees import Groups, fit_trees
from reco_sdk.training.model import Items, Log

__all__ = ["fit_fusion", "make_pool"]

LIMIT: Final = 100
MOST: Final = 200
POPULAR: Final = 50
HELD_SHARE: Final = 0.2
DEFAULT_SECONDS: Final = 600.0
LEAST_SECONDS: Final = 60.0
MOST_CELLS: Final = 200_000_000
"""Numbers in the features of all questions, 0.8 GB; trees take as much again."""
LEAST_QUESTIONS: Final = 300
"""With fewer that a candidate answers, trees learn noise."""

FEW_QUESTIONS: Final = 5_000
"""So few are asked both ways."""
MANY_QUESTIONS: Final = 3_000
"""With fewer, trees are also fitted to correct the best blend."""
SURE: Final = 2.0
"""Trees must be better than a blend by so many standard errors on what was held back: they read what shifts between the slice and
the day they serve, a blend of shares does not."""
MOST_DRAWS: Final = 5
"""Where questions are drawn by lot, and there are few: how often."""

FitSource = Callable[[Log, Items], Proposer]


def make_pool(log: Log, items: Items, fits: Sequence[FitSource], limit: int = LIMIT) -> Pool:
    """Fit sources and gather what else is known of items."""
    counts = np.bincount(log.items, minlength=log.n_items)
    recent = np.bincount(log.items[int(0.9 * len(log)) :], minlength=log.n_items)
    known = ItemFeatures.of(counts, recent, items.vectors, category=items.categories, brand=items.brands)
    popular = np.argsort(-counts, kind="stable")[:POPULAR]
    always = popular[counts[popular] > 0].astype(np.int32)
    return Pool([fit(log, items) for fit in fits], known, always, limit, MOST)


def _ask(pool: Pool, log: Log, part: Slice, until: float) -> Groups:
    """Draw the candidates of each question until time or memory is spent; those that no candidate answers teach nothing."""
    features: list[npt.NDArray[np.float32]] = []
    labels: list[npt.NDArray[np.int8]] = []
    units: list[int] = []
    asked = cells = 0
    mask = np.ones(log.n_items, np.bool_)
    for question, new in _ways(part):
        if asked and (time.perf_counter() > until or cells > MOST_CELLS):
            break
        asked += 1
        shown = log.items[question.shown]
        mask[shown] = not new
        rows, of_rows = pool.draw(pool.history(shown, log.times[question.shown]), mask if new else None)
        mask[shown] = True
        hits = np.isin(rows, question.targets)
        if hits.any():
            features.append(of_rows)
            cells += of_rows.size
            labels.append(hits.astype(np.int8))
            units.append(int(log.users[question.shown[0]]))
    return Groups(pool.names, tuple(features), tuple(labels), asked, np.asarray(units, np.int32))


def _ways(part: Slice) -> Iterator[tuple[Question, bool]]:
    """Yield the questions, drawn by lot, and whether what was shown is no answer: some pages show it again and some do not.

    Where answers were seen before now and then, and there is room, each question is asked either way.
    """
    both = part.repeats and len(part.questions) < FEW_QUESTIONS
    for place in np.random.default_rng(0).permutation(len(part.questions)):
        yield part.questions[place], not part.repeats
        if both:
            yield part.questions[place], True


def fit_fusion(
    log: Log,
    items: Items,
    seconds: float,
    fits: Sequence[FitSource],
    *,
    ordered: bool = True,
    limit: int = LIMIT,
    additive: bool = False,
) -> Fused:
    """Fit sources and what ranks their candidates.

    Parameters
    ----------
    seconds
        For everything; the number of questions and of trees is cut to fit. Where the sources alone take as long, a
        little is spent on the ranker all the same.
    fits
        The sources.
    ordered
        As of :func:`~reco_sdk.training.fusion_slice.recent_slice`.
    additive
        Whether no tree may read more than one source, so that a score is the sum of what each says, as where a shop is
        served (:mod:`reco_sdk.ranking.learned`).
    """
    started = time.perf_counter()
    if seconds == float("inf"):
        seconds = DEFAULT_SECONDS
    part = recent_slice(log, ordered=ordered)
    pool = make_pool(log.take(part.fit), items, fits, limit)
    fitting = time.perf_counter() - started
    left = max(seconds - 2.0 * fitting, LEAST_SECONDS)
    until = time.perf_counter() + 0.3 * left
    groups = _ask(pool, log, part, until)
    draws = 1
    while not ordered and draws < MOST_DRAWS and 0 < len(groups) < MANY_QUESTIONS:
        if time.perf_counter() + 2.0 * fitting > until:
            break
        part = recent_slice(log, ordered=False, seed=draws)
        groups = groups.and_then(_ask(make_pool(log.take(part.fit), items, fits, limit), log, part, until))
        draws += 1
    groups, held = groups.some_held(HELD_SHARE)
    ranker: Ranker
    ranker, choice = best_blend(groups, pool, LEAST_QUESTIONS)
    of_best = groups.first(held).qualities(ranker)
    learnt = f"{len(groups):,} of {groups.asked:,} questions ({part.kind})"
    if len(groups) >= LEAST_QUESTIONS:
        bases: list[tuple[Ranker | None, str]] = [(None, "trees")]
        if len(groups) < MANY_QUESTIONS:
            bases.append((ranker, f"trees over {choice}"))
        for base, name in bases:
            trees = fit_trees(groups, held, 0.4 * left / len(bases), base, pool.apart() if additive else None)
            gain = (of_trees := groups.first(held).qualities(trees)) - of_best
            if float(gain.mean()) > SURE * float(gain.std()) / max(len(gain), 1) ** 0.5:
                ranker, choice, of_best = trees, name, of_trees
    return Fused(make_pool(log, items, fits, limit), ranker, f"{choice}, by {learnt}", "additive" if additive else "fusion")
