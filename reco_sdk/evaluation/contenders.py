"""What is evaluated: each source by its name, and how it is fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reco_sdk.evaluation import baselines, rating_models
from reco_sdk.evaluation.dataset import Dataset
from reco_sdk.training.co_occurrence import fit_co_occurrence, fit_history
from reco_sdk.training.model import Items, Log
from reco_sdk.training.session_knn import fit_session_knn

__all__ = ["Contender", "contenders", "learned_sources", "simple_sources"]


@dataclass(frozen=True, slots=True)
class Contender:
    """A source to be fitted and asked.

    Parameters
    ----------
    name
        In tables.
    fit
        Log, items and the seconds that are left → a model with ``scores``, or with ``predict`` for ratings, or both.
    """

    name: str
    fit: Callable[[Log, Items, float], Any]


def _plain(name: str, fit: Callable[[Log, Items], Any]) -> Contender:
    return Contender(name, lambda log, items, _: fit(log, items))


def contenders(data: Dataset) -> tuple[Contender, ...]:
    """Return all that such data can be evaluated with."""
    return (*learned_sources(data), *simple_sources(data))


def learned_sources(data: Dataset) -> tuple[Contender, ...]:
    """Return the sources that learn from what visitors did; a new one is a line here."""
    out = [_plain("co_occurrence", fit_co_occurrence), _plain("session_knn", fit_session_knn)]
    if len(np.unique(data.log.sessions)) > len(np.unique(data.log.users)):  # else a history is a session
        out.append(_plain("history", fit_history))
    return tuple(out)


def simple_sources(data: Dataset) -> tuple[Contender, ...]:
    """Return what every learned source is held against."""
    out = [_plain("random", baselines.fit_random), _plain("popularity", baselines.fit_popularity)]
    if data.timed:
        out.append(_plain("recent_popularity", baselines.fit_recent_popularity))
    if data.items.vectors is not None:
        out.append(_plain("content", baselines.fit_content))
    if data.log.ratings is not None:
        out += _rating_models(data.log)
    return tuple(out)


def _rating_models(log: Log) -> list[Contender]:
    """Return what predicts ratings; neighbours only among so many as fit into memory."""
    out = [_plain("mean_ratings", baselines.fit_mean_ratings), Contender("biased_factors", rating_models.fit_biased_factors)]
    cells = log.n_users * log.n_items
    if max(cells, log.n_users**2) <= rating_models.MAX_CELLS:
        out.append(_plain("user_neighbours", rating_models.fit_user_neighbours))
    if max(cells, log.n_items**2) <= rating_models.MAX_CELLS:
        out.append(_plain("item_neighbours", rating_models.fit_item_neighbours))
    return out
