"""Items whose text is new to this model → vectors in the store; an unchanged text is never embedded twice."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from reco_sdk.embedding.checks import check_vectors
from reco_sdk.items.text import DEFAULT_RECIPE, TextRecipe
from reco_sdk.ports import Embedder, ItemStore, VectorStore

if TYPE_CHECKING:
    from reco_sdk.items.item import Item
    from reco_sdk.types import ItemId, Vector

__all__ = ["CatalogueStore", "EmbedReport", "Progress", "embed_catalogue", "embed_items"]

Progress = Callable[[int, int], None]
"""Called with how many items are done, and of how many."""

# What a killed run loses at most; long enough that a batch on a GPU is full.
STORE_EVERY: Final = 512


class CatalogueStore(ItemStore, VectorStore, Protocol):
    """A store of items and of their vectors."""


@dataclass(frozen=True, slots=True)
class EmbedReport:
    """What one call did.

    Parameters
    ----------
    vectors
        The vector of every item by id, float32 ``(d,)``.
    embedded
        How many texts went through the model.
    reused
        How many items had a stored vector, or share the text of another.
    """

    # Printing thousands of vectors takes seconds, and asyncio.run prints the result of its task.
    vectors: dict[ItemId, Vector] = field(repr=False)
    embedded: int
    reused: int


async def embed_items(
    store: VectorStore,
    embedder: Embedder,
    items: Sequence[Item],
    *,
    recipe: TextRecipe = DEFAULT_RECIPE,
    progress: Progress | None = None,
) -> EmbedReport:
    """Return the vectors of ``items``, embedding and storing those whose text this model has not seen.

    What is missing is embedded in order of length, 512 texts at a time, and each such part is stored when it is done:
    a run that was killed goes on where it stopped.

    Parameters
    ----------
    store
        Where vectors are kept, under the embedder's fingerprint and the text's hash.
    embedder
        The model.
    items
        Any number; an id that stands twice keeps the later item.
    recipe
        Item → text.
    progress
        Called after each part with items done and all items.

    Raises
    ------
    EmbeddingError
        From the model, or when it answers with another shape or values that are not finite; what was stored stays.
    """
    by_id = {item.id: recipe.text(item) for item in items}
    hashes = {item_id: _hash(text) for item_id, text in by_id.items()}
    shared = Counter(hashes.values())
    fingerprint = embedder.fingerprint
    known = dict(await store.get_vectors(fingerprint, list(shared)))
    missing = {hashes[item_id]: text for item_id, text in by_id.items() if hashes[item_id] not in known}
    queue = sorted(missing.items(), key=lambda pair: (len(pair[1]), pair[1]))
    done = sum(count for text_hash, count in shared.items() if text_hash in known)
    if progress is not None:
        progress(done, len(by_id))
    for start in range(0, len(queue), STORE_EVERY):
        part = queue[start : start + STORE_EVERY]
        rows = check_vectors(await embedder.embed([text for _, text in part]), len(part), embedder.dimension)
        fresh = {text_hash: rows[row] for row, (text_hash, _) in enumerate(part)}
        await store.put_vectors(fingerprint, fresh)
        known.update(fresh)
        done += sum(shared[text_hash] for text_hash in fresh)
        if progress is not None:
            progress(done, len(by_id))
    vectors = {item_id: known[text_hash] for item_id, text_hash in hashes.items()}
    return EmbedReport(vectors=vectors, embedded=len(queue), reused=len(by_id) - len(queue))


async def embed_catalogue(
    store: CatalogueStore,
    embedder: Embedder,
    *,
    recipe: TextRecipe = DEFAULT_RECIPE,
    batch: int = 2_048,
    progress: Progress | None = None,
) -> AsyncIterator[EmbedReport]:
    """Yield the vectors of every stored item, ``batch`` items at a time by ascending id.

    Memory holds one batch; what was yielded is stored, so a killed run resumes.

    Raises
    ------
    EmbeddingError
        As :func:`embed_items`.
    """
    total = await store.item_count()
    done = 0

    def shifted(part_done: int, _part: int) -> None:
        if progress is not None:
            # Items may arrive while we read; a bar never passes its end.
            progress(done + part_done, max(total, done + part_done))

    async for changes in store.iter_items(batch):
        items = [change.item for change in changes if change.item is not None]
        yield await embed_items(store, embedder, items, recipe=recipe, progress=shifted)
        done += len(items)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
