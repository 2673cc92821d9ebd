"""What a sequence model is trained on: windows of what users did, in batches that depend on nothing but a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.training.model import Log
from reco_sdk.types import Floats, Rows

__all__ = ["Batch", "Windows"]

TOKENS: Final = 4_096
"""Places in a batch, those that only fill up included."""
NEGATIVES: Final = 1_024
MOST_HELD: Final = 2_000
HELD_SHARE: Final = 0.1
UNIFORM: Final = 0.5
"""Of the negatives; the others are drawn by popularity, so that what is chosen often must be told apart as well."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some windows of like length.

    Parameters
    ----------
    items
        int64 ``(b, length)``; 0 where a window has ended.
    next
        int64 ``(b, length)``: what came after each; −1 where nothing is asked.
    negatives
        int64 ``(m,)``: what every answer is told apart from.
    expected
        float32 ``(m,)``: logarithm of how often each of them was to be expected among the negatives.
    """

    items: Ints
    next: Ints
    negatives: Ints
    expected: npt.NDArray[np.float32]


class Windows:
    """The sequences of a log, cut to length, the end of some held back: ``held``, what was shown and what came then.

    Parameters
    ----------
    log
        What users did; what one did again at once counts once.
    length
        Items of a window.
    seed
        For what is held back.
    """

    def __init__(self, log: Log, length: int, seed: int = 0) -> None:
        order = np.argsort(log.users, kind="stable")
        users, items = log.users[order], log.items[order].astype(np.int64)
        again = np.zeros(len(items), np.bool_)
        again[1:] = (users[1:] == users[:-1]) & (items[1:] == items[:-1])
        users, self._items = users[~again], items[~again]
        firsts = np.flatnonzero(np.r_[len(users) > 0, users[1:] != users[:-1]])
        stops = np.append(firsts, len(users))[1:]
        long = np.flatnonzero(stops - firsts >= 3)
        held = np.random.default_rng(seed).permutation(long)[: min(int(HELD_SHARE * len(long)), MOST_HELD)]
        self.length = length
        held = np.sort(held)
        self.held_places: Ints = order[~again][stops[held] - 1]
        self.held: tuple[tuple[Rows, int], ...] = tuple(
            (self._items[max(first, last - length) : last].astype(np.int32), int(self._items[last]))
            for first, last in zip(firsts[held].tolist(), (stops[held] - 1).tolist(), strict=True)
        )
        ends = stops.copy()
        ends[held] -= 1
        spans: list[tuple[int, int]] = []
        for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
            # What is asked at ``end - 1`` is shown what came before: windows overlap by one item.
            spans += [(max(stop - length - 1, first), stop) for stop in range(end, first + 1, -length)]
        self._spans = np.asarray(spans, np.int64).reshape(-1, 2)
        counts = np.bincount(self._items, minlength=log.n_items).astype(np.float64)
        for _, target in self.held:
            counts[target] -= 1.0
        self.known: Ints = np.flatnonzero(counts > 0)
        self._odds: Floats = counts[self.known] / max(counts.sum(), 1.0)
        self._below: Floats = np.cumsum(self._odds)

    def __len__(self) -> int:
        return len(self._spans)

    def epoch(self, seed: int, number: int, start: int = 0) -> Iterator[Batch]:
        """Yield every window once; the same for the same seed and number.

        Parameters
        ----------
        start
            Leave out so many batches.
        """
        generator = np.random.default_rng((seed, number))
        lengths = self._spans[:, 1] - self._spans[:, 0] - 1
        order = np.lexsort((generator.random(len(lengths)), lengths))
        groups: list[Ints] = []
        at = len(order)
        while at > 0:
            size = max(TOKENS // int(lengths[order[at - 1]]), 1)
            groups.append(order[max(at - size, 0) : at])
            at -= size
        for place, group in enumerate(generator.permutation(len(groups)).tolist()):
            if place >= start:
                yield self._batch(groups[group], np.random.default_rng((seed, number, place)))

    def batches(self) -> int:
        """Return how many batches an epoch has."""
        lengths = np.sort(self._spans[:, 1] - self._spans[:, 0] - 1)
        count, at = 0, len(lengths)
        while at > 0:
            at -= max(TOKENS // int(lengths[at - 1]), 1)
            count += 1
        return count

    def _batch(self, windows: Ints, generator: np.random.Generator) -> Batch:
        spans = self._spans[windows]
        lengths = spans[:, 1] - spans[:, 0] - 1
        places = spans[:, :1] + np.arange(int(lengths.max()))
        within = np.arange(int(lengths.max())) < lengths[:, None]
        last = len(self._items) - 1
        uniform = generator.random(NEGATIVES) < UNIFORM
        drawn = np.where(
            uniform,
            generator.integers(0, len(self.known), NEGATIVES),
            np.minimum(np.searchsorted(self._below, generator.random(NEGATIVES)), len(self.known) - 1),
        )
        odds = UNIFORM / len(self.known) + (1.0 - UNIFORM) * self._odds[drawn]
        return Batch(
            items=np.where(within, self._items[np.minimum(places, last)], 0),
            next=np.where(within, self._items[np.minimum(places + 1, last)], -1),
            negatives=self.known[drawn],
            expected=np.log(NEGATIVES * odds).astype(np.float32),
        )
