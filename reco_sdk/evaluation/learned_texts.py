"""Sources that torch trains: a map of the text space, and a sequence model. Left out where torch is not installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from reco_sdk.evaluation.baselines import Popularity, fit_content
from reco_sdk.sources.adapter import AdaptedContent, Adapter
from reco_sdk.sources.proposals import Proposer
from reco_sdk.training.adapter import AdapterSettings, adapted_rows, fit_adapter
from reco_sdk.training.co_occurrence import fit_co_occurrence
from reco_sdk.training.grown import Grown
from reco_sdk.training.model import Items, Log, Model
from reco_sdk.training.sequence_model import SequenceSettings, train_sequence
from reco_sdk.training.sequence_source import GOING_ON, SequenceSource, fit_sequence_source
from reco_sdk.training.session_knn import fit_session_knn

__all__ = ["trained_fits", "trained_sources", "trains"]

ADAPTER: Final = AdapterSettings()
SEQUENCE: Final = SequenceSettings()
LEAST_INTERACTIONS: Final = 10_000
"""With fewer, counting says as much."""
CHEAP: Final = (fit_co_occurrence, fit_session_knn)
"""What the sequence model must add to; what takes longer to fit is not fitted once more for that."""
ADAPTER_SHARE: Final = 0.06
SEQUENCE_SHARE: Final = 0.2
"""Of the time that a fusion may take to fit."""

FitSource = Callable[[Log, Items], Proposer]


def trains() -> bool:
    """Return whether torch is there; nothing is loaded."""
    return importlib.util.find_spec("torch") is not None


def trained_sources(log: Log, items: Items) -> list[tuple[str, Callable[[Log, Items, float], Any]]]:
    """Return names and fits of each alone; none for a log that is too short to train on."""
    if not trains() or len(log) < LEAST_INTERACTIONS:
        return []
    texts: list[tuple[str, Callable[[Log, Items, float], Any]]] = []
    if items.vectors is not None:
        texts.append(("adapted_content", _fit_adapted_content))
    return [*texts, ("sequence", _fit_sequence)]


def _fit_adapted_content(log: Log, items: Items, seconds: float) -> Model:
    """Train the map, and read texts through it; text alone, where the map does not help."""
    adapter = fit_adapter(log, items, replace(ADAPTER, seconds=min(ADAPTER.seconds, seconds)))
    if adapter is None or items.vectors is None:
        return fit_content(log, items, "adapted_content")
    return AdaptedContent(items.vectors, adapter)


def _fit_sequence(log: Log, items: Items, seconds: float) -> Model:
    """Train the sequence model; where there is nothing to train on, what is popular."""
    model = train_sequence(log, items, replace(SEQUENCE, seconds=min(SEQUENCE.seconds, seconds))).model
    return Popularity(np.bincount(log.items, minlength=items.count).astype(np.float64)) if model is None else model


def trained_fits(log: Log, items: Items, seconds: float) -> tuple[list[FitSource], float]:
    """Return fits for one fusion, and how many seconds less than the first time they take the second time.

    They remember what they were fitted on, and go on from there.

    Parameters
    ----------
    log, items
        What the fusion is fitted on; nothing is trained on a short log.
    seconds
        Of the fusion; the trained sources take their shares of it.
    """
    if not trains() or len(log) < LEAST_INTERACTIONS:
        return [], 0.0
    of_map = replace(ADAPTER, seconds=min(ADAPTER.seconds, ADAPTER_SHARE * seconds))
    of_model = replace(SEQUENCE, seconds=min(SEQUENCE.seconds, SEQUENCE_SHARE * seconds))
    # A map, or the verdict that there is none, that was learnt of a part of the log serves for all of it: it says nothing of
    # single items, and what ranks has learnt to read that one.
    maps: Grown[tuple[Adapter | None]] = Grown(lambda part, known, earlier: earlier or (fit_adapter(part, known, of_map),))
    models: Grown[SequenceSource] = Grown(lambda part, known, earlier: fit_sequence_source(part, known, earlier, of_model, CHEAP))
    fits: list[FitSource] = [lambda part, known: models(part, known).proposer]
    spared = (1.0 - GOING_ON) * of_model.seconds
    if items.vectors is not None:
        fits.append(lambda part, known: adapted_rows(known, maps(part, known)[0]))
        spared += of_map.seconds
    return fits, spared
