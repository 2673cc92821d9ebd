"""Building this host's snapshot from the store: when it is due, and doing it."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reco_sdk.config import Config
from reco_sdk.embedding.backlog import EmbeddingBacklog, embedded_state
from reco_sdk.items.text import TextRecipe
from reco_sdk.ports import Clock, Embedder, StateStore, Store
from reco_sdk.reading import MODEL, Read, model_of, read_everything
from reco_sdk.snapshot.builder import Progress, build_snapshot
from reco_sdk.snapshot.format import FORMAT_VERSION, MANIFEST
from reco_sdk.snapshot.publisher import SnapshotFolder
from reco_sdk.training.behaviour import learn_behaviour

__all__ = ["PRUNED_BEFORE", "Build", "Quiet", "build", "due", "embed_next", "read_meta", "refusal", "remember_model", "store_id"]

logger = logging.getLogger(__name__)

QUIET_SECONDS: Final = 0.5
QUIET_CHANGES_PER_SECOND: Final = 100.0
QUIET_PATIENCE_SECONDS: Final = 60.0

LEARN_AFTER_INTERACTIONS: Final = 10_000
LEARN_AFTER_SECONDS: Final = 3_600.0
"""So much behaviour is worth a snapshot, which counts it in memory that processes share; once an hour at most."""

STORE_ID: Final = "store.id"
"""State: what tells this store from every other."""
PRUNED_BEFORE: Final = "items.pruned_before"
"""State: epoch seconds; a snapshot from before then does not know of every deletion."""


@dataclass(frozen=True, slots=True)
class Build:
    """A snapshot that was built and published, and what was read for it."""

    path: Path
    read: Read


async def build(
    store: Store,
    folder: SnapshotFolder,
    config: Config,
    *,
    recipe: TextRecipe,
    clock: Clock,
    embedder: Embedder | None,
    fingerprint: str,
    progress: Progress | None = None,
) -> Build:
    """Read the store, embed what has no vector, and publish a snapshot; a killed build leaves nothing but its vectors.

    Parameters
    ----------
    embedder
        ``None`` takes the vectors that are stored.
    fingerprint
        Their model while the store does not say that another's are complete.

    Raises
    ------
    EmbeddingError
        When the model fails.
    BuildInProgress
        When another process builds in the same folder.
    SnapshotError
        When it cannot be written.
    """
    with folder.build_lock():
        extra = {"store": await store_id(store)}
        if embedder is None:
            fingerprint = await model_of(store) or fingerprint
            extra["embedded"] = await store.get_state(embedded_state(recipe, fingerprint)) or "0"
        read = await read_everything(store, recipe, embedder, fingerprint, progress, extra)
        if embedder is not None:
            await remember_model(store, recipe, read.source.fingerprint, read.source.item_version)
        now = clock.now().timestamp()
        path = await asyncio.to_thread(
            build_snapshot, folder.root, read.source, config, learn=learn_behaviour, now=now, progress=progress
        )
        folder.publish(path)
        folder.prune()
    return Build(path, read)


async def remember_model(store: StateStore, recipe: TextRecipe, fingerprint: str, version: int) -> None:
    """Let every process know that a model's vectors are complete up to a version."""
    name = embedded_state(recipe, fingerprint)
    if version > int(await store.get_state(name) or 0):
        await store.put_state(name, str(version))
    if await store.get_state(MODEL) != fingerprint:
        await store.put_state(MODEL, fingerprint)


async def embed_next(store: StateStore, backlog: EmbeddingBacklog) -> int:
    """Take one step of the backlog, and let every process know once it is worked off; return how many items were looked at.

    Raises
    ------
    EmbeddingError
        From the model.
    StoreError
        From the store.
    """
    looked = await backlog.step()
    if not looked and await model_of(store) != backlog.fingerprint:
        await store.put_state(MODEL, backlog.fingerprint)
        logger.info("every item is embedded with %s", backlog.fingerprint)
    return looked


