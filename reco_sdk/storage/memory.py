"""The store that forgets: the in-memory twin of every other one."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from reco_sdk.errors import NotRunning
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.items.item import Item, check_unique_ids
from reco_sdk.ports import Clock, Impression, ItemChange, Lease, StoredInteraction, UpsertReport
from reco_sdk.storage import rows
from reco_sdk.storage.leases import LeaseRow, check_lease_request, fence
from reco_sdk.storage.rules import MemoryRules
from reco_sdk.storage.signal import Signal
from reco_sdk.storage.times import SystemClock, to_micros
from reco_sdk.types import Vector

__all__ = ["MemoryStore"]


class MemoryStore(MemoryRules):
    """A :class:`~reco_sdk.ports.Store` in this process's memory, for tests, notebooks and small services.

    It keeps its content over ``aclose`` and ``open``, as a file would.

    Parameters
    ----------
    clock
        What leases go by; the machine's own by default.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__()
        self._is_open = False
        self._clock = clock or SystemClock()
        self._signal = Signal()
        self._changes: dict[str, ItemChange] = {}  # in order of version: a change is taken out and put at the end
        self._deleted_at: dict[str, int] = {}
        self._hashes: dict[str, str] = {}  # of what is not deleted
        self._version = 0
        self._vectors: dict[str, dict[str, Vector]] = {}
        self._log: list[StoredInteraction] = []
        self._sequence = 0
        self._event_ids: set[str] = set()
        self._impressions: dict[str, Impression] = {}
        self._aliases: dict[str, str] = {}
        self._state: dict[str, str] = {}
        self._leases: dict[str, LeaseRow] = {}

    async def open(self) -> None:
        """Make ready; idempotent."""
        self._is_open = True

    async def aclose(self) -> None:
        """Refuse further calls until it is opened again; idempotent."""
        self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise NotRunning("the store is not open; await store.open() first")

    def _check_lease(self, lease: Lease | None) -> None:
        self._check_open()
        if lease is not None:
            fence(lease, self._leases.get(lease.name))

    # Items

    def _put(self, item_id: str, item: Item | None) -> None:
        self._version += 1
        self._changes.pop(item_id, None)
        self._changes[item_id] = ItemChange(self._version, item_id, item)
        if item is None:
            self._deleted_at[item_id] = to_micros(self._clock.now())
        else:
            self._deleted_at.pop(item_id, None)
        self._signal.ring()

    async def upsert_items(self, items: Sequence[Item], *, lease: Lease | None = None) -> UpsertReport:
        """Store a batch, all or nothing; items whose content hash is unchanged keep their version."""
        self._check_lease(lease)
        batch = list(items)
        check_unique_ids(batch)
        counts: Counter[str] = Counter()
        hashes = [item.content_hash for item in batch]
        for item, content_hash in zip(batch, hashes, strict=True):
            known = self._hashes.get(item.id)
            if known == content_hash:
                counts["unchanged"] += 1
                continue
            counts["inserted" if known is None else "changed"] += 1
            self._hashes[item.id] = content_hash
            self._put(item.id, item)
        return UpsertReport(self._version, counts["inserted"], counts["changed"], counts["unchanged"])

    async def delete_items(self, item_ids: Sequence[str], *, lease: Lease | None = None) -> int:
        """Mark as deleted; return how many there were. Unknown ids are passed over."""
        self._check_lease(lease)
        gone = [key for key in dict.fromkeys(item_ids) if key in self._hashes]
        for key in gone:
            del self._hashes[key]
            self._put(key, None)
        return len(gone)

    async def prune_deleted(self, before: datetime) -> int:
        """Forget items that were deleted before then, but for the greatest version; return how many."""
        self._check_open()
        limit = to_micros(before)
        newest = next(reversed(self._changes), None)
        gone = [key for key, at in self._deleted_at.items() if at < limit and key != newest]
        for key in gone:
            del self._deleted_at[key], self._changes[key]
        return len(gone)

    async def get_items(self, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return those of the items that are stored and not deleted."""
        self._check_open()
        found = ((key, self._changes[key].item) for key in dict.fromkeys(item_ids) if key in self._hashes)
        return {key: item for key, item in found if item is not None}

    async def content_hashes(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return the stored content hash by id, for those that are stored and not deleted."""
        self._check_open()
        return {key: self._hashes[key] for key in dict.fromkeys(item_ids) if key in self._hashes}

    async def iter_items(self, batch: int = 1_000) -> AsyncIterator[list[ItemChange]]:
        """Yield all items that are not deleted, by ascending id, ``batch`` at a time."""
        self._check_open()
        limit = rows.check_limit("batch", batch)
        ids = sorted(self._hashes)
        for start in range(0, len(ids), limit):
            self._check_open()
            changes = [self._changes[key] for key in ids[start : start + limit] if key in self._hashes]
            if changes:
                yield changes

    async def changes_since(self, version: int, limit: int = 10_000) -> list[ItemChange]:
        """Return changes with a greater version, ascending, deletions included, at most ``limit``."""
        self._check_open()
        limit = rows.check_limit("limit", limit)
        newer: list[ItemChange] = []
        for change in reversed(self._changes.values()):
            if change.version <= version:
                break
            newer.append(change)
        return newer[::-1][:limit]

    async def item_version(self) -> int:
        """Return the greatest version given so far, 0 for an empty store."""
        self._check_open()
        return self._version

    async def item_count(self) -> int:
        """Return how many items are stored and not deleted."""
        self._check_open()
        return len(self._hashes)

    # Vectors

    async def get_vectors(self, fingerprint: str, text_hashes: Sequence[str]) -> dict[str, Vector]:
        """Return the vectors that are stored, by text hash; read-only arrays."""
        self._check_open()
        known = self._vectors.get(fingerprint, {})
        return {key: known[key] for key in dict.fromkeys(text_hashes) if key in known}

    async def put_vectors(self, fingerprint: str, vectors: Mapping[str, Vector]) -> None:
        """Store finite float32 vectors of one dimension; what is stored already is kept.

        Raises
        ------
        StoreError
            For NaN or infinite values, or a dimension that differs from what the fingerprint has.
        """
        self._check_open()
        rows.check_text("fingerprint", fingerprint)
        if not vectors:
            return
        matrix = rows.vector_matrix(vectors)
        known = self._vectors.get(fingerprint, {})
        if known:
            rows.check_dimension(next(iter(vectors)), matrix.shape[1], next(iter(known.values())).size)
        for key, row in zip(vectors, matrix, strict=True):
            known.setdefault(key, row)
        self._vectors[fingerprint] = known

    async def vector_count(self, fingerprint: str) -> int:
        """Return how many vectors of this model are stored."""
        self._check_open()
        return len(self._vectors.get(fingerprint, ()))

    async def prune_vectors(self, keep_fingerprints: Sequence[str]) -> int:
        """Delete vectors of every other model; return how many."""
        self._check_open()
        others = set(self._vectors) - set(keep_fingerprints)
        return sum(len(self._vectors.pop(fingerprint)) for fingerprint in others)

    # Interactions

    async def append_interactions(self, interactions: Sequence[Interaction]) -> int:
        """Append a batch, all or nothing; an ``event_id`` seen before is passed over. Return how many were new."""
        self._check_open()
        batch = list(interactions)
        for interaction in batch:
            rows.check_interaction(interaction)
        before = len(self._log)
        for interaction in batch:
            if interaction.event_id not in self._event_ids:
                self._event_ids.add(interaction.event_id)
                self._sequence += 1
                self._log.append(StoredInteraction(self._sequence, interaction))
        if len(self._log) > before:
            self._signal.ring()
        return len(self._log) - before

    async def interactions_since(self, sequence: int, limit: int = 10_000) -> list[StoredInteraction]:
        """Return interactions with a greater sequence, ascending, at most ``limit``."""
        self._check_open()
        start = bisect_right(self._log, sequence, key=lambda stored: stored.sequence)
        return self._log[start : start + rows.check_limit("limit", limit)]

    async def recent_interactions(self, limit: int = 10_000) -> list[StoredInteraction]:
        """Return the newest ``limit`` interactions, ascending by sequence."""
        self._check_open()
        return self._log[-rows.check_limit("limit", limit) :]

    async def interaction_sequence(self) -> int:
        """Return the greatest sequence given so far, 0 for an empty log."""
        self._check_open()
        return self._sequence

    async def interaction_counts(self) -> dict[str, int]:
        """Return how many interactions of each kind are stored."""
        self._check_open()
        return dict(sorted(Counter(stored.interaction.kind for stored in self._log).items()))

    async def append_impressions(self, impressions: Sequence[Impression]) -> None:
        """Append slates that were shown; a ``slate_id`` seen before is passed over."""
        self._check_open()
        batch = list(impressions)
        for impression in batch:
            rows.check_impression(impression)
        for impression in batch:
            self._impressions.setdefault(impression.slate_id, impression)

    async def impression_count(self) -> int:
        """Return how many slates were logged."""
        self._check_open()
        return len(self._impressions)

    async def get_impression(self, slate_id: str) -> Impression | None:
        """Return one logged slate."""
        self._check_open()
        return self._impressions.get(slate_id)

    async def prune_interactions(self, before: datetime) -> int:
        """Delete interactions that happened before then; return how many. Sequences are not given again."""
        self._check_open()
        kept = [stored for stored in self._log if to_micros(stored.interaction.at) >= to_micros(before)]
        gone = len(self._log) - len(kept)
        self._log = kept
        self._event_ids = {stored.interaction.event_id for stored in kept}
        return gone

    async def prune_impressions(self, before: datetime) -> int:
        """Delete slates that were shown before then; return how many."""
        self._check_open()
        gone = [key for key, shown in self._impressions.items() if to_micros(shown.at) < to_micros(before)]
        for key in gone:
            del self._impressions[key]
        return len(gone)

    async def alias(self, visitor_id: str, user_id: str) -> None:
        """Record that this browser belongs to this account; the latest wins."""
        self._check_open()
        self._aliases[rows.check_text("visitor_id", visitor_id)] = rows.check_text("user_id", user_id)

    async def aliases(self) -> dict[str, str]:
        """Return visitor id → user id."""
        self._check_open()
        return dict(sorted(self._aliases.items()))

    # State

    async def get_state(self, name: str) -> str | None:
        """Return the value, ``None`` when there is none."""
        self._check_open()
        return self._state.get(name)

    async def put_state(self, name: str, value: str | None, *, lease: Lease | None = None) -> None:
        """Set the value, or delete it with ``None``; with a ``lease``, only while that is held."""
        self._check_lease(lease)
        rows.check_text("name", name)
        if value is None:
            self._state.pop(name, None)
        else:
            self._state[name] = rows.check_text("value", value)

    # Leases and changes

    async def acquire_lease(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """Take a lease that is free or has expired, or prolong one's own; ``None`` while somebody else holds it."""
        self._check_open()
        check_lease_request(name, holder, ttl_seconds)
        row = LeaseRow.grant(self._leases.get(name), holder, ttl_seconds, to_micros(self._clock.now()))
        if row is None:
            return None
        self._leases[name] = row
        return row.lease(name)

    async def release_lease(self, lease: Lease) -> None:
        """Let go of a lease; one that is lost already is left to its new holder."""
        self._check_open()
        row = self._leases.get(lease.name)
        if row is not None and (row.holder, row.epoch) == (lease.holder, lease.epoch):
            self._leases[lease.name] = LeaseRow("", row.epoch, row.renewed_at, row.renewed_at)

    async def get_lease(self, name: str) -> Lease | None:
        """Return who holds it now, ``None`` when nobody does."""
        self._check_open()
        row = self._leases.get(name)
        return row.lease(name) if row is not None and row.is_held(to_micros(self._clock.now())) else None

    async def wait_for_change(self, timeout_seconds: float, *, waiter: str = "") -> bool:
        """Return True as soon as items or interactions changed, False after ``timeout_seconds``."""
        self._check_open()
        return await self._signal.wait(timeout_seconds, waiter)
