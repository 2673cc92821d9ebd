"""The delta: items that differ from the snapshot, as the store tells them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reco_sdk.config import Config
from reco_sdk.items.item import Item
from reco_sdk.items.text import TextRecipe
from reco_sdk.ports import ItemChange, Store
from reco_sdk.reading import PAGE, model_of, read_vectors
from reco_sdk.snapshot.base import Base
from reco_sdk.types import Vector

__all__ = ["Delta", "DeltaReader"]

ROOM: Final = 5
"""So many times ``delta_limit`` items are kept beside the snapshot; what comes above that waits for the next one."""
LONGEST_WAIT_SECONDS: Final = 60.0


@dataclass(slots=True)
class Delta:
    """What changed in the store since the snapshot.

    Parameters
    ----------
    changed
        Items that are new or different, by id.
    deleted
        Ids of the snapshot's items that are not shown any more.
    waiting
        Ids of changed items above the delta's room: the next snapshot brings them.
    vectors
        Raw vectors of ``changed``, where known.
    version
        How far the store was read.
    """

    changed: dict[str, Item] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    vectors: dict[str, Vector] = field(default_factory=dict)
    version: int = 0

    @property
    def size(self) -> int:
        """How many items differ."""
        return len(self.changed) + len(self.deleted) + len(self.waiting - self.deleted)

    def take(self, change: ItemChange, room: int) -> bool:
        """Take over one change; return whether its item is new in ``changed``."""
        item_id, item = change.item_id, change.item
        self.waiting.discard(item_id)
        if item is None:
            self.changed.pop(item_id, None)
            self.deleted.add(item_id)
            return False
        if item_id not in self.changed and len(self.changed) >= room:
            self.waiting.add(item_id)
            if not item.is_available:
                self.deleted.add(item_id)  # what cannot be bought any more does not wait
            return False
        self.changed[item_id] = item
        self.deleted.discard(item_id)
        return True


class DeltaReader:
    """Reads how the store differs from a snapshot.

    Parameters
    ----------
    fingerprint
        The model that vectors are looked up under while there is no snapshot; empty for that of the store.
    """

    def __init__(self, store: Store, config: Config, recipe: TextRecipe, fingerprint: Callable[[], str]) -> None:
        self._store = store
        self._room = ROOM * max(config.delta_limit, 1)
        self._shortest_wait = config.poll_interval_seconds
        self._recipe = recipe
        self._fingerprint = fingerprint
        self._wait = 0.0
        self._not_before = 0.0

    def hurry(self) -> None:
        """Look for vectors that were missing at the next read."""
        self._not_before = 0.0

    async def read(self, base: Base, before: Delta, *, all_vectors: bool = False) -> Delta | None:
        """Return what differs by now; ``None`` when nothing was added since ``before``.

        Parameters
        ----------
        all_vectors
            Whether to look for every vector that is missing, and not only now and then.
        """
        delta = Delta(dict(before.changed), set(before.deleted), set(before.waiting), {}, before.version)
        fresh: set[str] = set()
        while page := await self._store.changes_since(delta.version, PAGE):
            fresh.update(change.item_id for change in page if delta.take(change, self._room))
            delta.version = page[-1].version
        fresh &= delta.changed.keys()
        delta.vectors = {i: v for i, v in before.vectors.items() if i in delta.changed and i not in fresh}
        found = await self._vectors(base, delta, fresh, all_vectors=all_vectors)
        if delta.version == before.version and not found:
            return None
        delta.vectors |= found
        return delta

    async def _vectors(self, base: Base, delta: Delta, fresh: set[str], *, all_vectors: bool) -> Mapping[str, Vector]:
        """Return vectors of what has none yet: of new items at once, of others ever less often."""
        now = time.monotonic()
        looks = all_vectors or now >= self._not_before
        wanted: Sequence[str] = [i for i in delta.changed if i not in delta.vectors] if looks else list(fresh)
        if not wanted:
            return {}
        fingerprint = base.fingerprint or self._fingerprint() or await model_of(self._store)
        found = await read_vectors(self._store, self._recipe, [delta.changed[i] for i in wanted], fingerprint)
        if fresh or found:
            self._wait = 0.0  # somebody embeds: more will come soon
        if looks or fresh:
            self._wait = min(max(self._wait * 1.5, self._shortest_wait), LONGEST_WAIT_SECONDS)
            self._not_before = now + self._wait
        return found
