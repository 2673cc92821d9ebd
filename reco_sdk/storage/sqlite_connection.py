"""One SQLite connection on a thread of its own, safe across a fork.

``sqlite3`` blocks, so it never runs on the event loop. Whole transactions are handed over as one job; a library that
wraps each single call in a hop between threads would be slower and could leave a transaction half-way.

A connection must not live through a fork: the child inherits SQLite's idea of which locks the process holds, but not
the locks. Hence each is closed just before ``os.fork`` and opens again, in parent and child, at its next job.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from reco_sdk.errors import StoreError
from reco_sdk.storage.sqlite_errors import store_error

__all__ = ["SqliteConnection"]

T = TypeVar("T")

FORK_WAIT_SECONDS: Final = 5.0
_SWITCH_SECONDS: Final = 0.5
_LOG: Final = logging.getLogger(__name__)


class SqliteConnection:
    """Runs jobs on one connection, one after another.

    Parameters
    ----------
    path
        Absolute path of the file.
    create
        Whether a missing file is made; its folder must exist.
    read_only
        Whether every write is refused.
    busy_timeout_seconds
        How long to wait for another process's lock.
    """

    def __init__(self, path: Path, *, create: bool = False, read_only: bool = False, busy_timeout_seconds: float = 5.0) -> None:
        self.path = path
        self._create = create
        self._read_only = read_only
        self._busy_timeout_seconds = busy_timeout_seconds
        self._connection: sqlite3.Connection | None = None
        self._torn = False
        self._renew()
        _guard_forks(self)

    def _renew(self) -> None:
        self._gate = threading.Lock()
        self._gate_taken_for_fork = False
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reco-sqlite")

    async def run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``job`` on the connection's thread and return what it returns.

        Raises
        ------
        StoreError
            For whatever SQLite refuses, naming the mend.
        """
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._call, job)

    def _call(self, job: Callable[[sqlite3.Connection], T]) -> T:
        with self._gate:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                return job(self._connection)
            except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
                raise store_error(error, self.path) from error

    def _connect(self) -> sqlite3.Connection:
        if self._torn:
            raise StoreError(f"{self.path}: the process was forked in the middle of a write; restart it, and fork before writing")
        if not self.path.parent.is_dir():
            raise StoreError(f"{self.path}: the folder {self.path.parent} does not exist; create it, or change the path")
        mode = "rwc" if self._create else "rw"
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout_seconds,
            isolation_level=None,
            check_same_thread=False,  # the gate, not the thread, keeps jobs apart: a fork closes from its own thread
        )
        try:
            if not self._read_only:
                self._use_write_ahead_log(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA query_only = {'ON' if self._read_only else 'OFF'}")
        except BaseException:
            connection.close()
            raise
        self._create = False  # a file that vanishes later is an error, not an empty store
        return connection

    def _use_write_ahead_log(self, connection: sqlite3.Connection) -> None:
        """Switch the file to WAL, unless somebody who reads it will not let go: slower then, not wrong."""
        if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return
        connection.execute(f"PRAGMA busy_timeout = {min(self._busy_timeout_seconds, _SWITCH_SECONDS) * 1000:.0f}")
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            _LOG.info("%s is in use; it changes to write-ahead logging when it is next opened", self.path)
        finally:
            connection.execute(f"PRAGMA busy_timeout = {self._busy_timeout_seconds * 1000:.0f}")

    async def aclose(self) -> None:
        """Close the connection after the jobs before it, and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._close)
        self._executor.shutdown()

    def _close(self) -> None:
        with self._gate:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def before_fork(self) -> None:
        """Close the connection and let no job begin, so that the child inherits nothing."""
        self._gate_taken_for_fork = self._gate.acquire(timeout=FORK_WAIT_SECONDS)
        if self._gate_taken_for_fork:
            self._drop()

    def after_fork_in_parent(self) -> None:
        """Let jobs go on."""
        if self._gate_taken_for_fork:
            self._gate_taken_for_fork = False
            self._gate.release()

    def after_fork_in_child(self) -> None:
        """Start anew: the thread is gone, and so is whoever held the gate."""
        if not self._gate_taken_for_fork and (self._gate.locked() or self._connection is not None):
            self._torn = True
            _ABANDONED.append(self._connection)
            self._connection = None
        self._renew()


# Closing a connection that the parent still uses can remove the journal under it: kept for ever instead.
_ABANDONED: Final[list[sqlite3.Connection | None]] = []
_LIVE: Final[weakref.WeakSet[SqliteConnection]] = weakref.WeakSet()
_HOOKS_LOCK: Final = threading.Lock()
_hooks_set: list[bool] = []


def _guard_forks(connection: SqliteConnection) -> None:
    with _HOOKS_LOCK:
        _LIVE.add(connection)
        if not _hooks_set and hasattr(os, "register_at_fork"):
            _hooks_set.append(True)
            os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)


def _before() -> None:
    for connection in list(_LIVE):
        connection.before_fork()


def _after_in_parent() -> None:
    for connection in list(_LIVE):
        connection.after_fork_in_parent()


def _after_in_child() -> None:
    for connection in list(_LIVE):
        connection.after_fork_in_child()
