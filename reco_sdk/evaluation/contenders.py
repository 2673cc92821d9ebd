"""What is evaluated: each source by its name, and how it is fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from reco_sdk.evaluation import baselines, rating_models
from reco_sdk.evaluation.dataset import Dataset
from reco_sdk.evaluation.learned_texts import trained_fits, trained_sources
from reco_sdk.sources.item_rows import ItemRows, RowTable
from reco_sdk.sources.proposals import Proposer
from reco_sdk.training.co_occurrence import fit_co_occurrence, fit_history
from reco_sdk.training.factors import fit_factors
from reco_sdk.training.fusion import fit_fusion
from reco_sdk.training.item_cf import fit_item_cf
from reco_sdk.training.lexical import fit_lexical, lexical_table
from reco_sdk.training.linear import MAX_ITEMS, fit_linear
from reco_sdk.training.model import Items, Log
from reco_sdk.training.row_tables import neighbour_table
from reco_sdk.training.session_knn import fit_session_knn
from reco_sdk.training.two_steps import fit_co_then_co, fit_co_then_text, fit_text_then_co
from reco_sdk.training.user_neighbours import fit_user_knn

__all__ = ["Contender", "contenders", "fusion", "learned_sources", "simple_sources"]


_LONG_HISTORY: Final = 6.0
"""Interactions of the average user from which on users and items are compared as a whole: who comes once has no taste to
speak of, and what the session was about says more."""
_NEIGHBOURS: Final = 100
_MOST_NEIGHBOUR_ROWS: Final = 50_000
"""Nearest texts of more items than this take minutes to look for exactly."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A source to be fitted and asked.

    Parameters
    ----------
    name
        In tables.
    fit
        Log, items and the seconds that are left → a model with ``scores``, or with ``predict`` for ratings, or both.
    on_request
        Whether it is left out unless it is named, because it takes much of the time.
    """

    name: str
    fit: Callable[[Log, Items, float], Any]
    on_request: bool = False


def _plain(name: str, fit: Callable[[Log, Items], Any]) -> Contender:
    return Contender(name, lambda log, items, _: fit(log, items))


def contenders(data: Dataset, *, ordered: bool = True) -> tuple[Contender, ...]:
    """Return all that such data can be evaluated with.

    Parameters
    ----------
    ordered
        Whether what is asked comes after what is shown; the fusion learns on questions of the same form.
    """
    return (
        *learned_sources(data),
        *simple_sources(data),
        fusion(data, ordered=ordered),
        fusion(data, ordered=ordered, additive=True),
        *_trained(data, ordered=ordered),
    )


def _learned_fits(data: Dataset) -> list[tuple[str, Callable[[Log, Items], Proposer]]]:
    """Return the sources that learn from what visitors did; a new one is a line here."""
    out: list[tuple[str, Callable[[Log, Items], Proposer]]] = [
        ("co_occurrence", fit_co_occurrence),
        ("session_knn", fit_session_knn),
    ]
    if len(np.unique(data.log.sessions)) > len(np.unique(data.log.users)):  # else a history is a session
        out.append(("history", fit_history))
    if data.log.n_items <= MAX_ITEMS:
        out.append(("linear", fit_linear))
    if len(data.log) >= _LONG_HISTORY * len(np.unique(data.log.users)):
        out += [("factors", fit_factors), ("item_cf", fit_item_cf), ("user_knn", fit_user_knn)]
    return out


def learned_sources(data: Dataset) -> tuple[Contender, ...]:
    """Return the sources that learn from what visitors did."""
    return tuple(_plain(name, fit) for name, fit in _learned_fits(data))


def _trained(data: Dataset, *, ordered: bool) -> tuple[Contender, ...]:
    """Return what torch trains, and the fusion with it, on request."""
    alone = [Contender(name, fit, on_request=True) for name, fit in trained_sources(data.log, data.items)]
    return (*alone, fusion(data, ordered=ordered, trained=True)) if alone else ()


def fusion(data: Dataset, *, ordered: bool = True, additive: bool = False, trained: bool = False) -> Contender:
    """Return the fusion of all learned sources and of content.

    On request ``additive``, as of :func:`fit_fusion`, or with the sources that torch trains.
    """
    fits = [fit for _, fit in _learned_fits(data)]
    if len(data.items) <= _MOST_NEIGHBOUR_ROWS:
        fits.append(fit_co_then_co)
        if data.items.vectors is not None:
            fits += _of_texts()

    name = "additive" if additive else "fusion_trained" if trained else "fusion"

    def fit(log: Log, items: Items, seconds: float) -> Any:
        more, spared = trained_fits(log, items, seconds) if trained else ([], 0.0)
        model = fit_fusion(log, items, seconds + spared, [*fits, *more], ordered=ordered, additive=additive)
        # Where content is all that the evidence speaks for, it is asked itself: the candidates of the fusion are only a part.
        return baselines.fit_content(log, items, name) if model.choice.startswith("content, ") else model

    return Contender(name, fit, on_request=additive or trained)


def _of_texts() -> list[Callable[[Log, Items], Proposer]]:
    """Return fits that share the nearest texts, looked for once, whatever log they are given."""
    known: list[RowTable] = []

    def texts(items: Items) -> RowTable:
        if not known and items.vectors is not None:
            known.append(neighbour_table(items.vectors, _NEIGHBOURS))
        return known[0]

    return [
        lambda _, items: ItemRows("content_rows", texts(items), decays=(0.7,), max_items=10),
        lambda log, items: fit_text_then_co(log, texts(items)),
        lambda log, items: fit_co_then_text(log, texts(items)),
    ]


def simple_sources(data: Dataset) -> tuple[Contender, ...]:
    """Return what every learned source is held against."""
    out = [_plain("random", baselines.fit_random), _plain("popularity", baselines.fit_popularity)]
    if data.timed:
        out.append(_plain("recent_popularity", baselines.fit_recent_popularity))
    if data.items.vectors is not None:
        out.append(_plain("content", baselines.fit_content))
    if (texts := data.texts) is not None and len(texts) <= _MOST_NEIGHBOUR_ROWS:
        out.append(_plain("lexical", lambda _log, _items: fit_lexical(lexical_table(texts))))
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
