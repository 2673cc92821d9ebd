"""The store in one SQLite file: one writer, one reader, write-ahead log."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from reco_sdk.errors import NotRunning
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.items.item import Item, check_unique_ids
from reco_sdk.ports import Clock, Impression, ItemChange, Lease, StoredInteraction, UpsertReport
from reco_sdk.storage import rows, schema
from reco_sdk.storage.leases import LeaseRow, check_lease_request, fence
from reco_sdk.storage.queries import load_queries
from reco_sdk.storage.rules import SqliteRules
from reco_sdk.storage.sqlite_connection import SqliteConnection
from reco_sdk.storage.times import SystemClock, to_micros
from reco_sdk.types import Vector

__all__ = ["SqliteStore"]

T = TypeVar("T")

PRUNED_AT_ONCE = 5_000


class SqliteStore(SqliteRules):
    """A :class:`~reco_sdk.ports.Store` in one file, which other processes may use at the same time.

    A write is one transaction under SQLite's write lock: after a crash, a full disk or an error it is there as a whole
    or not at all. Reads go through a connection of their own and never wait for a write. The store may be opened
    before a fork; each process then has its own connections.

    Parameters
    ----------
    path
        The file; made if missing, its folder must exist. A relative path is taken from the folder current now.
    busy_timeout_seconds
        How long a write waits for another process's write.
    clock
        Stamps ``updated_at``, and what leases go by; the machine's own by default.
    """

    def __init__(self, path: str | Path, *, busy_timeout_seconds: float = 5.0, clock: Clock | None = None) -> None:
        self.path = Path(path).absolute()
        self._busy_timeout_seconds = busy_timeout_seconds
        self._clock = clock or SystemClock()
        self._sql = load_queries("sqlite.sql")
        self._connections: tuple[SqliteConnection, SqliteConnection] | None = None

    async def open(self) -> None:
        """Connect and migrate; nothing when it is open already.

        Raises
        ------
        StoreTooNew
            When a newer release wrote the file.
        MigrationError
            When its schema is not what the ledger says.
        StoreError
            When the file cannot be opened or made.
        """
        if self._connections is not None:
            return
        writer = SqliteConnection(self.path, create=True, busy_timeout_seconds=self._busy_timeout_seconds)
        try:
            await writer.run(schema.apply)
        except BaseException:
            await writer.aclose()
            raise
        reader = SqliteConnection(self.path, read_only=True, busy_timeout_seconds=self._busy_timeout_seconds)
        self._connections = writer, reader

    async def aclose(self) -> None:
        """Finish what was begun and close the file; idempotent."""
        connections, self._connections = self._connections, None
        for connection in reversed(connections or ()):
            await connection.aclose()

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        return await self._running()[0].run(job)

    async def _read(self, query: str, *parameters: object, decode: Callable[[Any], T]) -> list[T]:
        """Run a query and decode its rows, both off the event loop."""
        sql = self._sql[query]
        return await self._running()[1].run(lambda db: [decode(row) for row in db.execute(sql, parameters)])

    async def _count(self, query: str, *parameters: object) -> int:
        return (await self._read(query, *parameters, decode=_first_integer))[0]

    def _running(self) -> tuple[SqliteConnection, SqliteConnection]:
        if self._connections is None:
            raise NotRunning("the store is not open; await store.open() first")
        return self._connections

    def _now(self) -> int:
        return to_micros(self._clock.now())

    # Items

    async def upsert_items(self, items: Sequence[Item], *, lease: Lease | None = None) -> UpsertReport:
        """Store a batch, all or nothing; items whose content hash is unchanged keep their version."""
        batch = list(items)
        check_unique_ids(batch)
        now = self._now()
        return await self._write(lambda db: self._upsert(db, batch, now, lease))

    def _upsert(self, db: sqlite3.Connection, batch: list[Item], now: int, lease: Lease | None) -> UpsertReport:
        hashes = {item.id: item.content_hash for item in batch}
        with schema.immediate(db):
            self._fence(db, lease)
            stored = dict(db.execute(self._sql["live_hashes"], (_json(hashes),)).fetchall())
            version = int(db.execute(self._sql["item_version"]).fetchone()[0])
            changed = [item for item in batch if stored.get(item.id) != hashes[item.id]]
            texts = {item.id: rows.item_text(item) for item in changed}
            db.executemany(
                self._sql["upsert_item"],
                ((key, version + place, hashes[key], text, now) for place, (key, text) in enumerate(texts.items(), 1)),
            )
        return rows.upsert_report(version, batch, changed, stored)

    async def delete_items(self, item_ids: Sequence[str], *, lease: Lease | None = None) -> int:
        """Mark as deleted; return how many there were. Unknown ids are passed over."""
        wanted = rows.storable_keys(item_ids)
        now = self._now()

        def job(db: sqlite3.Connection) -> int:
            with schema.immediate(db):
                self._fence(db, lease)
                live = dict(db.execute(self._sql["live_hashes"], (_json(wanted),)).fetchall())
                version = int(db.execute(self._sql["item_version"]).fetchone()[0])
                gone = [key for key in wanted if key in live]
                db.executemany(self._sql["delete_item"], ((version + place, now, key) for place, key in enumerate(gone, 1)))
            return len(gone)

        return await self._write(job)

    async def prune_deleted(self, before: datetime) -> int:
        """Forget items that were deleted before then, but for the greatest version; return how many."""
        limit = to_micros(before)
        return await self._write(lambda db: self._change_many(db, "prune_deleted", [(limit,)]))

    async def get_items(self, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return those of the items that are stored and not deleted."""
        keys = _json(rows.storable_keys(item_ids))
        return dict(await self._read("live_items", keys, decode=lambda row: (row[0], rows.item_from_text(*row))))

    async def content_hashes(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return the stored content hash by id, for those that are stored and not deleted."""
        return dict(await self._read("live_hashes", _json(rows.storable_keys(item_ids)), decode=_pair))

    async def iter_items(self, batch: int = 1_000) -> AsyncIterator[list[ItemChange]]:
        """Yield all items that are not deleted, by ascending id, ``batch`` at a time."""
        limit = rows.check_limit("batch", batch)
        after = ""
        while changes := await self._read("items_after", after, limit, decode=rows.change_from_row):
            yield changes
            after = changes[-1].item_id

    async def changes_since(self, version: int, limit: int = 10_000) -> list[ItemChange]:
        """Return changes with a greater version, ascending, deletions included, at most ``limit``."""
        return await self._read("changes_since", version, rows.check_limit("limit", limit), decode=rows.change_from_row)

    async def item_version(self) -> int:
        """Return the greatest version given so far, 0 for an empty store."""
        return await self._count("item_version")

    async def item_count(self) -> int:
        """Return how many items are stored and not deleted."""
        return await self._count("item_count")

    # Vectors

    async def get_vectors(self, fingerprint: str, text_hashes: Sequence[str]) -> dict[str, Vector]:
        """Return the vectors that are stored, by text hash; read-only arrays."""
        keys = _json(rows.storable_keys(text_hashes))
        return dict(await self._read("vectors", fingerprint, keys, decode=lambda row: (row[0], rows.vector_from_blob(*row))))

    async def put_vectors(self, fingerprint: str, vectors: Mapping[str, Vector]) -> None:
        """Store finite float32 vectors of one dimension; what is stored already is kept.

        Raises
        ------
        StoreError
            For NaN or infinite values, or a dimension that differs from what the fingerprint has.
        """
        rows.check_text("fingerprint", fingerprint)
        batch = dict(vectors)
        if not batch:
            return

        def job(db: sqlite3.Connection) -> None:
            matrix = rows.vector_matrix(batch)
            dimension = matrix.shape[1]
            with schema.immediate(db):
                known = db.execute(self._sql["vector_dimension"], (fingerprint,)).fetchone()
                if known is not None:
                    rows.check_dimension(next(iter(batch)), dimension, int(known[0]))
                db.executemany(
                    self._sql["put_vector"],
                    ((fingerprint, key, dimension, row.tobytes()) for key, row in zip(batch, matrix, strict=True)),
                )

        await self._write(job)

    async def vector_count(self, fingerprint: str) -> int:
        """Return how many vectors of this model are stored."""
        return await self._count("vector_count", fingerprint)

    async def prune_vectors(self, keep_fingerprints: Sequence[str]) -> int:
        """Delete vectors of every other model; return how many."""
        keep = _json(rows.storable_keys(keep_fingerprints))
        return await self._write(lambda db: self._change_many(db, "prune_vectors", [(keep,)]))

    # Interactions

    async def append_interactions(self, interactions: Sequence[Interaction]) -> int:
        """Append a batch, all or nothing; an ``event_id`` seen before is passed over. Return how many were new."""
        batch = list(interactions)
        for interaction in batch:
            rows.check_interaction(interaction)

        def job(db: sqlite3.Connection) -> int:
            columns = [rows.interaction_row(interaction) for interaction in batch]
            with schema.immediate(db):
                before = db.total_changes
                db.executemany(self._sql["append_interaction"], columns)
                return db.total_changes - before

        return await self._write(job)

    async def interactions_since(self, sequence: int, limit: int = 10_000) -> list[StoredInteraction]:
        """Return interactions with a greater sequence, ascending, at most ``limit``."""
        limit = rows.check_limit("limit", limit)
        return await self._read("interactions_since", sequence, limit, decode=rows.interaction_from_row)

    async def recent_interactions(self, limit: int = 10_000) -> list[StoredInteraction]:
        """Return the newest ``limit`` interactions, ascending by sequence."""
        limit = rows.check_limit("limit", limit)
        return (await self._read("recent_interactions", limit, decode=rows.interaction_from_row))[::-1]

    async def interaction_sequence(self) -> int:
        """Return the greatest sequence given so far, 0 for an empty log."""
        return await self._count("interaction_sequence")

    async def interaction_counts(self) -> dict[str, int]:
        """Return how many interactions of each kind are stored."""
        return dict(await self._read("interaction_counts", decode=_pair))

    async def append_impressions(self, impressions: Sequence[Impression]) -> None:
        """Append slates that were shown; a ``slate_id`` seen before is passed over."""
        batch = list(impressions)
        for impression in batch:
            rows.check_impression(impression)

        def job(db: sqlite3.Connection) -> None:
            columns = [rows.impression_row(impression) for impression in batch]
            with schema.immediate(db):
                db.executemany(self._sql["append_impression"], columns)

        await self._write(job)

    async def impression_count(self) -> int:
        """Return how many slates were logged."""
        return await self._count("impression_count")

    async def get_impression(self, slate_id: str) -> Impression | None:
        """Return one logged slate."""
        if not rows.is_storable(slate_id):
            return None
        found = await self._read("impression", slate_id, decode=rows.impression_from_row)
        return found[0] if found else None

    async def prune_interactions(self, before: datetime) -> int:
        """Delete interactions that happened before then; return how many. Sequences are not given again."""
        await self._execute("keep_interaction_sequence")
        return await self._prune("interactions_before", "delete_interaction", before)

    async def prune_impressions(self, before: datetime) -> int:
        """Delete slates that were shown before then; return how many."""
        return await self._prune("impressions_before", "delete_impression", before)

    async def _prune(self, find: str, delete: str, before: datetime) -> int:
        """Delete what ``find`` finds, a part at a time; the reader finds it, so that no write waits for the search."""
        gone = 0
        while keys := await self._read(find, to_micros(before), PRUNED_AT_ONCE, decode=lambda row: (row[0],)):
            gone += await self._write(partial(self._change_many, query=delete, parameters=keys))
        return gone

    def _change_many(self, db: sqlite3.Connection, query: str, parameters: Sequence[tuple[Any, ...]]) -> int:
        with schema.immediate(db):
            return db.executemany(self._sql[query], parameters).rowcount

    async def alias(self, visitor_id: str, user_id: str) -> None:
        """Record that this browser belongs to this account; the latest wins."""
        await self._execute(
            "put_alias", rows.check_text("visitor_id", visitor_id), rows.check_text("user_id", user_id), self._now()
        )

    async def aliases(self) -> dict[str, str]:
        """Return visitor id → user id."""
        return dict(await self._read("aliases", decode=_pair))

    # State

    async def get_state(self, name: str) -> str | None:
        """Return the value, ``None`` when there is none."""
        if not rows.is_storable(name):
            return None
        found = await self._read("state", name, decode=lambda row: str(row[0]))
        return found[0] if found else None

    async def put_state(self, name: str, value: str | None, *, lease: Lease | None = None) -> None:
        """Set the value, or delete it with ``None``; with a ``lease``, only while that is held."""
        rows.check_text("name", name)
        if value is None:
            await self._execute("delete_state", name, lease=lease)
        else:
            await self._execute("put_state", name, rows.check_text("value", value), self._now(), lease=lease)

    async def _execute(self, query: str, *parameters: object, lease: Lease | None = None) -> None:
        sql = self._sql[query]

        def job(db: sqlite3.Connection) -> None:
            with schema.immediate(db):
                self._fence(db, lease)
                db.execute(sql, parameters)

        await self._write(job)

    # Leases and changes

    def _lease(self, db: sqlite3.Connection, name: str) -> LeaseRow | None:
        row = db.execute(self._sql["lease"], (name,)).fetchone()
        return None if row is None else LeaseRow(*row)

    def _fence(self, db: sqlite3.Connection, lease: Lease | None) -> None:
        if lease is not None:
            fence(lease, self._lease(db, lease.name))

    async def acquire_lease(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """Take a lease that is free or has expired, or prolong one's own; ``None`` while somebody else holds it."""
        check_lease_request(name, holder, ttl_seconds)

        def job(db: sqlite3.Connection) -> LeaseRow | None:
            with schema.immediate(db):
                # The time is read under the lock: one from before waiting for it would stand before the last renewal.
                row = LeaseRow.grant(self._lease(db, name), holder, ttl_seconds, self._now())
                if row is not None:
                    db.execute(self._sql["put_lease"], (name, row.holder, row.epoch, row.renewed_at, row.expires_at))
            return row

        row = await self._write(job)
        return None if row is None else row.lease(name)

    async def release_lease(self, lease: Lease) -> None:
        """Let go of a lease; one that is lost already is left to its new holder."""
        await self._execute("release_lease", lease.name, lease.holder, lease.epoch)

    async def get_lease(self, name: str) -> Lease | None:
        """Return who holds it now, ``None`` when nobody does."""
        if not rows.is_storable(name):
            return None
        found = await self._read("lease", name, decode=lambda row: LeaseRow(*row))
        return found[0].lease(name) if found and found[0].is_held(self._now()) else None

    async def wait_for_change(self, timeout_seconds: float, *, waiter: str = "") -> bool:  # noqa: ARG002
        """Wait ``timeout_seconds`` and return False: no other process can ring here, so that a reader polls."""
        self._running()
        await asyncio.sleep(max(timeout_seconds, 0))
        return False


def _first_integer(row: Sequence[Any]) -> int:
    return int(row[0])


def _pair(row: Sequence[Any]) -> tuple[str, Any]:
    return row[0], row[1]


def _json(keys: Iterable[str]) -> str:
    return json.dumps(list(keys), ensure_ascii=False)
