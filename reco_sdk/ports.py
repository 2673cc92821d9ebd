"""What plugs into the recommender: small Protocols, each with an in-memory twin.

Every port has one behavioural test class in :mod:`reco_sdk.testing` that each implementation must pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from reco_sdk.interactions.interaction import Interaction
from reco_sdk.items.item import Item
from reco_sdk.types import BoolMask, Rows, Scores, Vector, Vectors

__all__ = [
    "Candidates",
    "ChangeFeed",
    "Clock",
    "Embedder",
    "Impression",
    "InteractionStore",
    "ItemChange",
    "ItemStore",
    "Lease",
    "LeaseStore",
    "RuleChange",
    "RuleStore",
    "StateStore",
    "Store",
    "StoredInteraction",
    "StoredRule",
    "UpsertReport",
    "VectorIndex",
    "VectorStore",
]


class Clock(Protocol):
    """Where time comes from, so that tests can turn it."""

    def now(self) -> datetime:
        """Return the time now, timezone-aware UTC."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Texts to vectors. Never reached from the request path."""

    @property
    def fingerprint(self) -> str:
        """Name of the exact model and its settings; another fingerprint means another vector space."""
        ...

    @property
    def dimension(self) -> int:
        """Length ``d`` of every vector."""
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 ``(len(texts), d)``, rows L2-normalised and finite, in the order of ``texts``.

        Raises
        ------
        EmbeddingError
            When the model cannot be reached, is missing, or answers with something else.
        """
        ...

    async def aclose(self) -> None:
        """Release the model; idempotent."""
        ...


class VectorIndex(Protocol):
    """Nearest neighbours by inner product over unit vectors. Immutable once built."""

    @property
    def count(self) -> int:
        """How many vectors it holds."""
        ...

    def search(self, query: Vector, k: int, mask: BoolMask | None = None) -> tuple[Rows, Scores]:
        """Return at most ``k`` rows by descending score, ties by ascending row.

        Only rows whose ``mask`` entry is True are returned; shorter answers instead of sentinels.

        Raises
        ------
        VectorIndexError
            For a query of another dimension, a non-finite query, ``k`` < 1, or a mask of another length.
        """
        ...


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one source proposes, best first.

    Parameters
    ----------
    rows
        int32 ``(k,)``, each once; only rows the request's mask allows.
    scores
        float32 ``(k,)`` in 0 to 1.
    """

    rows: Rows
    scores: Scores


@dataclass(frozen=True, slots=True)
class UpsertReport:
    """What one ``upsert_items`` did.

    Parameters
    ----------
    version
        The store's version after the batch; unchanged when nothing changed.
    inserted, changed, unchanged
        How many items were new, differed by content hash, or were equal already.
    """

    version: int
    inserted: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One item as of ``version``; ``item`` is ``None`` once it was deleted."""

    version: int
    item_id: str
    item: Item | None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do something alone, for a while.

    Parameters
    ----------
    name
        What is done alone, ``"indexer"`` for example.
    holder
        Who does it: a name that no other process has.
    epoch
        Grows with each new tenure; a write that shows an older one is refused.
    until
        Seconds since 1970 by the store's clock. A holder that wants to go on acquires it again before.
    """

    name: str
    holder: str
    epoch: int
    until: float


