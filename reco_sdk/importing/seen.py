"""Which ids a file has named already, and where; on disk, since a catalogue may not fit twice into memory."""

from __future__ import annotations

import sqlite3

__all__ = ["SeenIds"]


class SeenIds:
    """First line of each id, in a temporary database that SQLite spills to disk by itself."""

    def __init__(self) -> None:
        # Used by one worker thread at a time, but not always the same one.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE seen (id BLOB PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def first_line(self, item_id: str, line: int) -> int | None:
        """Return the line that named ``item_id`` before; ``None``, and remember ``line``, when none did."""
        key = item_id.encode("utf-8", "surrogatepass")
        added = self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line)).rowcount
        if added:
            return None
        return int(self._db.execute("SELECT line FROM seen WHERE id = ?", (key,)).fetchone()[0])

    def close(self) -> None:
        """Delete it."""
        self._db.close()
