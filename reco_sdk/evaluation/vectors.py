"""Vectors of a data set's items: embedded once, kept in a file, whitened as a snapshot does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from reco_sdk.embedding.sync import embed_items
from reco_sdk.evaluation.dataset import Dataset
from reco_sdk.items.item import Item
from reco_sdk.items.text import TextRecipe
from reco_sdk.ports import Embedder, VectorStore
from reco_sdk.snapshot.whitening import Whitening

__all__ = ["embed_dataset"]

_BATCH: Final = 4_096
_TEXT_AS_IT_IS: Final = TextRecipe(version="evaluation", build=lambda item: item.description)


async def embed_dataset(
    data: Dataset, store: VectorStore, embedder: Embedder, progress: Callable[[int, int], None] | None = None
) -> Dataset:
    """Return the data set with whitened vectors, unit rows, zero for items without text.

    What is embedded is kept in ``store``, so that a run that was stopped goes on and a second one embeds nothing.

    Raises
    ------
    EmbeddingError
        When the model fails.
    """
    if data.texts is None:
        return data
    told = [place for place, text in enumerate(data.texts) if text]
    vectors = np.zeros((len(data.texts), embedder.dimension), np.float32)
    for start in range(0, len(told), _BATCH):
        part = told[start : start + _BATCH]
        items = [Item(id=str(place), title="-", description=data.texts[place]) for place in part]

        def shifted(done: int, _total: int, start: int = start) -> None:
            if progress is not None:
                progress(start + done, len(told))

        report = await embed_items(store, embedder, items, recipe=_TEXT_AS_IT_IS, progress=shifted)
        for place in part:
            vectors[place] = report.vectors[str(place)]
    return data.with_vectors(Whitening.fit(vectors[told]).transform(vectors))
