"""Pairs of items that went together, as what is learnt of texts is trained on them and held against them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.training.model import Log
from reco_sdk.types import Rows

__all__ = ["ContentPairs", "content_pairs"]

HELD_SHARE: Final = 0.1
MOST_HELD: Final = 2_000


@dataclass(frozen=True, slots=True)
class ContentPairs:
    """Pairs, and those that are held back.

    Parameters
    ----------
    learnt
        int32 ``(m, 2)``: an item, and one that followed it; a pair as often as that happened.
    held
        int32 ``(k, 2)``: the same with items that :attr:`learnt` never names, for what is learnt of texts must hold for
        items that nobody has met yet. The pairs stand in an order drawn by lot.
    """

    learnt: Rows
    held: Rows

    def __len__(self) -> int:
        return len(self.learnt)


def content_pairs(
    log: Log, known: npt.NDArray[np.bool_], *, reach: int = 1, by_session: bool = False, seed: int = 0
) -> ContentPairs:
    """Take each item and those that one user turned to next.

    Parameters
    ----------
    log
        What users did.
    known
        bool ``(n_items,)``: which items have a text.
    reach
        How many steps apart a pair may be.
    by_session
        Whether a session's end parts what comes after it.
    seed
        For which items are held back.
    """
    groups = log.sessions if by_session else log.users
    order = np.argsort(groups, kind="stable")
    order = order[known[log.items[order]]]
    groups, items = groups[order], log.items[order]
    found = [np.empty((0, 2), np.int32)]
    for step in range(1, reach + 1):
        same = np.flatnonzero((groups[step:] == groups[:-step]) & (items[step:] != items[:-step]))
        found.append(np.stack((items[same], items[same + step]), axis=1))
    pairs = np.concatenate(found).astype(np.int32)
    generator = np.random.default_rng(seed)
    new = generator.random(log.n_items) < HELD_SHARE
    of_new = new[pairs].any(axis=1)
    held = pairs[of_new]
    return ContentPairs(pairs[~of_new], held[generator.permutation(len(held))[:MOST_HELD]])