class LeaseStore(Protocol):
    """Leases by name. A row and not a lock of a session, which a connection pooler would give to two."""

    async def acquire_lease(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """Take a lease that is free or has expired, or prolong one's own; ``None`` while somebody else holds it.

        Time is the store's. When its clock was put back the lease counts as expired, so that nobody waits for ever; the
        epoch keeps what was right until then from being overwritten.
        """
        ...

    async def release_lease(self, lease: Lease) -> None:
        """Let go of a lease; one that is lost already is left to its new holder."""
        ...

    async def get_lease(self, name: str) -> Lease | None:
        """Return who holds it now, ``None`` when nobody does."""
        ...


class ItemStore(Protocol):
    """Items by id, each with the version at which it last changed. Versions grow by commits.

    Where a ``lease`` is given, the write happens only if it is still held, else :class:`~reco_sdk.errors.LeaseLost` is
    raised: a process that was frozen and wakes up does not overwrite what its successor wrote.
    """

    async def upsert_items(self, items: Sequence[Item], *, lease: Lease | None = None) -> UpsertReport:
        """Store a batch, all or nothing; items whose content hash is unchanged keep their version."""
        ...

    async def delete_items(self, item_ids: Sequence[str], *, lease: Lease | None = None) -> int:
        """Mark as deleted; return how many there were. Unknown ids are passed over."""
        ...

    async def prune_deleted(self, before: datetime) -> int:
        """Forget items that were deleted before then; return how many.

        The greatest version stays, whatever it is. A reader that last looked before then must read anew.
        """
        ...

    async def get_items(self, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return those of the items that are stored and not deleted."""
        ...

    async def content_hashes(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return the stored content hash by id, for those that are stored and not deleted."""
        ...

    def iter_items(self, batch: int = 1_000) -> AsyncIterator[list[ItemChange]]:
        """Yield all items that are not deleted, by ascending id, ``batch`` at a time."""
        ...

    async def changes_since(self, version: int, limit: int = 10_000) -> list[ItemChange]:
        """Return changes with a greater version, ascending, deletions included, at most ``limit``."""
        ...

    async def item_version(self) -> int:
        """Return the greatest version given so far, 0 for an empty store."""
        ...

    async def item_count(self) -> int:
        """Return how many items are stored and not deleted."""
        ...


class VectorStore(Protocol):
    """Vectors by (model fingerprint, text hash): an unchanged text is never embedded twice."""

    async def get_vectors(self, fingerprint: str, text_hashes: Sequence[str]) -> dict[str, Vector]:
        """Return the vectors that are stored, by text hash."""
        ...

    async def put_vectors(self, fingerprint: str, vectors: Mapping[str, Vector]) -> None:
        """Store finite float32 vectors of one dimension; storing again is harmless.

        Raises
        ------
        StoreError
            For NaN or infinite values, or a dimension that differs from what the fingerprint has.
        """
        ...

    async def vector_count(self, fingerprint: str) -> int:
        """Return how many vectors of this model are stored."""
        ...

    async def prune_vectors(self, keep_fingerprints: Sequence[str]) -> int:
        """Delete vectors of every other model; return how many."""
        ...


@dataclass(frozen=True, slots=True)
class StoredInteraction:
    """An interaction with its place in the log."""

    sequence: int
    interaction: Interaction


@dataclass(frozen=True, slots=True)
class Impression:
    """A slate that was shown (GA4 ``view_item_list``): what, where, to whom, from which tier."""

    slate_id: str
    at: datetime
    placement: str
    strategy: str
    tier: str
    item_ids: tuple[str, ...]
    visitor_id: str | None = None
    user_id: str | None = None


class InteractionStore(Protocol):
    """The append-only log of interactions, impressions, and visitor aliases."""

    async def append_interactions(self, interactions: Sequence[Interaction]) -> int:
        """Append a batch, all or nothing; an ``event_id`` seen before is passed over. Return how many were new."""
        ...

    async def interactions_since(self, sequence: int, limit: int = 10_000) -> list[StoredInteraction]:
        """Return interactions with a greater sequence, ascending, at most ``limit``."""
        ...

    async def recent_interactions(self, limit: int = 10_000) -> list[StoredInteraction]:
        """Return the newest ``limit`` interactions, ascending by sequence."""
        ...

    async def interaction_sequence(self) -> int:
        """Return the greatest sequence given so far, 0 for an empty log."""
        ...

    async def interaction_counts(self) -> dict[str, int]:
        """Return how many interactions of each kind are stored."""
        ...

    async def append_impressions(self, impressions: Sequence[Impression]) -> None:
        """Append slates that were shown; a ``slate_id`` seen before is passed over."""
        ...

    async def impression_count(self) -> int:
        """Return how many slates were logged."""
        ...

    async def get_impression(self, slate_id: str) -> Impression | None:
        """Return one logged slate."""
        ...

    async def prune_interactions(self, before: datetime) -> int:
        """Delete interactions that happened before then; return how many. Sequences are not given again."""
        ...

    async def prune_impressions(self, before: datetime) -> int:
        """Delete slates that were shown before then; return how many."""
        ...

    async def alias(self, visitor_id: str, user_id: str) -> None:
        """Record that this browser belongs to this account; the latest wins."""
        ...

    async def aliases(self) -> dict[str, str]:
        """Return visitor id → user id."""
        ...


class StateStore(Protocol):
    """Small named values: import checkpoints, order cursors."""

    async def get_state(self, name: str) -> str | None:
        """Return the value, ``None`` when there is none."""
        ...

    async def put_state(self, name: str, value: str | None, *, lease: Lease | None = None) -> None:
        """Set the value, or delete it with ``None``; with a ``lease``, only while that is held."""
        ...


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A merchandising rule as a store keeps it; ``reco_sdk.ranking.rules`` says what it means.

    Parameters
    ----------
    rule_id
        Its id.
    action, enabled, priority, note
        Of the rule, for lists.
    data
        The whole rule as JSON.
    """

    rule_id: str
    action: str
    enabled: bool
    priority: int
    note: str
    data: str


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One change of a rule: ``before`` and ``after`` as JSON, ``None`` where there was none."""

    version: int
    rule_id: str
    at: datetime
    by: str
    before: str | None
    after: str | None


class RuleStore(Protocol):
    """Merchandising rules by id, each change numbered and kept."""

    async def put_rule(self, rule: StoredRule, *, by: str = "") -> int:
        """Store a rule in place of the one with its id; return the number of the last change.

        A rule that is stored already as it is makes no change.
        """
        ...

    async def delete_rule(self, rule_id: str, *, by: str = "") -> bool:
        """Delete a rule; return whether there was one."""
        ...

    async def rules(self) -> tuple[int, list[StoredRule]]:
        """Return the number of the last change, and all rules as of then by ascending id."""
        ...

    async def rule_version(self) -> int:
        """Return the number of the last change, 0 before the first."""
        ...

    async def rule_history(self, rule_id: str | None = None, limit: int = 100) -> list[RuleChange]:
        """Return the last changes, of one rule or of all, the latest first."""
        ...


class ChangeFeed(Protocol):
    """A bell that rings when the store may have changed. What changed is in the store; a reader that hears nothing polls."""

    async def wait_for_change(self, timeout_seconds: float, *, waiter: str = "") -> bool:
        """Return True as soon as somebody may have changed the store, False after ``timeout_seconds``.

        Parameters
        ----------
        timeout_seconds
            How long to wait at most.
        waiter
            Who waits. Each name hears each ring: one that came while it did something else is told at its next call.
        """
        ...


class Store(ItemStore, VectorStore, InteractionStore, RuleStore, StateStore, LeaseStore, ChangeFeed, Protocol):
    """Everything a recommender keeps: the truth from which all else derives."""

    async def open(self) -> None:
        """Connect and migrate.

        Raises
        ------
        StoreTooNew
            When a newer release wrote it.
        StoreError
            When it cannot be reached.
        """
        ...

    async def aclose(self) -> None:
        """Release connections; idempotent."""
        ...
