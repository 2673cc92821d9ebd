"""The sequence model as one more source of a fusion: kept only if a blend of the others is better with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.sources.history import History
from reco_sdk.sources.proposals import NOTHING, Proposals, Proposer
from reco_sdk.sources.sequence import NAME
from reco_sdk.training.fusion import make_pool
from reco_sdk.training.fusion_blend import best_blend
from reco_sdk.training.fusion_trees import Groups
from reco_sdk.training.model import Items, Log
from reco_sdk.training.sequence_model import SequenceSettings, Trained, train_sequence
from reco_sdk.types import Rows

__all__ = ["GOING_ON", "SequenceSource", "fit_sequence_source", "pays"]

GOING_ON: Final = 0.25
"""Share of the time that a second training takes, which goes on from the first."""
MOST_ASKED: Final = 2_000
LEAST_ASKED: Final = 30
SURE: Final = 1.0
"""The blend must be better by so many standard errors, as what is added to a blend must."""

FitSource = Callable[[Log, Items], Proposer]


@dataclass(frozen=True, slots=True)
class SequenceSource:
    """What a fit came to: the model, or a source that says nothing.

    Parameters
    ----------
    trained
        The training.
    kept
        Whether it is worth its time.
    """

    trained: Trained
    kept: bool

    @property
    def proposer(self) -> Proposer:
        """What the fusion asks."""
        return self.trained.model if self.kept and self.trained.model is not None else _Silent()


class _Silent:
    """Stands where a model would, and proposes nothing."""

    name: str = NAME
    columns: tuple[str, ...] = (NAME,)

    def propose(self, history: History) -> Proposals:  # noqa: ARG002 -- the port's form
        return Proposals(NOTHING, (NOTHING,))

    def scale(self, rows: Rows) -> tuple[None]:  # noqa: ARG002 -- the port's form
        return (None,)


def fit_sequence_source(
    log: Log, items: Items, earlier: SequenceSource | None, settings: SequenceSettings, others: Sequence[FitSource]
) -> SequenceSource:
    """Train, and see whether it pays; a second time go on from the first, whose verdict stands.

    Parameters
    ----------
    earlier
        What a fit on a part of the log came to.
    others
        Sources that a fusion has anyway.
    """
    if earlier is None:
        trained = train_sequence(log, items, settings)
        return SequenceSource(trained, trained.model is not None and pays(trained.model, trained.held, log, items, others))
    if not earlier.kept:
        return earlier
    shorter = replace(settings, seconds=GOING_ON * settings.seconds, patience=1)
    return SequenceSource(train_sequence(log, items, shorter, start=earlier.trained), kept=True)


def pays(candidate: Proposer, held: npt.NDArray[np.int64], log: Log, items: Items, others: Sequence[FitSource]) -> bool:
    """Return whether the best blend of some sources has a place for one more.

    Parameters
    ----------
    candidate
        Fitted without what is held back.
    held
        int64: places in the log of the last interactions of some users, who are asked for them.
    """
    known = np.ones(len(log), np.bool_)
    known[held] = False
    pool = make_pool(log.take(known), items, [*others, lambda _log, _items: candidate])
    order = np.argsort(log.users, kind="stable")
    order = order[known[order]]
    users = log.users[order]
    features, labels = [], []
    asked = held[np.random.default_rng(0).permutation(len(held))[:MOST_ASKED]]
    for place in asked.tolist():
        shown = order[np.searchsorted(users, log.users[place]) : np.searchsorted(users, log.users[place], "right")]
        rows, of_rows = pool.draw(pool.history(log.items[shown], log.times[shown]), None)
        hits = rows == log.items[place]
        if hits.any():
            features.append(of_rows)
            labels.append(hits.astype(np.int8))
    groups = Groups(pool.names, tuple(features), tuple(labels), len(asked), np.arange(len(labels), dtype=np.int32))
    if len(groups) < LEAST_ASKED:
        return False
    without = copy(pool)
    without.sources = pool.sources[:-1]
    more, less = (groups.qualities(best_blend(groups, part, LEAST_ASKED)[0]) for part in (pool, without))
    gain = more - less
    return bool(gain.mean() > SURE * gain.std() / len(gain) ** 0.5)
