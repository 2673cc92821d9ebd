"""The schema's migrations: found, checked against the ledger, applied once.

The files are ``migrations/NNNN_name.<dialect>.sql``; the ledger is the table ``reco_migration``. What is neutral to the
dialect works on any DB-API cursor, Django's included; :func:`apply` and :func:`pending` are SQLite's runner.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from reco_sdk.errors import MigrationError, StoreTooNew

__all__ = [
    "HAS_LEDGER",
    "MIGRATION_LOCK",
    "READ_LEDGER",
    "Cursor",
    "Migration",
    "apply",
    "apply_to",
    "immediate",
    "load_migrations",
    "migrations_folder",
    "pending",
    "plan",
    "read_ledger",
    "split_statements",
]

HAS_LEDGER: Final = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'reco_migration'",
    # Not to_regclass(): it may remember from before a wait for the lock that there was none.
    "postgres": "SELECT 1 FROM pg_tables WHERE tablename = 'reco_migration' AND schemaname = ANY (current_schemas(false))",
}
MIGRATION_LOCK: Final = "SELECT pg_advisory_xact_lock(1919247215)"  # "reco", as a number; until the transaction ends
READ_LEDGER: Final = "SELECT name, sha256 FROM reco_migration ORDER BY name"
_PIECE: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|;|[^'\"\-/;]+|.", re.DOTALL)


class Cursor(Protocol):
    """What the dialect-neutral half needs of a DB-API cursor."""

    def execute(self, sql: str, parameters: Any = ..., /) -> object:
        """Run one statement."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows of the last statement."""
        ...


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the schema.

    Parameters
    ----------
    name
        Its name in the ledger, ``"0001_initial"``.
    sql
        Its text, line ends as LF.
    sha256
        Of ``sql``, hex.
    """

    name: str
    sql: str
    sha256: str

    @property
    def statements(self) -> tuple[str, ...]:
        """Its statements, to be run one by one in one transaction."""
        return tuple(split_statements(self.sql))


def split_statements(sql: str) -> Iterator[str]:
    """Yield the statements of ``sql`` without comments and closing semicolons.

    Semicolons inside quotes and comments do not end a statement. Bodies with inner semicolons (triggers) are not
    understood, and the migrations hold none.
    """
    parts: list[str] = []
    for piece in _PIECE.findall(sql):
        if piece == ";":
            statement = "".join(parts).strip()
            parts.clear()
            if statement:
                yield statement
        elif piece.startswith(("--", "/*")):
            parts.append(" ")
        else:
            parts.append(piece)
    rest = "".join(parts).strip()
    if rest:
        yield rest


def migrations_folder() -> Path:
    """Return where the files are: inside the installed package, or at the top of a checkout.

    Raises
    ------
    MigrationError
        When neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if any(folder.glob("0001_*.sql")):
            return folder
    raise MigrationError(f"no migrations beside {package}; the installation is incomplete, install reco-sdk again")


@cache
def load_migrations(dialect: str, folder: Path | None = None) -> tuple[Migration, ...]:
    """Return the migrations of a dialect in the order in which they apply."""
    suffix = f".{dialect}.sql"
    found = []
    for path in sorted((folder or migrations_folder()).glob(f"*{suffix}")):
        sql = path.read_text("utf-8")  # universal newlines: a checkout with CR LF has the same hash
        found.append(Migration(path.name.removesuffix(suffix), sql, hashlib.sha256(sql.encode()).hexdigest()))
    return tuple(found)


