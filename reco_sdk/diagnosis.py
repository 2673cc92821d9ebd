"""Diagnosis: what ``doctor`` looks at, what it finds wrong, and how to mend it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import asdict, dataclass
from typing import Any

from reco_sdk.config import Config
from reco_sdk.engine import Engine
from reco_sdk.errors import RecoError
from reco_sdk.index.hnsw import hnsw_available
from reco_sdk.interactions.counts import HostCounts, Lost
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.interactions.recorder import Recorder
from reco_sdk.ports import Embedder, Store
from reco_sdk.ranking.model_files import ModelFolder
from reco_sdk.retraining import model_facts
from reco_sdk.snapshot.base import Base
from reco_sdk.troubles import Troubles

__all__ = ["Diagnosis", "diagnose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What ``doctor`` found.

    Parameters
    ----------
    facts
        Counts and names, JSON-ready.
    problems
        What is wrong, each with its mend; empty when all is well.
    """

    facts: dict[str, Any]
    problems: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


async def diagnose(
    store: Store,
    config: Config,
    engine: Engine,
    base: Base,
    recorder: Recorder[Interaction],
    embedder: Embedder | None,
    troubles: Troubles,
    counts: HostCounts | None = None,
    *,
    models: ModelFolder,
) -> Diagnosis:
    """Look at store, model, snapshot and index; say what is wrong and how to mend it."""
    problems: list[str] = []
    state = engine.state
    facts: dict[str, Any] = {
        "items": await store.item_count(),
        "item_version": await store.item_version(),
        "interactions": await store.interaction_counts(),
        "impressions": await store.impression_count(),
        "rows": len(state.view),
        "delta_rows": len(state.view.delta),
        "visitors_live": len(engine.tracker),
        "recorder": await asyncio.to_thread(_recorded, recorder, counts),
        "snapshot": None if base.path is None else {"path": str(base.path), **base.meta},
        "hnsw": hnsw_available(),
        "late_answers": engine.late_answers,
        "new_items": engine.exposure.to_dict(),
        "model": None,
        "ranking": await asyncio.to_thread(model_facts, state.model, models),
    }
    if not facts["items"]:
        problems.append("the store holds no items; import some, or run the shop's sync")
    if base.path is None and facts["items"]:
        problems.append("there is no snapshot yet; run sync")
    without = int((state.view.alive & ~state.view.has_vector).sum())
    facts["without_vector"] = without
    if without:
        problems.append(
            f"{without} items have no vector and are found by category and popularity only; run sync where the model is"
        )
    if embedder is not None:
        try:
            facts["model"] = embedder.fingerprint
            if base.fingerprint and base.fingerprint != facts["model"]:
                problems.append(f"the snapshot was built with model {base.fingerprint}, not {facts['model']}; run sync")
        except RecoError as error:
            problems.append(str(error))
    if not facts["hnsw"] and facts["items"] > config.exact_limit:
        problems.append("hnswlib is not installed, so a large catalogue is searched more slowly; pip install 'reco-sdk[hnsw]'")
    problems += troubles.all
    return Diagnosis(facts=facts, problems=tuple(dict.fromkeys(problems)))


def _recorded(recorder: Recorder[Interaction], counts: HostCounts | None) -> dict[str, Any]:
    """Return what all processes of this host recorded, and what those that have ended did not write."""
    running, ended = recorder.counts, Lost()
    if counts is not None:
        with contextlib.suppress(OSError):
            running, ended = counts.read()
    return {**running.to_dict(), "pending": recorder.pending, "lost": asdict(ended)}
