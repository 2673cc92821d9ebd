"""What SQLite's errors mean, and what mends them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from reco_sdk.errors import StoreError, StoreUnavailable

__all__ = ["store_error"]

_MENDS: Final = {
    sqlite3.SQLITE_BUSY: "another process holds the write lock for too long; find it, or raise busy_timeout_seconds",
    sqlite3.SQLITE_LOCKED: "another connection holds a lock; find it, or raise busy_timeout_seconds",
    sqlite3.SQLITE_FULL: "the disk is full; free some space, nothing was half-written",
    sqlite3.SQLITE_IOERR: "the disk failed or is full; check it, nothing was half-written",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only; give this user the right to write both",
    sqlite3.SQLITE_PERM: "this user may not read the file; give it the right to",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; check that file and folder exist and may be written",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore a backup, or move it away and import again",
    sqlite3.SQLITE_NOTADB: "the file is not an SQLite database; check the path",
    sqlite3.SQLITE_TOOBIG: "a value is too large for SQLite; shorten it",
}


_LATER: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
    }
)


def store_error(error: Exception, path: Path) -> StoreError:
    """Return what to raise for an error of ``sqlite3``, naming the file and the mend."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    mend = _MENDS.get(primary) if primary is not None else None
    kind = StoreUnavailable if primary in _LATER else StoreError
    return kind(f"{path}: {error}; {mend}" if mend else f"{path}: {error}")
