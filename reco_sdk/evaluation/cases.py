"""What is asked: cases, each with what is shown and what really came, and the split they belong to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from reco_sdk.training.model import Log
from reco_sdk.types import Floats, Rows

__all__ = ["Cases", "Part", "Split", "new_targets", "without_repeats"]

Part = Literal["test", "validation"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cases:
    """Asks ``c`` times what comes next, given what came before.

    Parameters
    ----------
    places
        int64: places in the log, those of one user or session together and ascending.
    starts, stops
        int64 ``(c,)`` into ``places``: what is shown.
    targets
        int64: places in the log, what really came.
    offsets
        int64 ``(c + 1,)`` into ``targets``.
    units
        int32 ``(c,)``: whose case it is; intervals are taken over these.
    exclude_input
        Whether what was shown may not be recommended.
    name
        Of this way of asking, where a protocol has more than one.
    """

    places: Ints
    starts: Ints
    stops: Ints
    targets: Ints
    offsets: Ints
    units: npt.NDArray[np.int32]
    exclude_input: bool
    name: str = ""

    def __len__(self) -> int:
        return len(self.starts)

    def shown(self, case: int, log: Log) -> tuple[Rows, Floats]:
        """Return items and times of one case's input, newest last."""
        places = self.places[self.starts[case] : self.stops[case]]
        return log.items[places], log.times[places]

    def lengths(self) -> Ints:
        """Return how many interactions each case shows."""
        return self.stops - self.starts

    def of_targets(self) -> Ints:
        """Return the case of each target."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def take(self, which: Ints) -> Cases:
        """Return some of the cases."""
        lengths = np.diff(self.offsets)[which]
        offsets = np.zeros(len(which) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        targets = self.targets[np.repeat(self.offsets[:-1][which] - offsets[:-1], lengths) + np.arange(offsets[-1])]
        return replace(
            self, starts=self.starts[which], stops=self.stops[which], targets=targets, offsets=offsets, units=self.units[which]
        )


@dataclass(frozen=True, slots=True)
class Split:
    """One protocol on one data set.

    Parameters
    ----------
    protocol, part
        Which.
    fit
        bool ``(n,)``: the interactions that models are fitted on.
    cases
        One or more ways of asking.
    ordered
        Whether what is shown comes before what is asked; not so where interactions were drawn by lot.
    cut
        Where the protocol divides time: what is fitted lies before it, what is asked does not.
    description
        One line for the report.
    """

    protocol: str
    part: Part
    fit: npt.NDArray[np.bool_]
    cases: tuple[Cases, ...]
    ordered: bool = True
    cut: float | None = None
    description: str = ""


def new_targets(cases: Cases, log: Log) -> npt.NDArray[np.bool_]:
    """Return for each target whether its item is not among what its case shows."""
    lengths = cases.lengths()
    shown = np.repeat(cases.starts - np.cumsum(lengths) + lengths, lengths) + np.arange(int(lengths.sum()))
    shown_keys = np.unique(np.repeat(np.arange(len(cases)), lengths) * log.n_items + log.items[cases.places[shown]])
    return ~np.isin(cases.of_targets() * log.n_items + log.items[cases.targets], shown_keys)


def without_repeats(cases: Cases, log: Log, name: str) -> Cases:
    """Return the cases that have a target which was not shown, with these targets only; what was shown is excluded."""
    new = new_targets(cases, log)
    counts = np.bincount(cases.of_targets()[new], minlength=len(cases))
    offsets = np.zeros(len(cases) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    kept = replace(cases, targets=cases.targets[new], offsets=offsets, exclude_input=True, name=name)
    return kept.take(np.flatnonzero(counts))
