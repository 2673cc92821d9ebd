"""The log, impressions and aliases in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from reco_sdk.interactions.interaction import Interaction
from reco_sdk.ports import Impression, StoredInteraction
from reco_sdk.storage import rows
from reco_sdk.storage.postgres.part import COUNTERS, off_loop, pair, rows_touched
from reco_sdk.storage.postgres.partitions import PostgresPartitions
from reco_sdk.storage.queries import load_queries
from reco_sdk.storage.times import to_micros

__all__ = ["PostgresInteractions"]

_SQL: Final = load_queries("postgres/interactions.sql")
_COUNTER: Final = "interaction"
_STAGED: Final = (
    *("place", "event_id", "kind", "item_id", "visitor_id", "user_id", "session_id", "at"),
    *("quantity", "value", "currency", "query", "placement", "slate_id", "position"),
)


_AT: Final = _STAGED.index("at")


class PostgresInteractions(PostgresPartitions):
    """An :class:`~reco_sdk.ports.InteractionStore`.

    A batch goes by binary COPY into a table of the session, and from there into the log in statements that run within
    the server: a process that freezes while it sends holds no lock that others wait for.
    """

    async def append_interactions(self, interactions: Sequence[Interaction]) -> int:
        """Append a batch, all or nothing; an ``event_id`` seen before is passed over. Return how many were new."""
        self._pool.check_open()
        batch = list(interactions)
        records = await off_loop(lambda: _staged(batch), len(batch))
        if not records:
            return 0
        await self._add_months({record[_AT] for record in records})
        async with self._pool.transaction() as db:
            await db.execute(_SQL["stage"])
            await db.copy_records_to_table("reco_batch", records=records, columns=_STAGED)
            new = len(records) - rows_touched(await db.execute(_SQL["drop_known"]))
            if new:
                last = await self._count(db, _COUNTER, new)
                await db.execute(_SQL["append"], last - new)
                await self._tell(db, "interactions")
        return new

    async def interactions_since(self, sequence: int, limit: int = 10_000) -> list[StoredInteraction]:
        """Return interactions with a greater sequence, ascending, at most ``limit``."""
        limit = rows.check_limit("limit", limit)
        return await self._read(_SQL["interactions_since"], sequence, limit, decode=rows.interaction_from_row)

    async def recent_interactions(self, limit: int = 10_000) -> list[StoredInteraction]:
        """Return the newest ``limit`` interactions, ascending by sequence."""
        limit = rows.check_limit("limit", limit)
        return (await self._read(_SQL["recent_interactions"], limit, decode=rows.interaction_from_row))[::-1]

    async def interaction_sequence(self) -> int:
        """Return the greatest sequence given so far, 0 for an empty log."""
        return await self._value(COUNTERS["counted"], _COUNTER)

    async def interaction_counts(self) -> dict[str, int]:
        """Return how many interactions of each kind are stored."""
        return dict(await self._read(_SQL["interaction_counts"], decode=pair))

    async def prune_interactions(self, before: datetime) -> int:
        """Delete interactions that happened before then; return how many. Sequences are not given again.

        Months that end by then are dropped as a whole. An event is forgotten after the interaction, never before it.
        """
        limit = to_micros(before)
        gone = await self._prune_log(limit)
        await self._delete_old("reco_event", limit)
        return gone

    async def append_impressions(self, impressions: Sequence[Impression]) -> None:
        """Append slates that were shown; a ``slate_id`` seen before is passed over."""
        unique: dict[str, Impression] = {}
        for impression in impressions:
            rows.check_impression(impression)
            unique.setdefault(impression.slate_id, impression)
        self._pool.check_open()
        if unique:
            records = sorted(map(rows.impression_row, unique.values()), key=lambda row: str(row[0]))
            await self._execute(_SQL["append_impressions"], *map(list, zip(*records, strict=True)))

    async def prune_impressions(self, before: datetime) -> int:
        """Delete slates that were shown before then; return how many."""
        return await self._delete_old("reco_impression", to_micros(before))

    async def impression_count(self) -> int:
        """Return how many slates were logged."""
        return await self._value(_SQL["impression_count"])

    async def get_impression(self, slate_id: str) -> Impression | None:
        """Return one logged slate."""
        if not rows.is_storable(slate_id):
            return None
        found = await self._read(_SQL["impression"], slate_id, decode=rows.impression_from_row)
        return found[0] if found else None

    async def alias(self, visitor_id: str, user_id: str) -> None:
        """Record that this browser belongs to this account; the latest wins."""
        visitor_id, user_id = rows.check_text("visitor_id", visitor_id), rows.check_text("user_id", user_id)
        await self._execute(_SQL["put_alias"], visitor_id, user_id, self._now(), tell="aliases")

    async def aliases(self) -> dict[str, str]:
        """Return visitor id → user id."""
        return dict(await self._read(_SQL["aliases"], decode=pair))


def _staged(batch: Sequence[Interaction]) -> list[tuple[Any, ...]]:
    """Return the rows of a batch, each event once."""
    unique: dict[str, Interaction] = {}
    for interaction in batch:
        rows.check_interaction(interaction)
        unique.setdefault(interaction.event_id, interaction)
    return [(place, *rows.interaction_row(interaction)) for place, interaction in enumerate(unique.values())]
