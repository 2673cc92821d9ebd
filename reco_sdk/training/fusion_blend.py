"""Weighted sums of the sources' shares: the best one alone, the sum of all, and what is worth adding to the better of them.

Where there is text, content answers until something else is surely better: with few questions the best of many tries is mostly
luck, and content needs no evidence to be as good as it ever will be.

Adding one at a time, and only what pays on the questions, is the ensemble selection of Caruana et al. (Ensemble selection from
libraries of models, ICML 2004): it optimises the very measure, and has next to nothing to overfit with.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from reco_sdk.sources.fused import Blend, Pool
from reco_sdk.training.fusion_trees import Groups
from reco_sdk.types import Floats

__all__ = ["best_blend"]

PRIOR_QUESTIONS: Final = 5.0
"""What the prior of a blend weighs."""
LEAST_TO_ADD: Final = 300
MOST_ASKED: Final = 3_000
WEIGHTS: Final = (0.25, 0.5, 1.0)
"""Of what is added; what it is added to has 1."""
SURE: Final = 1.0
"""What is added must pay by so many standard errors."""
SURER_THAN_CONTENT: Final = 2.0
"""What is to answer in place of content must be better by so many standard errors of the sum of its gains."""
PRIOR_VARIANCE: Final = 1.0
"""Of that sum: what one question more could have turned."""


def best_blend(groups: Groups, pool: Pool, least: int = LEAST_TO_ADD) -> tuple[Blend, str]:
    """Return the blend that the questions speak for, and its name; without any, what the prior does.

    Parameters
    ----------
    least
        With fewer questions nothing is added to the best.
    """
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
    blends = {name: Blend(np.asarray([weights.get(column, 0.0) for column in names])) for name, weights in tries.items()}
    of_content = groups.qualities(blends["content"]) if "content" in blends else None
    for name, blend in blends.items():
        qualities = of_content if of_content is not None and name == "content" else groups.qualities(blend)
        if of_content is not None and name != "content" and not _surely(qualities - of_content):
            continue
        # What a little evidence speaks for is drawn towards content, which needs none.
        prior = 0.05 if name in ("content", "content and popularity") else 0.02
        quality = float(qualities.sum()) + PRIOR_QUESTIONS * prior * groups.asked_per_hit()
        if quality > most:
            best, chosen, most = blend, name, quality
    if len(groups) < least:
        return best, chosen
    return _add(groups, names, best, chosen, [name for name in (*shares, "text_session") if name in names])


def _surely(gains: Floats) -> bool:
    """Return whether gains are more than luck."""
    return bool(gains.sum() > SURER_THAN_CONTENT * np.sqrt(gains @ gains + PRIOR_VARIANCE))


def _add(groups: Groups, names: tuple[str, ...], best: Blend, chosen: str, columns: list[str]) -> tuple[Blend, str]:
    """Add what pays most, as long as anything does."""
    few = groups.first(MOST_ASKED)
    columns = [name for name in columns if name.removesuffix("_share") != chosen]
    quality = few.qualities(best)
    while True:
        found: tuple[float, Blend, Floats, str] | None = None
        for name in columns:
            for weight in WEIGHTS:
                blend = Blend(best.weights + weight * (np.asarray(names) == name))
                tried = few.qualities(blend)
                gain = tried - quality
                sure = float(gain.mean()) - SURE * float(gain.std()) / len(gain) ** 0.5
                if sure > 0.0 and (found is None or float(tried.mean()) > float(found[2].mean())):
                    found = float(gain.mean()), blend, tried, f"{chosen} + {weight:g} {name.removesuffix('_share')}"
        if found is None:
            return best, chosen
        _, best, quality, chosen = found
        columns = [name for name in columns if not chosen.endswith(f" {name.removesuffix('_share')}")]
