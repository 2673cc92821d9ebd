"""Gradient-boosted trees that rank: LightGBM's lambdarank, fitted with a held-out part that says when to stop."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import MissingExtra
from reco_sdk.sources.fused import Ranker
from reco_sdk.training.booster_calls import caller
from reco_sdk.types import Floats

__all__ = ["Groups", "Trees", "fit_trees"]

ROUNDS: Final = 400
PATIENCE: Final = 30
CUTOFF: Final = 10
BASE_SCALE: Final = 4.0
"""What a base from 0 to 1 counts in the scores of trees, for which some few units are sure."""
SETTINGS: Final[dict[str, Any]] = {
    "objective": "lambdarank",
    "metric": "ndcg",
    "eval_at": [CUTOFF],
    "learning_rate": 0.06,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "lambdarank_truncation_level": 20,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "verbosity": -1,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
}


@dataclass(frozen=True, slots=True)
class Groups:
    """Candidates by question.

    Parameters
    ----------
    names
        Of the features.
    features
        float32 ``(m, len(names))`` by question.
    labels
        int8 ``(m,)`` by question: 1 for what really came.
    asked
        How many questions there were, those that no candidate answers included.
    units
        int32, by question: whose it is.
    """

    names: tuple[str, ...]
    features: tuple[npt.NDArray[np.float32], ...]
    labels: tuple[npt.NDArray[np.int8], ...]
    asked: int
    units: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)

    def asked_per_hit(self) -> float:
        """Return how many questions there were for one that a candidate answers."""
        return max(self.asked, 1) / max(len(self), 1)

    def quality(self, ranker: Ranker, count: int) -> float:
        """Return the mean NDCG@10 over the first ``count`` questions that a candidate answers."""
        return float(self.first(count).qualities(ranker).mean()) if count and len(self) else 0.0

    def qualities(self, ranker: Ranker) -> Floats:
        """Return the NDCG@10 of each question that a candidate answers."""
        gains = 1.0 / np.log2(np.arange(2, CUTOFF + 2))
        out = np.zeros(len(self))
        for place, (features, labels) in enumerate(zip(self.features, self.labels, strict=True)):
            order = np.argsort(-ranker.predict(features), kind="stable")[:CUTOFF]
            out[place] = float(gains[: len(order)] @ labels[order]) / float(gains[: int(labels.sum())].sum())
        return out

    def first(self, count: int) -> Groups:
        """Return the first ``count`` questions."""
        return Groups(self.names, self.features[:count], self.labels[:count], self.asked, self.units[:count])

    def and_then(self, other: Groups) -> Groups:
        """Return the questions of both."""
        return Groups(
            self.names,
            self.features + other.features,
            self.labels + other.labels,
            self.asked + other.asked,
            np.concatenate((self.units, other.units)),
        )

    def some_held(self, share: float) -> tuple[Groups, int]:
        """Return the same questions, those of about a share of whose they are first, and how many those are.

        What is held back is held back of all that somebody was asked, or it would be known in part.
        """
        ends = int(share * len(self))
        held = np.isin(self.units, self.units[:ends])
        while ends and held.sum() > share * len(self):
            ends = int(0.8 * ends)
            held = np.isin(self.units, self.units[:ends])
        order = np.argsort(~held, kind="stable").tolist()
        features, labels = (tuple(part[place] for place in order) for part in (self.features, self.labels))
        return Groups(self.names, features, labels, self.asked, self.units[order]), int(held.sum())


class Trees:
    """A fitted ensemble.

    Parameters
    ----------
    booster
        LightGBM's.
    base
        What the trees were fitted to correct.
    """

    def __init__(self, booster: Any, base: Ranker | None = None) -> None:
        self.booster = booster
        self._scores = caller(booster)
        self._base = base

    def predict(self, features: npt.NDArray[np.float32]) -> Floats:
        """Return the sum of the trees, and of what they correct."""
        total = self._scores(features)
        return total if self._base is None else total + BASE_SCALE * self._base.predict(features)


def fit_trees(
    groups: Groups, held: int, seconds: float, base: Ranker | None = None, apart: list[list[int]] | None = None
) -> Trees:
    """Fit on all questions but the first ``held``, which say when to stop.

    Parameters
    ----------
    groups
        Questions, in an order that was drawn by lot.
    held
        How many of them to hold back.
    seconds
        No tree is begun later.
    base
        Fit what is to be added to this, rather than begin from nothing: little evidence suffices for a correction.
    apart
        Groups of columns: no tree reads more than one of them along one way.

    Raises
    ------
    MissingExtra
        Without LightGBM.
    """
    try:
        import lightgbm  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtra("lightgbm", "train") from error
    until = time.perf_counter() + seconds
    settings = SETTINGS if apart is None else {**SETTINGS, "interaction_constraints": apart}

    def data(part: slice, reference: Any = None) -> Any:
        labels, features = groups.labels[part], np.concatenate(groups.features[part])
        return lightgbm.Dataset(
            features,
            np.concatenate(labels),
            group=[len(label) for label in labels],
            init_score=None if base is None else BASE_SCALE * base.predict(features),
            reference=reference,
            feature_name=list(groups.names),
            params=settings,
        )

    def on_time(env: Any) -> None:
        if time.perf_counter() > until:
            raise lightgbm.callback.EarlyStopException(env.iteration, env.evaluation_result_list)

    learnt = data(slice(held, None))
    booster = lightgbm.train(
        settings,
        learnt,
        ROUNDS,
        valid_sets=[data(slice(0, held), learnt)],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False), on_time],
    )
    return Trees(booster, base)
