"""Connections to PostgreSQL: a pool that belongs to one process and one event loop.

Behind a pooler that shares connections by transaction (pgbouncer), nothing may outlive a transaction. Hence each call is
one transaction, reads too, since the two halves of an unnamed statement may reach two servers otherwise; no statement is
prepared by name; and settings are set for the transaction only.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Protocol

from reco_sdk.errors import NotRunning
from reco_sdk.storage.postgres.errors import shown, translated

__all__ = ["Connection", "PostgresPool", "abandon", "connect_options"]


class Connection(Protocol):
    """What is used of asyncpg's connection."""

    async def fetch(self, query: str, *parameters: object) -> list[Any]:
        """Return all rows."""
        ...

    async def fetchrow(self, query: str, *parameters: object) -> Any:
        """Return the first row, ``None`` when there is none."""
        ...

    async def fetchval(self, query: str, *parameters: object) -> Any:
        """Return the first column of the first row, ``None`` when there is none."""
        ...

    async def execute(self, query: str, *parameters: object, timeout: float | None = None) -> str:  # noqa: ASYNC109
        """Run a statement, or several without parameters; return what the server answers."""
        ...

    async def copy_records_to_table(self, table_name: str, *, records: Sequence[Sequence[Any]], columns: Sequence[str]) -> str:
        """Send rows by binary COPY."""
        ...

    def get_server_version(self) -> Any:
        """Return the server's version; no query."""
        ...


# A process that freezes in the middle of a write holds others up no longer than this; they wait a little longer.
FROZEN_SECONDS: Final = 3
LOCK_SECONDS: Final = 6
_GUARD: Final = f"SET LOCAL idle_in_transaction_session_timeout = '{FROZEN_SECONDS}s'; SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"
_CLOSE_SECONDS: Final = 2.0
_UNDO_SECONDS: Final = 1.0
_ABANDONED: Final[list[object]] = []


def abandon(what: object) -> None:
    """Keep for ever what a parent process, or a loop that is closed, had: closing it here could end the parent's sessions."""
    _ABANDONED.append(what)


def connect_options(dsn: str, *, connect_timeout_seconds: float, command_timeout_seconds: float) -> dict[str, Any]:
    """Return what both the pool and the change feed tell asyncpg."""
    options: dict[str, Any] = {
        "dsn": dsn,
        "timeout": connect_timeout_seconds,
        "command_timeout": command_timeout_seconds,
        "statement_cache_size": 0,
    }
    if "application_name" not in dsn:
        options["server_settings"] = {"application_name": "reco"}
    return options


@asynccontextmanager
async def _transaction(connection: Any, *, read_only: bool) -> AsyncIterator[None]:
    """Commit at the end; undo on any error, and leave the connection where the server does not say soon that it is undone."""
    transaction = connection.transaction(readonly=read_only)
    try:
        await transaction.start()
        yield
        await transaction.commit()
    except BaseException:
        # Else what is cancelled because this process ends would wait for a silent server as long as for a statement.
        try:
            async with asyncio.timeout(_UNDO_SECONDS):
                await transaction.rollback()
        except BaseException:  # noqa: BLE001  the first error is what matters
            connection.terminate()
        raise


async def _keep(_connection: Any) -> None:
    """Leave a returned connection as it is: every setting was the transaction's own."""


class PostgresPool:
    """Runs transactions; connects when the first is asked for, and again in a forked child or on a later loop.

    Parameters
    ----------
    dsn
        The database's URL.
    max_connections
        How many transactions run at once; others wait.
    connect_timeout_seconds, command_timeout_seconds
        How long to wait for a connection, and for each statement.
    """

    def __init__(self, dsn: str, *, max_connections: int, connect_timeout_seconds: float, command_timeout_seconds: float) -> None:
        self.where = shown(dsn)
        self._max_connections = max_connections
        self._patience = connect_timeout_seconds + command_timeout_seconds
        self._options = connect_options(
            dsn, connect_timeout_seconds=connect_timeout_seconds, command_timeout_seconds=command_timeout_seconds
        )
        self._is_open = False
        self._pool: Any = None
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None

    @property
    def is_open(self) -> bool:
        """Whether transactions may be run."""
        return self._is_open

    def open(self) -> None:
        """Let transactions run."""
        self._is_open = True

    def check_open(self) -> None:
        """Refuse to go on while it is closed.

        Raises
        ------
        NotRunning
            Before ``open`` and after ``aclose``.
        """
        if not self._is_open:
            raise NotRunning("the store is not open; await store.open() first")

    async def aclose(self) -> None:
        """Let running transactions finish, then disconnect; idempotent."""
        self._is_open = False
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if self._home != (os.getpid(), asyncio.get_running_loop()):
            abandon(pool)
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await pool.close()
        except (TimeoutError, OSError):
            pool.terminate()

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = False) -> AsyncIterator[Connection]:
        """Give a connection for one transaction: committed at the end, rolled back on any error.

        Raises
        ------
        StoreUnavailable
            When the server cannot be reached or is too busy.
        StoreError
            For whatever else it refuses, naming the mend.
        NotRunning
            When it is not open, or open on another loop that still runs.
        """
        with translated(self.where):
            async with (
                (await self._here()).acquire(timeout=self._patience) as connection,
                _transaction(connection, read_only=read_only),
            ):
                if not read_only:
                    await connection.execute(_GUARD)
                yield connection

    async def _here(self) -> Any:
        """Return the pool of this process and loop."""
        self.check_open()
        here = (os.getpid(), asyncio.get_running_loop())
        if self._pool is None or self._home != here:
            import asyncpg  # noqa: PLC0415  optional, and not cheap

            if self._pool is not None and self._home is not None:
                pid, loop = self._home
                if pid == here[0] and not loop.is_closed():
                    raise NotRunning("the store is open on another event loop; close it there first, or use a second store")
                abandon(self._pool)
            self._home = here
            self._pool = asyncpg.create_pool(min_size=0, max_size=self._max_connections, reset=_keep, **self._options)
            with suppress(asyncpg.InterfaceError):
                await self._pool  # connects nothing yet, so nothing else runs meanwhile
        return self._pool