def plan(ledger: Mapping[str, str], migrations: Sequence[Migration]) -> list[Migration]:
    """Return what is still to be applied, in order.

    Parameters
    ----------
    ledger
        sha256 by name of what the database says was applied.
    migrations
        What this release has.

    Raises
    ------
    StoreTooNew
        When the ledger names a migration that this release does not have.
    MigrationError
        When a file is not the one that was applied, or one was left out.
    """
    unknown = sorted(set(ledger) - {m.name for m in migrations})
    if unknown:
        raise StoreTooNew(f"the store was written by a newer release (it has {unknown[-1]}); upgrade reco-sdk")
    waiting: list[Migration] = []
    for migration in migrations:
        applied = ledger.get(migration.name)
        if applied is None:
            waiting.append(migration)
        elif waiting:
            raise MigrationError(
                f"{migration.name} was applied but {waiting[0].name} before it was not; restore the ledger or a backup"
            )
        elif applied != migration.sha256:
            raise MigrationError(
                f"{migration.name} differs from what was applied (sha256 {migration.sha256[:12]}…, ledger {applied[:12]}…); "
                "install the release that wrote the store, or restore its migrations"
            )
    return waiting


def read_ledger(cursor: Cursor, dialect: str = "sqlite") -> dict[str, str]:
    """Return sha256 by name of what was applied; empty for a database without a ledger."""
    cursor.execute(HAS_LEDGER[dialect])
    if not cursor.fetchall():
        return {}
    cursor.execute(READ_LEDGER)
    return {str(name): str(sha256) for name, sha256 in cursor.fetchall()}


def apply_to(cursor: Cursor, name: str, *, dialect: str = "sqlite", placeholder: str = "?") -> list[str]:
    """Apply what the ledger lacks up to one migration, inside the caller's transaction.

    Parameters
    ----------
    cursor
        Of a connection that is in a transaction, Django's ``connection.cursor()`` for example.
    name
        The last migration to apply, ``"0001_initial"``.
    dialect
        ``"sqlite"`` or ``"postgres"``.
    placeholder
        How the cursor spells a parameter: ``"?"`` for sqlite3, ``"%s"`` for Django.

    Returns
    -------
    list[str]
        The names of those that were applied.
    """
    migrations = load_migrations(dialect)
    if all(m.name != name for m in migrations):
        raise MigrationError(f"no migration {name!r} for {dialect}; install reco-sdk again")
    if dialect == "postgres":
        cursor.execute(MIGRATION_LOCK)
    waiting = [m for m in plan(read_ledger(cursor, dialect), migrations) if m.name <= name]
    for migration in waiting:
        _run(cursor, migration, placeholder)
    return [migration.name for migration in waiting]


def _run(cursor: Cursor, migration: Migration, placeholder: str) -> None:
    for statement in migration.statements:
        cursor.execute(statement)
    values = ", ".join([placeholder] * 3)
    cursor.execute(
        f"INSERT INTO reco_migration (name, sha256, applied_at) VALUES ({values})",
        (migration.name, migration.sha256, datetime.now(UTC).isoformat(timespec="seconds")),
    )


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Hold SQLite's write lock for one transaction: committed at the end, rolled back on any error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # SQLite rolls back by itself on a full disk or an I/O error
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def pending(connection: sqlite3.Connection) -> list[Migration]:
    """Return the migrations that an SQLite database still lacks; see :func:`plan` for what is refused."""
    cursor = connection.cursor()
    try:
        return plan(read_ledger(cursor), load_migrations("sqlite"))
    finally:
        cursor.close()


def apply(connection: sqlite3.Connection) -> list[str]:
    """Apply what an SQLite database lacks, each migration in one transaction; return the names.

    Two processes may do it at once: the write lock lets one go first, and the other finds it done.

    Parameters
    ----------
    connection
        In autocommit mode (``isolation_level=None``), with a busy timeout.

    Raises
    ------
    MigrationError
        When a statement fails (nothing of that migration is kept), or the ledger disagrees with the files.
    StoreTooNew
        When a newer release wrote the database.
    """
    applied: list[str] = []
    while pending(connection):
        with immediate(connection):
            waiting = pending(connection)  # again, now that nobody else can write
            if not waiting:
                break
            cursor = connection.cursor()
            try:
                _run(cursor, waiting[0], "?")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                    raise  # a full disk, a lock, a read-only file: not the migration's fault
                raise MigrationError(f"{waiting[0].name} failed and was rolled back: {error}") from error
            finally:
                cursor.close()
        applied.append(waiting[0].name)
    return applied
