"""The gate: a candidate serves only where it beats what serves now, on the shop's own last days, beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from reco_sdk.evaluation.intervals import Bootstrap
from reco_sdk.training.examples import CONTENT, POPULARITY
from reco_sdk.training.ranker import LEAST_QUESTIONS
from reco_sdk.types import Floats

__all__ = ["BY_HAND", "CANDIDATE", "SERVING", "Contender", "Verdict", "judge", "too_little"]

SERVING: Final = "serves now"
BY_HAND: Final = "weights set by hand"
CANDIDATE: Final = "candidate"

Decision = Literal["ships", "refused", "withdrawn", "nothing to learn"]


@dataclass(frozen=True, slots=True)
class Contender:
    """How good one way to rank was.

    Parameters
    ----------
    name
        Which.
    ndcg
        Mean NDCG@10.
    low, high
        95 % interval of the candidate's lead over it, question by question; both 0 for the candidate itself.
    """

    name: str
    ndcg: float
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one strategy's candidate.

    Parameters
    ----------
    strategy
        Whose.
    decision
        ``ships``, ``refused`` (what served goes on), ``withdrawn`` (the weights set by hand serve again), or
        ``nothing to learn``.
    reason
        Why, in a sentence.
    learnt, asked
        Questions that were learnt from, and that decided.
    kind
        What was fitted.
    table
        The comparison.
    """

    strategy: str
    decision: Decision
    reason: str
    learnt: int = 0
    asked: int = 0
    kind: str = ""
    table: tuple[Contender, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Verdict:
        """Rebuild from :meth:`to_dict`."""
        return cls(**{**values, "table": tuple(Contender(**row) for row in values["table"])})


def too_little(strategy: str, learnt: int, asked: int, notes: Sequence[str] = ()) -> Verdict | None:
    """Return the verdict where too little happened to learn from, or to decide by."""
    if learnt >= LEAST_QUESTIONS and asked >= LEAST_QUESTIONS:
        return None
    why = notes[0] if notes else f"{min(learnt, asked):,} questions can be asked of the last days, {LEAST_QUESTIONS} are needed"
    return Verdict(strategy, "nothing to learn", why, learnt, asked)


def judge(
    strategy: str, figures: Mapping[str, Floats], units: npt.NDArray[np.int32], *, learnt: int, kind: str, seed: int = 0
) -> Verdict:
    """Compare a candidate with what serves, with the weights set by hand, with content alone and with popularity alone.

    Parameters
    ----------
    figures
        NDCG@10 of each question by contender, :data:`CANDIDATE` and :data:`SERVING` among them; :data:`BY_HAND` where
        something else serves.
    units
        int32: whose question each was; visitors are drawn again, not questions.
    """
    bootstrap = Bootstrap(units, seed=seed)
    candidate = figures[CANDIDATE]
    names = [name for name in figures if name != CANDIDATE]
    leads = bootstrap.of(np.stack([candidate - figures[name] for name in names], axis=1))
    table = [Contender(CANDIDATE, float(candidate.mean()))]
    table += [Contender(name, float(figures[name].mean()), *lead) for name, lead in zip(names, leads, strict=True)]
    by_name = {row.name: row for row in table}
    decision: Decision = "refused"
    serving = by_name[SERVING]
    worse = [row for name in (CONTENT, POPULARITY) if (row := by_name.get(name)) is not None and row.ndcg > table[0].ndcg]
    if serving.low > 0.0 and not worse:
        decision = "ships"
        reason = (
            f"NDCG@10 {table[0].ndcg:.4f} against {serving.ndcg:.4f} of what serves now: better by "
            f"{serving.low:.4f} to {serving.high:.4f}"
        )
    elif worse:
        reason = f"{worse[0].name} does better ({worse[0].ndcg:.4f} against {table[0].ndcg:.4f})"
    elif serving.high < 0.0:
        reason = f"it is worse than what serves now, by {-serving.high:.4f} to {-serving.low:.4f}"
    else:
        reason = f"its lead over what serves now may be chance ({serving.low:+.4f} to {serving.high:+.4f})"
    if decision == "refused" and BY_HAND in figures and (lost := _loses(bootstrap, figures)) is not None:
        decision, reason = "withdrawn", f"{reason}; and the model that serves does worse than {lost} by now"
    return Verdict(strategy, decision, reason, learnt, len(candidate), kind, tuple(table))


def _loses(bootstrap: Bootstrap, figures: Mapping[str, Floats]) -> str | None:
    """Return what the serving model does worse than beyond chance, if anything."""
    for name in (BY_HAND, CONTENT, POPULARITY):
        if name in figures:
            ((_, high),) = bootstrap.of((figures[SERVING] - figures[name])[:, None])
            if high < 0.0:
                return name
    return None
