"""Fits the learned fusion of one strategy: weights of its sources drawn towards those set by hand, and trees upon them.

The weights are those of a conditional logit (McFadden 1974), each shrunk towards what was set by hand: with little evidence
they stay there. Trees are LightGBM's, fitted by lambdarank to correct the weighted sum (Ke et al., NeurIPS 2017); each reads
one source or one property of items, so that all of them together are tables (see :mod:`reco_sdk.ranking.learned`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.ranking.features import ITEM_FEATURES
from reco_sdk.ranking.learned import LearnedFusion, Table
from reco_sdk.training.examples import NOWHERE, Examples
from reco_sdk.types import Floats

__all__ = ["EXTRA_WEIGHT", "LEAST_FOR_TREES", "LEAST_QUESTIONS", "fit_ranker", "fit_weights", "predict", "trees_available"]

LEAST_QUESTIONS: Final = 30
"""With fewer that a candidate answers, nothing is learnt at all."""
LEAST_FOR_TREES: Final = 300
PRIOR_QUESTIONS: Final = 20.0
"""So many questions weigh as much as the belief that a weight set by hand is right to a factor of e."""
FIRST_SCALE: Final = 5.0
EXTRA_WEIGHT: Final = 0.05
"""What a source counts beforehand that the strategy only falls back on."""
ROUNDS: Final = 300
PATIENCE: Final = 25
SETTINGS: Final[dict[str, Any]] = {
    "objective": "lambdarank",
    "metric": "ndcg",
    "eval_at": [10],
    "learning_rate": 0.1,
    "num_leaves": 8,
    "min_data_in_leaf": 30,
    "lambdarank_truncation_level": 20,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
}

Box = dict[int, tuple[float, float]]
Tell = Callable[[int, int], None]


def trees_available() -> bool:
    """Return whether LightGBM is installed; without it weights are learnt all the same."""
    try:
        import lightgbm  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


def fit_ranker(examples: Examples, seed: int = 0, tell: Tell | None = None) -> tuple[LearnedFusion, str]:
    """Return the best of weights, and weights with trees, by the questions that are held back; and which it is, in words.

    Parameters
    ----------
    seed
        Of what trees draw by lot.
    tell
        Called with how many trees are grown, and how many may be.
    """
    learnt, held = examples.part(~examples.held), examples.part(examples.held)
    weights = fit_weights(learnt)
    if len(learnt) < LEAST_FOR_TREES or len(held) < LEAST_FOR_TREES // 10 or not trees_available():
        return weights, "weights"
    trees = LearnedFusion(weights.weights, weights.scale, _fit_tables(learnt, held, weights, seed, tell))
    if held.quality(predict(trees, held)) > held.quality(predict(weights, held)):
        return trees, "trees"
    return weights, "weights"


def predict(fusion: LearnedFusion, examples: Examples) -> Floats:
    """Return the scores that a fusion gives to candidates."""
    features = examples.features.astype(np.float64)
    scores = features[:, 0 : 2 * len(examples.sources) : 2] @ [fusion.weights.get(name, 0.0) for name in examples.sources]
    for name, table in fusion.tables.items():
        own = [features[:, column] for column in _columns(examples, name)[:-1]]
        for known in np.unique(features[:, -1]):
            rows = features[:, -1] == known
            scores[rows] += table.at(float(known), *(column[rows] for column in own))
    return np.asarray(scores, np.float64)


# -- weights


def fit_weights(examples: Examples) -> LearnedFusion:
    """Fit a weight for each source, above 0, drawn towards the one set by hand."""
    scores = examples.features[:, 0 : 2 * len(examples.sources) : 2].astype(np.float64)
    prior = np.asarray([weight if weight > 0.0 else EXTRA_WEIGHT for weight in examples.prior])
    scale = float(np.exp(_logit(examples, scores @ prior[:, None], np.log([FIRST_SCALE]), 1.0)[0]))
    fitted = np.exp(_logit(examples, scores, np.log(scale * prior), PRIOR_QUESTIONS))
    weights = {name: float(f"{weight:.6g}") for name, weight in zip(examples.sources, fitted.tolist(), strict=True)}
    return LearnedFusion(weights, float(f"{scale:.6g}"))


def _logit(examples: Examples, columns: Floats, prior: Floats, strength: float) -> Floats:
    """Return the logarithms of the weights that maximise the likelihood of what came, less a penalty; by Fisher scoring."""
    if not len(examples):
        return prior
    starts = np.cumsum(examples.sizes) - examples.sizes
    came = examples.labels / np.repeat(np.add.reduceat(examples.labels.astype(np.float64), starts), examples.sizes)

    def value(theta: Floats) -> tuple[float, Floats, Floats]:
        parts = columns * np.exp(theta)
        total = parts.sum(axis=1)
        total -= np.repeat(np.maximum.reduceat(total, starts), examples.sizes)
        odds = np.exp(total)
        sums = np.add.reduceat(odds, starts)
        likelihood = float(came @ total) - float(np.log(sums).sum()) - 0.5 * strength * float(((theta - prior) ** 2).sum())
        return likelihood, parts, odds / np.repeat(sums, examples.sizes)

    theta = prior.copy()
    best, parts, chance = value(theta)
    for _ in range(50):
        slope = (came - chance) @ parts - strength * (theta - prior)
        expected = np.add.reduceat(chance[:, None] * parts, starts)
        curve = parts.T @ (chance[:, None] * parts) - expected.T @ expected + strength * np.eye(len(theta))
        step = np.clip(np.linalg.solve(curve, slope), -1.0, 1.0)
        found = value(theta + step)
        for _ in range(11):
            if found[0] > best:
                break
            step = 0.5 * step
            found = value(theta + step)
        if found[0] <= best + 1e-7:
            break
        theta = theta + step
        best, parts, chance = found
    return theta


# -- trees


def _columns(examples: Examples, name: str) -> tuple[int, ...]:
    """Return the columns that the trees of a source, or of a property, may read; the last is how much is known."""
    known = examples.features.shape[1] - 1
    if name in examples.sources:
        first = 2 * examples.sources.index(name)
        return first, first + 1, known
    return 2 * len(examples.sources) + ITEM_FEATURES.index(name), known


def _fit_tables(
    learnt: Examples, held: Examples, weights: LearnedFusion, seed: int, tell: Tell | None = None
) -> dict[str, Table]:
    import lightgbm  # noqa: PLC0415 - an extra

    def told(env: Any) -> None:
        if tell is not None:
            tell(env.iteration + 1, ROUNDS)

    names = (*learnt.sources, *ITEM_FEATURES)
    groups = {name: _columns(learnt, name) for name in names}
    rising = [0] * learnt.features.shape[1]
    for name in learnt.sources:
        rising[groups[name][0]], rising[groups[name][1]] = 1, -1
    settings = {
        **SETTINGS,
        "seed": seed,
        "interaction_constraints": [list(columns) for columns in groups.values()],
        "monotone_constraints": rising,
    }

    def data(examples: Examples, reference: Any = None) -> Any:
        return lightgbm.Dataset(
            examples.features,
            examples.labels.astype(np.int8),
            group=examples.sizes,
            init_score=predict(weights, examples),
            reference=reference,
            params=settings,
            free_raw_data=False,
        )

    train = data(learnt)
    booster = lightgbm.train(
        settings,
        train,
        ROUNDS,
        valid_sets=[data(held, train)],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False), told],
    )
    trees = booster.dump_model(num_iteration=booster.best_iteration)["tree_info"]
    return tabulate([tree["tree_structure"] for tree in trees], groups, frozenset(learnt.sources))


def tabulate(trees: list[dict[str, Any]], groups: Mapping[str, tuple[int, ...]], sources: frozenset[str]) -> dict[str, Table]:
    """Write trees down as tables, exactly.

    Parameters
    ----------
    trees
        As LightGBM dumps them; whatever way leads to a leaf reads the columns of one group only.
    groups
        Columns by name, the last of which all share.
    sources
        The names that are shifted so that what was not proposed gets 0; the others, so that the least is 0.
    """
    leaves: dict[str, list[tuple[Box, float]]] = {}
    for tree in trees:
        for box, value in _leaves(tree, {}):
            for name, columns in groups.items():
                if any(column in box for column in columns[:-1]):
                    leaves.setdefault(name, []).append((box, value))
                    break
            # A leaf that nothing but what is known leads to is the same for all candidates.
    tables = {}
    for name, boxes in sorted(leaves.items()):
        columns = (groups[name][-1], *groups[name][:-1])
        edges = tuple(_edges(boxes, column) for column in columns)
        values = np.zeros(tuple(len(edge) + 1 for edge in edges))
        for box, value in boxes:
            values[
                tuple(_span(edge, *box.get(column, (-np.inf, np.inf))) for edge, column in zip(edges, columns, strict=True))
            ] += value
        absent = (
            values[:, :1, int(edges[2].searchsorted(NOWHERE)), None] if name in sources else values.min(axis=1, keepdims=True)
        )
        tables[name] = Table(edges, np.maximum(values - absent, 0.0))
    return tables


def _leaves(node: dict[str, Any], box: Box) -> Iterator[tuple[Box, float]]:
    if "leaf_value" in node:
        yield box, float(node["leaf_value"])
        return
    column, threshold = int(node["split_feature"]), float(node["threshold"])
    low, high = box.get(column, (-np.inf, np.inf))
    yield from _leaves(node["left_child"], {**box, column: (low, min(high, threshold))})
    yield from _leaves(node["right_child"], {**box, column: (max(low, threshold), high)})


def _edges(boxes: list[tuple[Box, float]], column: int) -> Floats:
    bounds = np.asarray([bound for box, _ in boxes for bound in box.get(column, ())], np.float64)
    return np.unique(bounds[np.isfinite(bounds)])


def _span(edges: npt.NDArray[np.float64], low: float, high: float) -> slice:
    """Return the steps above ``low`` and up to ``high``."""
    start = 0 if low == -np.inf else int(edges.searchsorted(low)) + 1
    stop = len(edges) + 1 if high == np.inf else int(edges.searchsorted(high)) + 1
    return slice(start, stop)
