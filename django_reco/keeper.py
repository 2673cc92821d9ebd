"""The store as the indexer writes it: blocking, and only while this process holds the lease."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from reco_sdk.errors import LeaseLost
from reco_sdk.interactions.interaction import check_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reco_sdk.interactions.interaction import Interaction
    from reco_sdk.items.item import Item
    from reco_sdk.leasing import LeaseHolder
    from reco_sdk.ports import ItemChange, Lease, Store

__all__ = ["StoreKeeper"]

T = TypeVar("T")


class StoreKeeper:
    """What sweep, marks and orders need of a store.

    Nothing is embedded here, and no view made: whoever serves follows the store, and vectors come as they are ready.

    Parameters
    ----------
    run
        Runs a coroutine on the store's loop and waits for it.
    store
        The truth.
    holder
        Who must hold the lease for anything to be written.
    """

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any], store: Store, holder: LeaseHolder) -> None:
        self._run = run
        self._store = store
        self._holder = holder

    @contextmanager
    def _lease(self) -> Iterator[Lease]:
        lease = self._holder.lease
        if lease is None:
            raise LeaseLost(f"the lease {self._holder.name!r} ran out or went to another process; nothing was written")
        try:
            yield lease
        except LeaseLost:
            self._holder.lost()
            raise

    def content_hashes(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return the stored content hash by id."""
        found: dict[str, str] = self._run(self._store.content_hashes(item_ids))
        return found

    def item_count(self) -> int:
        """Return how many items are stored."""
        return int(self._run(self._store.item_count()))

    def stored_ids(self) -> Iterator[str]:
        """Yield the ids of all stored items."""
        pages: AsyncIterator[list[ItemChange]] = self._store.iter_items()

        async def page() -> list[ItemChange]:
            return await anext(pages, [])

        while changes := self._run(page()):
            yield from (change.item_id for change in changes)

    def upsert(self, items: Sequence[Item]) -> None:
        """Store items."""
        with self._lease() as lease:
            self._run(self._store.upsert_items(items, lease=lease))

    def delete(self, item_ids: Sequence[str]) -> int:
        """Delete items, return how many there were."""
        with self._lease() as lease:
            return int(self._run(self._store.delete_items(item_ids, lease=lease)))

    def import_interactions(self, interactions: Sequence[Interaction]) -> int:
        """Store history of any age; return how many were new. It needs no lease: what was stored before counts once."""
        now = datetime.now(UTC)
        for interaction in interactions:
            check_time(interaction, now, max_age_years=None)
        return int(self._run(self._store.append_interactions(interactions)))

    def get_state(self, name: str) -> str | None:
        """Return a small named value."""
        value: str | None = self._run(self._store.get_state(name))
        return value

    def put_state(self, name: str, value: str | None) -> None:
        """Keep a small named value."""
        with self._lease() as lease:
            self._run(self._store.put_state(name, value, lease=lease))
