"""Indexes the sessions of a log for the nearest-session sources."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.sources.session_knn import SessionKnn
from reco_sdk.sources.session_lists import SessionLists, Sessions
from reco_sdk.training.model import Items, Log

__all__ = ["fit_session_knn", "list_sessions", "visitors_stay"]

STAYING_SHARE: Final = 0.01


def list_sessions(log: Log, groups: npt.NDArray[np.int32]) -> SessionLists:
    """Return the sessions of a log; ``groups``, int32 ``(n,)``, are ``log.sessions`` or ``log.users``."""
    order = np.argsort(groups, kind="stable")
    group, items, times = groups[order], log.items[order], log.times[order]
    first = np.flatnonzero(np.r_[len(group) > 0, group[1:] != group[:-1]])
    offsets = np.append(first, len(group)).astype(np.int64)
    return SessionLists.of(Sessions(offsets, items, times[offsets[1:] - 1], group[first].astype(np.int64)), log.n_items)


def visitors_stay(log: Log) -> bool:
    """Return whether sessions hold the same item twice in a row, more often than by accident.

    Where a shop's log was cleaned of such repeats, or it counts pages and not clicks, the next item is never the one just
    seen; elsewhere that is the likeliest of all.
    """
    order = np.argsort(log.sessions, kind="stable")
    session, items = log.sessions[order], log.items[order]
    following = session[1:] == session[:-1]
    again = following & (items[1:] == items[:-1])
    return bool(again.sum() > STAYING_SHARE * following.sum())


def fit_session_knn(log: Log, items: Items) -> SessionKnn:  # noqa: ARG001 -- every fit has the same form
    """Index the sessions."""
    return SessionKnn(list_sessions(log, log.sessions), stays=visitors_stay(log))
