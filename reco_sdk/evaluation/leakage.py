"""The guard: nothing that is asked, and nothing later, reaches a model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import Leakage
from reco_sdk.evaluation.cases import Cases, Split
from reco_sdk.training.model import Log

__all__ = ["Guard"]


class Guard:
    """Watches over one split of one log.

    Parameters
    ----------
    log
        Everything that happened.
    split
        What may be known of it.

    Raises
    ------
    Leakage
        When the split shows, or lets models be fitted on, what it asks for or what came after.
    """

    def __init__(self, log: Log, split: Split) -> None:
        self._log = log
        self._split = split
        self._held = _keys(log.take(~split.fit), log.n_items)
        known = _keys(log.take(split.fit), log.n_items)
        self._held = np.setdiff1d(self._held, known)  # the same thing done twice, once before the cut
        for cases in split.cases:
            self._check_cases(cases)

    def fit_log(self, log: Log) -> Log:
        """Return a log that a model is about to be fitted on.

        Raises
        ------
        Leakage
            When it holds an interaction that the protocol withholds.
        """
        split = self._split
        if split.cut is not None and len(log) and log.times[-1] >= split.cut:
            raise Leakage(f"{split.protocol}: a model was given an interaction at {log.times[-1]}, the cut is at {split.cut}")
        known = np.isin(_keys(log, log.n_items), self._held)
        if known.any():
            at = int(np.argmax(known))
            raise Leakage(
                f"{split.protocol}: a model was given item {int(log.items[at])} of user {int(log.users[at])} at "
                f"{log.times[at]}, which is withheld; {int(known.sum()):,} such interactions"
            )
        return log

    def _check_cases(self, cases: Cases) -> None:
        log, split = self._log, self._split
        if not len(cases):
            return
        if split.fit[cases.targets].any():
            raise Leakage(f"{split.protocol}: models would be fitted on what they are asked for")
        if split.cut is not None and (log.times[cases.targets] < split.cut).any():
            raise Leakage(f"{split.protocol}: something before the cut is asked for")
        if split.cut is not None and split.fit.any() and log.times[split.fit].max() >= split.cut:
            raise Leakage(f"{split.protocol}: models would be fitted on what came after the cut")
        shown = cases.lengths() > 0
        if not split.ordered:
            spans = np.unique(np.stack((cases.starts[shown], cases.stops[shown])), axis=1)
            for start, stop in spans.T:
                if not split.fit[cases.places[start:stop]].all():
                    raise Leakage(f"{split.protocol}: a model would be shown what it is asked for")
            return
        # Places ascend with time, and those of a case ascend: its last one is its latest.
        first_target = np.minimum.reduceat(cases.targets, cases.offsets[:-1])
        latest = cases.places[cases.stops[shown] - 1]
        if (latest >= first_target[shown]).any():
            raise Leakage(f"{split.protocol}: a model would be shown what it is asked for, or what came after")
        fitted = np.flatnonzero(split.fit)
        last_fitted = np.full(log.n_users, -1, np.int64)
        np.maximum.at(last_fitted, log.users[fitted], fitted)
        if (last_fitted[log.users[cases.targets]] > np.repeat(first_target, np.diff(cases.offsets))).any():
            raise Leakage(f"{split.protocol}: models would be fitted on what the same user did after what is asked")


def _keys(log: Log, n_items: int) -> npt.NDArray[np.uint64]:
    """Return a number for each interaction; by user, item and time, equal ones are equal."""
    times = np.ascontiguousarray(log.times + 0.0).view(np.uint64)  # + 0.0: no negative zero
    keys = log.users.astype(np.uint64) * np.uint64(n_items) + log.items.astype(np.uint64)
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (29, 0xC4CEB9FE1A85EC53)):
        keys = (keys ^ (keys >> np.uint64(shift))) * np.uint64(factor)
        keys ^= times
    return keys ^ (keys >> np.uint64(32))
