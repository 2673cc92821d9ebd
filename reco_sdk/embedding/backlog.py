"""Items of the store whose text has no vector yet, embedded in the background: what changed last goes first."""

from __future__ import annotations

import time
from typing import Final, Protocol

from reco_sdk.embedding.sync import CatalogueStore, embed_items
from reco_sdk.items.text import TextRecipe
from reco_sdk.ports import Embedder, ItemChange, StateStore

__all__ = ["EmbeddingBacklog", "embedded_state"]

FRESH: Final = 256
SLICE_MIN, SLICE_MAX = 16, 512
SLICE_SECONDS: Final = 0.5


class _Store(CatalogueStore, StateStore, Protocol):
    """What it needs of a store."""


def embedded_state(recipe: TextRecipe, fingerprint: str) -> str:
    """Return the name under which the store keeps up to which version everything was embedded with a model."""
    return f"embedded:{recipe.version}:{fingerprint}"


class EmbeddingBacklog:
    """Embeds what the store holds, a small step at a time.

    Behind ``done`` everything has a vector. A catalogue that arrives at once is worked through from there, while what
    changes meanwhile is looked at before each step, so that one edited item never waits for a hundred thousand others.

    Parameters
    ----------
    store
        Items, vectors, and how far it came: a killed process goes on from there.
    embedder
        The model.
    recipe
        Item → text.
    """

    def __init__(self, store: _Store, embedder: Embedder, recipe: TextRecipe) -> None:
        self.embedded = 0
        self._store = store
        self._embedder = embedder
        self._recipe = recipe
        self._fingerprint = ""
        self._done = 0
        self._looked = 0
        self._slice = SLICE_MIN

    @property
    def fingerprint(self) -> str:
        """The model, empty before the first step."""
        return self._fingerprint

    @property
    def waiting(self) -> int:
        """How many versions were not looked at yet, at most; 0 when all is embedded."""
        return self._looked - self._done

    async def step(self) -> int:
        """Embed what is next; return how many items were looked at, 0 when there are none.

        Raises
        ------
        EmbeddingError
            From the model; the same items are tried at the next step.
        StoreError
            From the store.
        """
        version = await self._store.item_version()
        await self._begin(version)
        if version > self._looked:
            fresh = await self._store.changes_since(max(self._looked, version - FRESH), FRESH)
            await self._embed(fresh)
            if self._done == self._looked and version - self._looked <= FRESH:
                await self._move(version)
            self._looked = version
            return len(fresh)
        if self._done >= self._looked:
            return 0
        started = time.monotonic()
        page = await self._store.changes_since(self._done, self._slice)
        await self._embed(page)
        took = time.monotonic() - started
        self._slice = min(self._slice * 2, SLICE_MAX) if took < SLICE_SECONDS / 2 else max(self._slice // 2, SLICE_MIN)
        await self._move(page[-1].version if page else self._looked)
        return max(len(page), 1)

    async def _begin(self, version: int) -> None:
        """Go on from where the store says, at first and after a backup was restored."""
        fingerprint = self._embedder.fingerprint
        if fingerprint != self._fingerprint or version < self._looked:
            known = int(await self._store.get_state(embedded_state(self._recipe, fingerprint)) or 0)
            self._done = self._looked = known if known <= version else 0
            self._fingerprint = fingerprint

    async def _move(self, version: int) -> None:
        if version != self._done:
            await self._store.put_state(embedded_state(self._recipe, self._fingerprint), str(version))
            self._done = version

    async def _embed(self, changes: list[ItemChange]) -> None:
        items = [change.item for change in changes if change.item is not None]
        if items:
            report = await embed_items(self._store, self._embedder, items, recipe=self._recipe)
            self.embedded += report.embedded
