"""Fits the fusion: sources on what came before the most recent slice, a ranker on the slice, then sources on everything."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.sources.fused import Blend, Fused, Pool, Ranker
from reco_sdk.sources.item_features import ItemFeatures
from reco_sdk.sources.proposals import Proposer
from reco_sdk.training.fusion_slice import Question, Slice, recent_slice
from reco_sdk.training.fusion_trees import Groups, fit_trees
from reco_sdk.training.model import Items, Log

__all__ = ["fit_fusion", "make_pool"]

LIMIT: Final = 100
POPULAR: Final = 50
HELD_SHARE: Final = 0.2
DEFAULT_SECONDS: Final = 600.0
LEAST_SECONDS: Final = 60.0
MOST_CELLS: Final = 200_000_000
"""Numbers in the features of all questions, 0.8 GB; trees take as much again."""
LEAST_QUESTIONS: Final = 300
"""With fewer that a candidate answers, trees learn noise."""

MANY_QUESTIONS: Final = 3_000
"""With fewer, trees are also fitted to correct the best blend."""
PRIOR_QUESTIONS: Final = 5.0
"""What the prior of a blend weighs."""

FitSource = Callable[[Log, Items], Proposer]


def make_pool(log: Log, items: Items, fits: Sequence[FitSource], limit: int = LIMIT) -> Pool:
    """Fit sources and gather what else is known of items."""
    counts = np.bincount(log.items, minlength=log.n_items)
    recent = np.bincount(log.items[int(0.9 * len(log)) :], minlength=log.n_items)
    known = ItemFeatures.of(counts, recent, items.vectors, category=items.categories, brand=items.brands)
    popular = np.argsort(-counts, kind="stable")[:POPULAR]
    always = popular[counts[popular] > 0].astype(np.int32)
    return Pool([fit(log, items) for fit in fits], known, always, limit)


def _ask(pool: Pool, log: Log, part: Slice, until: float) -> Groups:
    """Draw the candidates of each question until time or memory is spent; those that no candidate answers teach nothing."""
    features: list[npt.NDArray[np.float32]] = []
    labels: list[npt.NDArray[np.int8]] = []
    asked = cells = 0
    mask = None if part.repeats else np.ones(log.n_items, np.bool_)
    for question in _shuffled(part.questions):
        if asked and (time.perf_counter() > until or cells > MOST_CELLS):
            break
        asked += 1
        shown = log.items[question.shown]
        if mask is not None:
            mask[shown] = False
        rows, of_rows = pool.draw(pool.history(shown, log.times[question.shown]), mask)
        if mask is not None:
            mask[shown] = True
        hits = np.isin(rows, question.targets)
        if hits.any():
            features.append(of_rows)
            cells += of_rows.size
            labels.append(hits.astype(np.int8))
    return Groups(pool.names, tuple(features), tuple(labels), asked)


def _shuffled(questions: Sequence[Question]) -> list[Question]:
    return [questions[place] for place in np.random.default_rng(0).permutation(len(questions))]


def fit_fusion(
    log: Log, items: Items, seconds: float, fits: Sequence[FitSource], *, ordered: bool = True, limit: int = LIMIT
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
    """
    started = time.perf_counter()
    if seconds == float("inf"):
        seconds = DEFAULT_SECONDS
    part = recent_slice(log, ordered=ordered)
    pool = make_pool(log.take(part.fit), items, fits, limit)
    fitting = time.perf_counter() - started
    left = max(seconds - 2.0 * fitting, LEAST_SECONDS)
    groups = _ask(pool, log, part, time.perf_counter() + 0.3 * left)
    held = int(HELD_SHARE * len(groups))
    ranker: Ranker
    ranker, choice = _best_blend(groups, pool)
    quality = groups.quality(ranker, held)
    learnt = f"{len(groups):,} of {groups.asked:,} questions ({part.kind})"
    if len(groups) >= LEAST_QUESTIONS:
        bases: list[tuple[Ranker | None, str]] = [(None, "trees")]
        if len(groups) < MANY_QUESTIONS:
            bases.append((ranker, f"trees over {choice}"))
        for base, name in bases:
            trees = fit_trees(groups, held, 0.4 * left / len(bases), base)
            if (of_trees := groups.quality(trees, held)) > quality:
                ranker, choice, quality = trees, name, of_trees
    return Fused(make_pool(log, items, fits, limit), ranker, f"{choice}, by {learnt}")


def _best_blend(groups: Groups, pool: Pool) -> tuple[Blend, str]:
    """Return the source alone, or the sum of all, that the questions speak for; without any, what the prior does."""
    names = pool.names
    shares = [f"{source.name}_share" for source in pool.sources]
    tries = {share.removesuffix("_share"): {share: 1.0, "popularity": 1e-3} for share in shares}
    tries["popularity"] = {"popularity": 1.0}
    if "text_session" in names:
        tries["content"] = {"text_session": 1.0}
        tries["content and popularity"] = {"text_session": 1.0, "popularity": 0.1}
    total: dict[str, float] = dict.fromkeys(shares, 1.0)
    total |= {name: 1.0 for name in ("text_session",) if name in names}
    tries["the sum of all"] = {**total, "popularity": 0.02}
    best, chosen, most = Blend(np.zeros(len(names))), "nothing", -1.0
    for name, weights in tries.items():
        blend = Blend(np.asarray([weights.get(column, 0.0) for column in names]))
        # What a little evidence speaks for is drawn towards content, which needs none.
        prior = 0.05 if name.startswith("content") else 0.02
        quality = (len(groups) * groups.quality(blend, len(groups)) + PRIOR_QUESTIONS * prior * groups.asked_per_hit()) / (
            len(groups) + PRIOR_QUESTIONS
        )
        if quality > most:
            best, chosen, most = blend, name, quality
    return best, chosen
