"""What the parts of the store share: the pool, the clock, the fence, numbers that commit in order, the bell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from reco_sdk.errors import StoreError
from reco_sdk.ports import Clock, Lease
from reco_sdk.storage.leases import LeaseRow, fence
from reco_sdk.storage.postgres.pool import Connection, PostgresPool
from reco_sdk.storage.queries import load_queries
from reco_sdk.storage.times import to_micros

__all__ = ["CHANNEL", "COUNTERS", "STATE", "PostgresPart", "off_loop", "pair", "rows_touched"]

T = TypeVar("T")

_MANY: Final = 200
CHANNEL: Final = "reco_change"
COUNTERS: Final = load_queries("postgres/counters.sql")
STATE: Final = load_queries("postgres/state.sql")


class PostgresPart:
    """Base of each part: reads and writes as one transaction each."""

    _pool: PostgresPool
    _clock: Clock

    def _now(self) -> int:
        return to_micros(self._clock.now())

    async def _read(self, sql: str, *parameters: object, decode: Callable[[Any], T]) -> list[T]:
        """Run a query and decode its rows, off the event loop when they are many."""
        async with self._pool.transaction(read_only=True) as db:
            found = await db.fetch(sql, *parameters)
        return await off_loop(lambda: [decode(row) for row in found], len(found))

    async def _value(self, sql: str, *parameters: object) -> int:
        async with self._pool.transaction(read_only=True) as db:
            return int(await db.fetchval(sql, *parameters) or 0)

    async def _execute(self, sql: str, *parameters: object, lease: Lease | None = None, tell: str = "") -> int:
        """Run one statement and return how many rows it touched; ring the bell afterwards if there is something to tell."""
        async with self._pool.transaction() as db:
            await self._fence(db, lease)
            touched = rows_touched(await db.execute(sql, *parameters))
            if tell and touched:
                await self._tell(db, tell)
        return touched

    async def _fence(self, db: Connection, lease: Lease | None) -> None:
        if lease is not None:
            row = await db.fetchrow(STATE["fence"], lease.name)
            fence(lease, None if row is None else LeaseRow(*row))

    async def _lock_counter(self, db: Connection, name: str) -> int:
        """Return the last number that was given; until the transaction ends nobody else gives any."""
        return _there(await db.fetchval(COUNTERS["lock_counter"], name), name)

    async def _count(self, db: Connection, name: str, by: int) -> int:
        """Give ``by`` numbers and return the last one; until the transaction ends nobody else gives any."""
        return _there(await db.fetchval(COUNTERS["count"], name, by), name)

    async def _tell(self, db: Connection, what: str) -> None:
        """Ring the bell when the transaction commits."""
        await db.execute(COUNTERS["notify"], what)


async def off_loop(work: Callable[[], T], size: int) -> T:
    """Return what ``work`` returns; in a thread when it would keep the event loop from others."""
    return await asyncio.to_thread(work) if size > _MANY else work()


def rows_touched(status: str) -> int:
    """Return the number in a command's answer, ``"INSERT 0 5"`` for example."""
    return int(status.rpartition(" ")[2])


def pair(row: Sequence[Any]) -> tuple[str, Any]:
    """Return the two columns of a row."""
    return row[0], row[1]


def _there(value: int | None, name: str) -> int:
    if value is None:
        raise StoreError(f"reco_counter has no row {name!r}; restore it with a value above every number given so far")
    return value
