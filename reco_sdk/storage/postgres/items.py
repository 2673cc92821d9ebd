"""Items in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

from reco_sdk.items.item import Item, check_unique_ids
from reco_sdk.ports import ItemChange, Lease, UpsertReport
from reco_sdk.storage import rows
from reco_sdk.storage.postgres.part import COUNTERS, PostgresPart, off_loop, pair
from reco_sdk.storage.queries import load_queries
from reco_sdk.storage.times import to_micros

__all__ = ["PostgresItems"]

_SQL: Final = load_queries("postgres/items.sql")
_COUNTER: Final = "item"


class PostgresItems(PostgresPart):
    """An :class:`~reco_sdk.ports.ItemStore`. Writers take turns, by the row that numbers versions."""

    async def upsert_items(self, items: Sequence[Item], *, lease: Lease | None = None) -> UpsertReport:
        """Store a batch, all or nothing; items whose content hash is unchanged keep their version."""
        batch = list(items)
        check_unique_ids(batch)
        # Before the lock is taken, those that turn out to be unchanged too: others wait for their turn behind it.
        hashes, texts = await off_loop(
            lambda: ({item.id: item.content_hash for item in batch}, {item.id: rows.item_text(item) for item in batch}),
            len(batch),
        )
        async with self._pool.transaction() as db:
            await self._fence(db, lease)
            version = await self._lock_counter(db, _COUNTER)
            stored = dict(await db.fetch(_SQL["live_hashes"], list(hashes)))
            changed = [item for item in batch if stored.get(item.id) != hashes[item.id]]
            if changed:
                last = await self._count(db, _COUNTER, len(changed))
                await db.execute(
                    _SQL["upsert_items"],
                    [item.id for item in changed],
                    list(range(version + 1, last + 1)),
                    [hashes[item.id] for item in changed],
                    [texts[item.id] for item in changed],
                    self._now(),
                )
                await self._tell(db, "items")
        return rows.upsert_report(version, batch, changed, stored)

    async def delete_items(self, item_ids: Sequence[str], *, lease: Lease | None = None) -> int:
        """Mark as deleted; return how many there were. Unknown ids are passed over."""
        wanted = rows.storable_keys(item_ids)
        async with self._pool.transaction() as db:
            await self._fence(db, lease)
            version = await self._lock_counter(db, _COUNTER)
            live = {row[0] for row in await db.fetch(_SQL["live_hashes"], wanted)}
            gone = [key for key in wanted if key in live]
            if gone:
                last = await self._count(db, _COUNTER, len(gone))
                await db.execute(_SQL["delete_items"], gone, list(range(version + 1, last + 1)), self._now())
                await self._tell(db, "items")
        return len(gone)

    async def prune_deleted(self, before: datetime) -> int:
        """Forget items that were deleted before then, but for the greatest version; return how many."""
        return await self._execute(_SQL["prune_deleted"], to_micros(before))

    async def get_items(self, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return those of the items that are stored and not deleted."""
        keys = rows.storable_keys(item_ids)
        return dict(await self._read(_SQL["live_items"], keys, decode=lambda row: (row[0], rows.item_from_text(*row))))

    async def content_hashes(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return the stored content hash by id, for those that are stored and not deleted."""
        return dict(await self._read(_SQL["live_hashes"], rows.storable_keys(item_ids), decode=pair))

    async def iter_items(self, batch: int = 1_000) -> AsyncIterator[list[ItemChange]]:
        """Yield all items that are not deleted, by ascending id, ``batch`` at a time."""
        limit = rows.check_limit("batch", batch)
        after = ""
        while changes := await self._read(_SQL["items_after"], after, limit, decode=rows.change_from_row):
            yield changes
            after = changes[-1].item_id

    async def changes_since(self, version: int, limit: int = 10_000) -> list[ItemChange]:
        """Return changes with a greater version, ascending, deletions included, at most ``limit``."""
        return await self._read(_SQL["changes_since"], version, rows.check_limit("limit", limit), decode=rows.change_from_row)

    async def item_version(self) -> int:
        """Return the greatest version given so far, 0 for an empty store."""
        return await self._value(COUNTERS["counted"], _COUNTER)

    async def item_count(self) -> int:
        """Return how many items are stored and not deleted."""
        return await self._value(_SQL["item_count"])
