"""The most recent slice of a log: what sources are fitted on, and what a fusion over them is asked to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.training.model import Log
from reco_sdk.types import Rows

__all__ = ["Question", "Slice", "recent_slice"]

SHARE: Final = 0.1
MOST_QUESTIONS: Final = 20_000

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Question:
    """What one user did next.

    Parameters
    ----------
    shown
        int64: places in the log, ascending, of what the user did before.
    targets
        int32: the items of what came then; more than one where several things bear one time, as in an order.
    """

    shown: Ints
    targets: Rows


@dataclass(frozen=True, slots=True)
class Slice:
    """A division of a log.

    Parameters
    ----------
    fit
        bool ``(n,)``: what sources are fitted on.
    questions
        About the rest.
    repeats
        Whether a target is, now and then, among what was shown.
    kind
        How the log was divided, in words.
    """

    fit: npt.NDArray[np.bool_]
    questions: tuple[Question, ...]
    repeats: bool
    kind: str


def recent_slice(log: Log, *, ordered: bool = True, seed: int = 0, most: int = MOST_QUESTIONS, back: int = 0) -> Slice:
    """Divide a log the way it will be asked.

    By time, the last tenth of it, where time runs over all users. Where times only count each user's own interactions
    (most users begin at the same moment), the last interaction of each user. Where nothing is ordered, a fifth by lot.

    Parameters
    ----------
    ordered
        Whether what is asked comes after what is shown.
    seed
        For what is drawn by lot.
    most
        Questions at most.
    back
        Where the last interaction of each user is asked: how many of the last to leave out before.
    """
    generator = np.random.default_rng(seed)
    order = np.argsort(log.users, kind="stable")
    users = log.users[order]
    first = np.flatnonzero(np.r_[len(users) > 0, users[1:] != users[:-1]])
    stops = np.append(first, len(users))[1:]
    fit = np.ones(len(log), np.bool_)
    questions: list[Question] = []
    if not ordered:
        kind = "a fifth by lot"
        fit = generator.random(len(log)) >= 0.2
        for start, stop in _some(np.stack((first, stops), axis=1), most, generator):
            places = order[start:stop]
            known = fit[places]
            if known.any() and not known.all():
                questions.append(Question(places[known], log.items[places[~known]]))
    elif len(first) > 1 and (log.times[order[first]] == log.times[0]).mean() > 0.5:
        kind = "the last of each user"
        long = stops - first > 1 + back
        for gone in range(back + 1):
            fit[order[stops[long] - 1 - gone]] = False
        for start, stop in _some(np.stack((first, stops), axis=1)[long], most, generator):
            places = order[start : stop - back]
            questions.append(Question(places[:-1], log.items[places[-1:]]))
    else:
        kind = "the last tenth"
        if len(log):
            cut = log.times[min(int((1.0 - SHARE) * len(log)), len(log) - 1)]
            fit = log.times < cut
        late = ~fit[order]
        spans = []
        for start, stop in zip(first.tolist(), stops.tolist(), strict=True):
            if not late[stop - 1]:
                continue
            at = start + int(np.argmax(late[start:stop]))
            times = log.times[order[at:stop]]
            begins = at + np.flatnonzero(np.r_[True, times[1:] != times[:-1]])
            ends = np.append(begins[1:], stop)
            spans += [(start, int(a), int(b)) for a, b in zip(begins, ends, strict=True) if a > start]
        for start, at, stop in _some(np.asarray(spans, np.int64).reshape(-1, 3), most, generator):
            questions.append(Question(order[start:at], log.items[order[at:stop]]))
    seen = [bool(np.isin(q.targets, log.items[q.shown]).any()) for q in questions]
    return Slice(fit, tuple(questions), bool(np.mean(seen) > 0.01) if seen else False, kind)


def _some(spans: Ints, most: int, generator: np.random.Generator) -> list[list[int]]:
    if len(spans) > most:
        spans = spans[np.sort(generator.choice(len(spans), most, replace=False))]
    out: list[list[int]] = spans.tolist()
    return out