async def store_id(store: StateStore) -> str:
    """Return what tells this store from every other, made when it is first asked for."""
    found = await store.get_state(STORE_ID)
    if found is None:
        await store.put_state(STORE_ID, uuid.uuid4().hex)
        found = await store.get_state(STORE_ID)  # of two that make one at a time, the later wins
    return found or ""


async def refusal(store: Store, meta: Mapping[str, Any]) -> str | None:
    """Return why a snapshot must not be served over this store, ``None`` when it may."""
    own, told = await store.get_state(STORE_ID), str(meta.get("store", ""))
    if own and told and own != told:
        return f"it was built from another store ({told[:8]}…, this one is {own[:8]}…)"
    if int(meta["item_version"]) > await store.item_version():
        return "it knows changes that the store does not: the store was emptied or restored from a backup"
    pruned = float(await store.get_state(PRUNED_BEFORE) or 0.0)
    if float(meta["reference"]) < pruned:
        return "it is older than the deletions that the store still remembers"
    return None


def read_meta(path: Path | None) -> dict[str, Any] | None:
    """Return what a snapshot's builder wrote beside the arrays, ``None`` without one that this release reads."""
    if path is None:
        return None
    try:
        content = json.loads((path / MANIFEST).read_bytes())["content"]
        meta, version = content["meta"], content["format"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return meta if isinstance(meta, dict) and version == FORMAT_VERSION else None


async def due(
    store: Store,
    meta: Mapping[str, Any] | None,
    config: Config,
    *,
    recipe: TextRecipe,
    now: float,
) -> str | None:
    """Return why a worker should build now, ``None`` while the snapshot that serves is good enough."""
    version = await store.item_version()
    if meta is None:
        return "there is none" if version else None
    if (wrong := await refusal(store, meta)) is not None:
        return wrong
    if await _changed(store, int(meta["item_version"]), version, config.delta_limit):
        return f"more than {config.delta_limit:,} items changed since the last"
    model = await model_of(store)
    if model and model != meta["fingerprint"]:
        return f"it was built with the model {meta['fingerprint'] or '(none)'}, not {model}"
    if model and meta["with_vector"] < meta["items"]:
        done = int(await store.get_state(embedded_state(recipe, model)) or 0)
        if int(meta.get("embedded", meta["item_version"])) < int(meta["item_version"]) <= done:
            return f"{meta['items'] - meta['with_vector']:,} of its items have a vector by now"
    age = now - float(meta["reference"])
    if age > LEARN_AFTER_SECONDS and await store.interaction_sequence() - int(meta["sequence"]) > LEARN_AFTER_INTERACTIONS:
        return f"more than {LEARN_AFTER_INTERACTIONS:,} interactions came since the last"
    stale = version != int(meta["item_version"]) or await store.interaction_sequence() != int(meta["sequence"])
    if config.snapshot_hours and stale and abs(age) > config.snapshot_hours * 3_600.0:
        hours = abs(age) / 3_600.0
        return f"it is {hours:,.0f} hours old" if age > 0 else f"it is of {hours:,.0f} hours from now: the clock was put back"
    return None


async def _changed(store: Store, since: int, version: int, limit: int) -> bool:
    """Whether more than ``limit`` items differ: one item that changes again and again is one."""
    return version - since > limit and len(await store.changes_since(since, limit + 1)) > limit


class Quiet:
    """Whether a catalogue that arrives at once has arrived: one build after it is worth more than ten during it."""

    def __init__(self) -> None:
        self._since = self._at = -math.inf
        self._version = 0
        self._quiet = False

    def has_come(self, version: int) -> bool:
        """Return whether items change slowly by now, or did not for a minute; to be asked again and again while it is due."""
        now = time.monotonic()
        if now - self._at > 2.0 * QUIET_PATIENCE_SECONDS:  # asked for the first time, or for the first time since long ago
            self._since = self._at = now
            self._version, self._quiet = version, False
        elif now - self._at >= QUIET_SECONDS:
            self._quiet = version - self._version < QUIET_CHANGES_PER_SECOND * (now - self._at)
            self._at, self._version = now, version
        return self._quiet or now - self._since > QUIET_PATIENCE_SECONDS

    def done(self) -> None:
        """Begin anew, after a build."""
        self._at = -math.inf
