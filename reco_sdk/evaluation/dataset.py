"""A data set: items, a log in order, and which part of it is for what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.training.model import KIND_CODES, Items, Log
from reco_sdk.types import Floats

__all__ = ["SESSION_GAP_SECONDS", "TEST", "TRAIN", "VALIDATION", "Dataset", "Sequences", "make_log", "session_numbers"]

TRAIN: Final = 0
VALIDATION: Final = 1
TEST: Final = 2
SESSION_GAP_SECONDS: Final = 1_800.0

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a folder, or a shop's store, holds.

    Parameters
    ----------
    name
        Of the folder.
    item_ids
        By item number.
    items
        What is known of them beside the log.
    texts
        What is embedded for each item, ``""`` for nothing; ``None`` where there is no text at all.
    log
        Everything that happened, the parts for validation and test included.
    timed
        Whether the log's times are epoch seconds, and not merely an order.
    parts
        int8 ``(n,)``: :data:`TRAIN`, :data:`VALIDATION` or :data:`TEST` for each interaction, where the data come divided.
    questions
        int64 ``(q,)`` places in the log: the interactions that are to be foretold from what their session holds before
        them, where the data say which; ``None`` for all but the first of each session.
    baskets
        Whether a session is an order, whose items have no order among themselves.
    notes
        What was left out, and why.
    """

    name: str
    item_ids: tuple[str, ...]
    items: Items
    texts: tuple[str, ...] | None
    log: Log
    timed: bool
    parts: npt.NDArray[np.int8] | None = None
    questions: Ints | None = None
    baskets: bool = False
    notes: tuple[str, ...] = ()

    def with_vectors(self, vectors: npt.NDArray[np.float32]) -> Dataset:
        """Return the same with the items' vectors."""
        return replace(self, items=replace(self.items, vectors=vectors))


@dataclass(frozen=True, slots=True)
class Sequences:
    """The interactions of each user, or of each session, in order.

    Parameters
    ----------
    places
        int64 ``(n,)`` places in the log, by group, ascending within one.
    offsets
        int64 ``(groups + 1,)`` into ``places``.
    """

    places: Ints
    offsets: Ints

    @classmethod
    def of(cls, groups: npt.NDArray[np.int32], count: int) -> Sequences:
        """Sort by group; ``count`` groups, those without interactions included."""
        offsets = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(groups, minlength=count), out=offsets[1:])
        return cls(np.argsort(groups, kind="stable"), offsets)

    def lengths(self) -> Ints:
        """Return how many interactions each group has."""
        return np.diff(self.offsets)


def session_numbers(users: npt.NDArray[np.int32], times: Floats, gap_seconds: float = SESSION_GAP_SECONDS) -> Ints:
    """Return a number for each interaction, the same within a user's session; a longer pause begins the next."""
    order = np.lexsort((times, users))
    new = np.ones(len(users), np.bool_)
    new[1:] = (np.diff(users[order]) != 0) | (np.diff(times[order]) > gap_seconds)
    numbers = np.empty(len(users), np.int64)
    numbers[order] = np.cumsum(new) - 1
    return numbers


def make_log(
    users: npt.NDArray[np.int32],
    items: npt.NDArray[np.int32],
    times: Floats,
    sessions: npt.NDArray[np.int64] | npt.NDArray[np.int32],
    *,
    kinds: npt.NDArray[np.int8] | str,
    n_users: int,
    n_items: int,
    ratings: npt.NDArray[np.float32] | None = None,
) -> tuple[Log, Ints]:
    """Return the log in order of time, and where each of its interactions stood before.

    Parameters
    ----------
    users, items, times, sessions
        Of equal length. Interactions of one time stay in the order given; sessions are numbered anew.
    kinds
        Codes, or one name for all.
    """
    order = np.argsort(times, kind="stable")
    _, first, number = np.unique(sessions[order], return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first), dtype=np.int32)
    codes = np.full(len(users), KIND_CODES.index(kinds), np.int8) if isinstance(kinds, str) else kinds
    log = Log(
        users=users[order],
        items=items[order],
        times=times[order],
        kinds=codes[order],
        ratings=None if ratings is None else ratings[order],
        sessions=rank[number],
        n_users=n_users,
        n_items=n_items,
    )
    return log, order
