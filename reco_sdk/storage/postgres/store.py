"""The store in PostgreSQL, whole."""

from __future__ import annotations

from reco_sdk.ports import Clock
from reco_sdk.storage.postgres.errors import check_dsn, check_installed
from reco_sdk.storage.postgres.feed import PostgresFeed
from reco_sdk.storage.postgres.interactions import PostgresInteractions
from reco_sdk.storage.postgres.items import PostgresItems
from reco_sdk.storage.postgres.migrating import apply_next, check_server, pending
from reco_sdk.storage.postgres.pool import PostgresPool
from reco_sdk.storage.postgres.rules import PostgresRules
from reco_sdk.storage.postgres.state import PostgresState
from reco_sdk.storage.postgres.vectors import PostgresVectors
from reco_sdk.storage.times import SystemClock

__all__ = ["PostgresStore"]


class PostgresStore(PostgresItems, PostgresVectors, PostgresInteractions, PostgresRules, PostgresState):
    """A :class:`~reco_sdk.ports.Store` in a PostgreSQL database, shared by any number of processes on any hosts.

    It may lie behind a pooler that shares connections by transaction. It may be opened before a fork; each process then
    has its own connections.

    Parameters
    ----------
    dsn
        ``postgresql://user:password@host:port/database``, with asyncpg's options.
    listen_dsn
        A URL of the same database that leads to the server itself, to hear of changes at once; without it, changes are
        found by polling. Use the same URL where there is no pooler.
    max_connections
        How many connections a process has at most, without the one that listens.
    connect_timeout_seconds, command_timeout_seconds
        How long to wait for a connection, and for each statement.
    clock
        Stamps ``updated_at``; the machine's own by default. Leases go by the server's.

    Raises
    ------
    MissingExtra
        When asyncpg is not installed.
    ConfigError
        For a URL that cannot be read.
    """

    def __init__(
        self,
        dsn: str,
        *,
        listen_dsn: str = "",
        max_connections: int = 4,
        connect_timeout_seconds: float = 5.0,
        command_timeout_seconds: float = 30.0,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        check_installed()
        self._clock = clock or SystemClock()
        self._pool = PostgresPool(
            check_dsn(dsn),
            max_connections=max_connections,
            connect_timeout_seconds=connect_timeout_seconds,
            command_timeout_seconds=command_timeout_seconds,
        )
        self._feed = PostgresFeed(listen_dsn and check_dsn(listen_dsn), connect_timeout_seconds=connect_timeout_seconds)

    @property
    def where(self) -> str:
        """The database, for messages: without user and password."""
        return self._pool.where

    @property
    def is_listening(self) -> bool:
        """Whether changes are heard of at once now, so that polling is only for what is missed."""
        return self._feed.is_listening

    async def open(self) -> None:
        """Connect and migrate; nothing when it is open already.

        Raises
        ------
        StoreTooNew
            When a newer release wrote the database.
        MigrationError
            When its schema is not what the ledger says.
        StoreUnavailable
            When the server cannot be reached now.
        StoreError
            When it cannot hold the store.
        """
        if self._pool.is_open:
            return
        self._pool.open()
        try:
            async with self._pool.transaction(read_only=True) as db:
                await check_server(db)
                waiting = await pending(db)
            while waiting:
                async with self._pool.transaction() as db:
                    if await apply_next(db) is None:
                        break
            await self._feed.open()
        except BaseException:
            await self.aclose()
            raise

    async def pending(self) -> list[str]:
        """Return the names of the migrations that :meth:`open` would apply; it need not be open."""
        was_open = self._pool.is_open
        self._pool.open()
        try:
            async with self._pool.transaction(read_only=True) as db:
                await check_server(db)
                return [migration.name for migration in await pending(db)]
        finally:
            if not was_open:
                await self.aclose()

    async def aclose(self) -> None:
        """Finish what was begun and disconnect; idempotent."""
        await self._feed.aclose()
        await self._pool.aclose()

    async def wait_for_change(self, timeout_seconds: float, *, waiter: str = "") -> bool:
        """Return True as soon as somebody tells of a change, False after ``timeout_seconds``; it never fails."""
        self._pool.check_open()
        return await self._feed.wait(timeout_seconds, waiter)
