"""The schema's migrations on PostgreSQL; see :mod:`reco_sdk.storage.schema`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from reco_sdk.errors import MigrationError, StoreError
from reco_sdk.storage.postgres.pool import Connection
from reco_sdk.storage.schema import HAS_LEDGER, MIGRATION_LOCK, READ_LEDGER, Migration, load_migrations, plan

__all__ = ["apply_next", "check_server", "pending"]

OLDEST: Final = 14
_SECONDS: Final = 3_600.0  # a migration may take long, and wait for one that another process applies
_UNFIT: Final = ("42", "2B", "22", "23", "0A")  # what a statement itself can do wrong


async def check_server(connection: Connection) -> None:
    """Refuse a server that cannot hold what the store holds.

    Raises
    ------
    StoreError
        For a PostgreSQL that is too old, or a database that is not in UTF-8.
    """
    major = connection.get_server_version().major
    if major < OLDEST:
        raise StoreError(f"PostgreSQL {major} is too old; {OLDEST} or later is needed")
    encoding = await connection.fetchval("SELECT current_setting('server_encoding')")
    if encoding != "UTF8":
        raise StoreError(f"the database is encoded in {encoding}, which cannot hold every text; create one with ENCODING 'UTF8'")


async def pending(connection: Connection) -> Sequence[Migration]:
    """Return the migrations that the database still lacks; see :func:`~reco_sdk.storage.schema.plan` for what is refused."""
    there = await connection.fetch(HAS_LEDGER["postgres"])
    rows = await connection.fetch(READ_LEDGER) if there else []
    return plan({row[0]: row[1] for row in rows}, load_migrations("postgres"))


async def apply_next(connection: Connection) -> str | None:
    """Apply the first migration that the database lacks, in the transaction that is open; return its name.

    Several processes may do it at once: the lock lets one go first, and the others find it done.

    Raises
    ------
    MigrationError
        When a statement fails, or the ledger disagrees with the files.
    StoreTooNew
        When a newer release wrote the database.
    """
    import asyncpg  # noqa: PLC0415  optional, and not cheap

    await connection.execute("SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
    await connection.execute(MIGRATION_LOCK, timeout=_SECONDS)
    waiting = await pending(connection)
    if not waiting:
        return None
    migration = waiting[0]
    try:
        for statement in migration.statements:
            await connection.execute(statement, timeout=_SECONDS)
        applied_at = datetime.now(UTC).isoformat(timespec="seconds")
        await connection.execute(
            "INSERT INTO reco_migration (name, sha256, applied_at) VALUES ($1, $2, $3)",
            migration.name,
            migration.sha256,
            applied_at,
        )
    except asyncpg.PostgresError as error:
        code = str(getattr(error, "sqlstate", ""))
        if not code.startswith(_UNFIT):
            raise  # a full disk, a lost connection: not the migration's fault
        mend = "; migrate as the owner of the database" if code == "42501" else ""
        raise MigrationError(f"{migration.name} failed and was rolled back: {error}{mend}") from error
    return migration.name
