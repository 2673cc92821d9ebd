"""Reading the store: vectors of items, and all that a snapshot is built from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from reco_sdk.embedding.sync import embed_catalogue
from reco_sdk.items.item import Item
from reco_sdk.items.text import TextRecipe
from reco_sdk.ports import Embedder, InteractionStore, StateStore, Store
from reco_sdk.snapshot.builder import Progress, SnapshotInput
from reco_sdk.snapshot.log import InteractionLog
from reco_sdk.types import Vector

__all__ = ["MODEL", "PAGE", "Read", "ReadLog", "model_of", "read_everything", "read_log", "read_vectors"]

PAGE: Final = 10_000
MODEL: Final = "model"
"""State: the model whose vectors are complete, for processes that have none of their own."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read for a snapshot, and how many texts were embedded for it or had been before."""

    source: SnapshotInput
    embedded: int
    reused: int


class ReadLog(NamedTuple):
    """The interactions, and the place of the last one."""

    log: InteractionLog
    sequence: int


async def model_of(store: StateStore) -> str:
    """Return the fingerprint of the model whose vectors the store holds, empty before there are any."""
    return await store.get_state(MODEL) or ""


async def read_vectors(store: Store, recipe: TextRecipe, items: Sequence[Item], fingerprint: str) -> dict[str, Vector]:
    """Return the stored vectors of items by id, in the model's space that ``fingerprint`` names."""
    if not fingerprint or not items:
        return {}
    hashes = {item.id: recipe.text_hash(item) for item in items}
    vectors = await store.get_vectors(fingerprint, list(set(hashes.values())))
    return {item_id: vectors[text_hash] for item_id, text_hash in hashes.items() if text_hash in vectors}


async def read_log(store: InteractionStore, progress: Progress | None = None) -> ReadLog:
    """Read all interactions."""
    log = InteractionLog(await store.aliases())
    sequence = 0
    total = await store.interaction_sequence()
    while page := await store.interactions_since(sequence, PAGE):
        await asyncio.to_thread(log.add, [stored.interaction for stored in page])
        sequence = page[-1].sequence
        if progress:
            progress("interactions", min(sequence, total), total)
    return ReadLog(log, sequence)


async def read_everything(
    store: Store,
    recipe: TextRecipe,
    embedder: Embedder | None,
    fingerprint: str,
    progress: Progress | None,
    extra: Mapping[str, str] = MappingProxyType({}),
) -> Read:
    """Read items, vectors and interactions; embed what is missing if there is an embedder.

    Parameters
    ----------
    fingerprint
        The model whose stored vectors are taken where there is no embedder.
    extra
        What else the snapshot is to know of itself.

    Raises
    ------
    EmbeddingError
        When the model fails; what was embedded is stored.
    """
    item_version = await store.item_version()
    items: list[Item] = []
    async for changes in store.iter_items():
        items += [change.item for change in changes if change.item is not None]
    vectors: dict[str, Vector] = {}
    embedded = reused = 0
    if embedder is None:
        vectors = await read_vectors(store, recipe, items, fingerprint)
    else:
        fingerprint = embedder.fingerprint
        told = (lambda done, total: progress("embed", done, total)) if progress else None
        async for report in embed_catalogue(store, embedder, recipe=recipe, progress=told):
            vectors |= report.vectors
            embedded += report.embedded
            reused += report.reused
    logged = await read_log(store, progress)
    source = SnapshotInput(
        items=items,
        vectors=vectors,
        fingerprint=fingerprint,
        recipe_version=recipe.version,
        item_version=item_version,
        sequence=logged.sequence,
        log=logged.log,
        extra=extra,
    )
    return Read(source, embedded, reused)
