"""The months of the log: added when they are needed, dropped when they are no longer kept."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from reco_sdk.errors import StoreError
from reco_sdk.storage.postgres.part import PostgresPart, rows_touched
from reco_sdk.storage.postgres.pool import Connection
from reco_sdk.storage.queries import load_queries
from reco_sdk.storage.times import from_micros, to_micros

__all__ = ["DEFAULT", "Month", "PostgresPartitions"]

logger = logging.getLogger(__name__)

DEFAULT: Final = "reco_interaction_default"
_SQL: Final = load_queries("postgres/partitions.sql")
_NAME: Final = re.compile(r"reco_interaction_(\d{4})_(\d{2})")
_YEARS_BACK: Final = 10  # what happened before, or later than next month, is in the default partition
_RETRY_SECONDS: Final = 60.0
# Adding or dropping a month locks the log for a moment; who waits for that keeps others waiting behind it.
_LOCK_BRIEFLY: Final = "SET LOCAL lock_timeout = '1s'"
_PAGES_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of UTC, and its partition."""

    year: int
    month: int

    @classmethod
    def of(cls, micros: int) -> Month:
        """Return the month of a time."""
        at = from_micros(micros)
        return cls(at.year, at.month)

    @property
    def next(self) -> Month:
        """The month after."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def name(self) -> str:
        """Its partition's name."""
        return f"reco_interaction_{self.year:04}_{self.month:02}"

    @property
    def low(self) -> int:
        """The first microsecond that is in it."""
        return to_micros(datetime(self.year, self.month, 1, tzinfo=UTC))

    def sql(self, name: str) -> str:
        """Return one of the statements on a month, for this one. Nothing but its own name and numbers is put in."""
        return _SQL[name].format(month=self.name, low=self.low, high=self.next.low)


class PostgresPartitions(PostgresPart):
    """Adds and drops months."""

    def __init__(self) -> None:
        self._months: set[Month] = set()
        self._not_before: dict[Month, float] = {}

    async def _add_months(self, times: Collection[int]) -> None:
        """See to it that the months of these times have a partition, unless one cannot be added now."""
        this, tick = Month.of(self._now()), time.monotonic()
        oldest = Month(this.year - _YEARS_BACK, this.month)
        first, last = Month.of(min(times)), Month.of(max(times))
        needed = {first} if first == last else {Month.of(at) for at in times}
        for month in sorted(needed - self._months):
            if oldest <= month <= this.next and self._not_before.get(month, tick) <= tick:
                await self._add_month(month)

    async def _add_month(self, month: Month) -> None:
        try:
            async with self._pool.transaction() as db:
                await db.execute(_LOCK_BRIEFLY)
                await db.execute(_SQL["lock_months"])
                if month not in await self._list_months(db):
                    await db.execute(month.sql("make_month"))
                    await db.execute(month.sql("fill_month"))
                    await db.execute(month.sql("add_month"))
        except StoreError as error:
            # The default partition takes it meanwhile.
            self._not_before[month] = time.monotonic() + _RETRY_SECONDS
            logger.warning("no partition for %04d-%02d could be added: %s", month.year, month.month, error)
        else:
            self._months.add(month)

    async def _list_months(self, db: Connection) -> list[Month]:
        found = (_NAME.fullmatch(row[0]) for row in await db.fetch(_SQL["months"]))
        return sorted(Month(int(name[1]), int(name[2])) for name in found if name)

    async def _prune_log(self, before: int) -> int:
        """Drop the months that end by then, delete what is older in the others; return how many interactions are gone."""
        async with self._pool.transaction(read_only=True) as db:
            months = await self._list_months(db)
        gone = 0
        for month in months:
            if month.next.low <= before:
                gone += await self._drop_month(month, before)
            elif month.low < before:
                gone += await self._delete_old(month.name, before)
        return gone + await self._delete_old(DEFAULT, before)

    async def _drop_month(self, month: Month, before: int) -> int:
        count = await self._value(month.sql("count_month"))
        try:
            async with self._pool.transaction() as db:
                await db.execute(_LOCK_BRIEFLY)
                await db.execute(month.sql("drop_month"))
        except StoreError as error:
            logger.warning("the partition of %04d-%02d could not be dropped: %s", month.year, month.month, error)
            return await self._delete_old(month.name, before)
        self._months.discard(month)
        return count

    async def _delete_old(self, table: str, before: int) -> int:
        """Delete rows of before then, a few pages at a time: every transaction is short, and every page is read once."""
        sql = _SQL["delete_old"].format(table=table)
        pages = await self._value(_SQL["pages"], table)
        gone = 0
        for page in range(0, pages, _PAGES_AT_ONCE):
            async with self._pool.transaction() as db:
                gone += rows_touched(await db.execute(sql, f"({page},0)", f"({page + _PAGES_AT_ONCE},0)", before))
        return gone
