"""A lock on a file, for the processes of one host; the system takes it back when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Final

__all__ = ["FileLock", "is_shared", "share"]

_TRIES: Final = 50


class FileLock:
    """One lock, held by one process at a time; not for two threads of one process.

    The file stays when the lock is given back: deleting it would let one process lock a file that another no longer finds.

    Parameters
    ----------
    path
        The file; its folder is made when it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock, and others still find the file that it locked."""
        if self._descriptor is None:
            return False
        try:
            mine, found = os.fstat(self._descriptor), self.path.stat()
        except OSError:
            return False
        return (mine.st_dev, mine.st_ino) == (found.st_dev, found.st_ino)

    def acquire(self) -> bool:
        """Take the lock if it is free; return whether it is held now.

        Raises
        ------
        OSError
            When the file cannot be made.
        """
        while not self.held:
            self.release()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
            except BlockingIOError:
                os.close(descriptor)
                return False
            except BaseException:
                os.close(descriptor)
                raise
            # Once more if the folder was removed in between: a lock on a file without a name keeps nobody out.
            self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def taken(self) -> bool:
        """Return whether any process holds the lock, this one included."""
        if self.held:
            return True
        return is_shared(self.path)

    def holder(self) -> str:
        """Return the process id of who holds it, ``"unknown"`` where it cannot be told."""
        try:
            return self.path.read_text("ascii", "replace").strip() or "unknown"
        except OSError:
            return "unknown"


def share(path: Path) -> int:
    """Open a file and mark it as being in use until the descriptor, which is returned, is closed.

    Raises
    ------
    OSError
        When the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.001)  # somebody looks whether it is in use
        except OSError:
            break  # a file system without locks: only the courtesy is lost
        else:
            break
    return descriptor


def is_shared(path: Path) -> bool:
    """Return whether any process of this host marked the file as being in use, or locked it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
