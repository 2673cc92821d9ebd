"""The seam between training and evaluation: a log and items in, a model that answers with candidates out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from reco_sdk.interactions.interaction import KIND_CODES
from reco_sdk.ports import Candidates
from reco_sdk.types import BoolMask, Floats, Rows, Vectors

__all__ = ["KIND_CODES", "Fit", "Items", "Log", "Model"]


@dataclass(frozen=True, slots=True)
class Log:
    """``n`` interactions with known items, ascending by time, those of one time in the order they were logged.

    Parameters
    ----------
    users, items
        int32 ``(n,)``, from 0 up to ``n_users`` and ``n_items``.
    times
        float64 ``(n,)`` epoch seconds; any ascending numbers where only the order is known.
    kinds
        int8 ``(n,)``, places in :data:`KIND_CODES`.
    ratings
        float32 ``(n,)``, or ``None`` where nothing was rated.
    sessions
        int32 ``(n,)``: ids of sessions or baskets, one user each; in ascending order of their first interaction.
    n_users, n_items
        How many there are, those without interactions included.
    """

    users: npt.NDArray[np.int32]
    items: Rows
    times: Floats
    kinds: npt.NDArray[np.int8]
    ratings: npt.NDArray[np.float32] | None
    sessions: npt.NDArray[np.int32]
    n_users: int
    n_items: int

    def __len__(self) -> int:
        return len(self.items)

    def take(self, which: npt.NDArray[np.bool_]) -> Log:
        """Return the interactions where ``which``, bool ``(n,)``, is True; users and items keep their numbers."""
        return Log(
            users=self.users[which],
            items=self.items[which],
            times=self.times[which],
            kinds=self.kinds[which],
            ratings=None if self.ratings is None else self.ratings[which],
            sessions=self.sessions[which],
            n_users=self.n_users,
            n_items=self.n_items,
        )


@dataclass(frozen=True, slots=True)
class Items:
    """What is known of ``n`` items without any interaction.

    Parameters
    ----------
    count
        ``n``.
    vectors
        float32 ``(n, d)``, unit rows, zero where an item has no text; ``None`` where there are no texts at all.
    categories, brands
        int32 ``(n,)``, −1 for none; ``None`` where there are none at all.
    prices
        float64 ``(n,)``, NaN for none; ``None`` where there are none at all.
    """

    count: int
    vectors: Vectors | None = None
    categories: npt.NDArray[np.int32] | None = None
    brands: npt.NDArray[np.int32] | None = None
    prices: Floats | None = None

    def __len__(self) -> int:
        return self.count


class Model(Protocol):
    """A fitted source or a fusion of several, as it serves: numpy only, one thread."""

    @property
    def name(self) -> str:
        """Its name in tables, contributions and reasons."""
        ...

    def scores(self, history_items: Rows, history_times: Floats, k: int, mask: BoolMask | None = None) -> Candidates:
        """Return at most ``k`` rows by descending score.

        Items of the history are proposed like any other; the caller masks what it does not want.

        Parameters
        ----------
        history_items, history_times
            int32 and float64 ``(h,)``, ascending by time, newest last.
        mask
            bool ``(n_items,)``: what may be proposed; ``None`` for everything.
        """
        ...


class Fit(Protocol):
    """Fits one model."""

    def __call__(self, log: Log, items: Items) -> Model:
        """Return the model fitted on the log and nothing else."""
        ...
