"""The folder of snapshots: which one serves, which may go, and who may build.

::

    state/
        CURRENT                       name of the folder that serves, replaced atomically
        build.lock                    locked while a process builds; holds its process id
        worker.lock                   locked while a worker of this host lives: then nobody else builds by itself
        snapshot-000011-9b2e77d0/     the one before, kept so that a damaged current one has a successor
        snapshot-000012-3f9c01ab/
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reco_sdk.errors import BuildInProgress, SnapshotError
from reco_sdk.snapshot.disk import explained, sync_folder
from reco_sdk.snapshot.filelock import FileLock, is_shared
from reco_sdk.snapshot.format import MANIFEST, Snapshot, snapshot_number, temporary_prefix

__all__ = ["SnapshotFolder"]

_log = logging.getLogger(__name__)

_CURRENT: Final = "CURRENT"
_BUILD_LOCK: Final = "build.lock"
_WORKER_LOCK: Final = "worker.lock"
_TEMPORARY: Final = re.compile(r"\.tmp-[0-9a-f]{8}-(\d+)-[0-9a-f]{8}")
_ABANDONED_SECONDS: Final = 24 * 3600


class SnapshotFolder:
    """The snapshots of one catalogue on one host.

    Parameters
    ----------
    root
        The folder; made by the first writer. Reading one that is missing finds no snapshot.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self.worker_lock = FileLock(self.root / _WORKER_LOCK)

    def current(self) -> Path | None:
        """Return the folder that serves; ``None`` when nothing was published, or what was is gone."""
        try:
            name = (self.root / _CURRENT).read_bytes()[:256].decode("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        path = self.root / name
        # The name must look like a snapshot's, so a damaged pointer cannot lead out of the folder.
        return path if snapshot_number(Path(name)) is not None and path.name == name and path.is_dir() else None

    def snapshots(self) -> list[Path]:
        """Return all snapshot folders, newest first."""
        try:
            found = [path for path in self.root.iterdir() if snapshot_number(path) is not None and path.is_dir()]
        except OSError:
            return []
        return sorted(found, key=lambda path: (snapshot_number(path), path.name), reverse=True)

    def publish(self, path: Path) -> None:
        """Make a snapshot the current one. Readers see the old one or the new one, never neither.

        Raises
        ------
        SnapshotError
            When it is no snapshot of this folder, or the pointer cannot be written; then the old one still serves.
        """
        if snapshot_number(path) is None or path.resolve().parent != self.root.resolve() or not path.is_dir():
            raise SnapshotError(f"{path} is no snapshot of {self.root}")
        temporary = self.root / f"{temporary_prefix(os.getpid())}{secrets.token_hex(4)}"
        try:
            with temporary.open("x", encoding="ascii") as stream:
                stream.write(f"{path.name}\n")
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self.root / _CURRENT)
            sync_folder(self.root)
        except OSError as error:
            cause = explained(error, self.root)
            raise SnapshotError(f"{path.name} could not be published: {cause}; the one before still serves") from error
        finally:
            temporary.unlink(missing_ok=True)

    def open_latest(self) -> Snapshot | None:
        """Open the current snapshot, every array verified; when it is damaged, the newest good one before it.

        Opaque files are verified when :meth:`Snapshot.file` first gives them out. What is refused is logged.

        Returns
        -------
        Snapshot or None
            ``None`` when there is no good snapshot: build one.
        """
        refused: set[Path] = set()
        while True:
            current = self.current()
            if current is None or current in refused:
                break
            # Asked again after a refusal: another process may have published, and pruned, meanwhile.
            if (snapshot := self._open(current)) is not None:
                return snapshot
            refused.add(current)
        newest = snapshot_number(current) if current is not None else None
        for path in self.snapshots():
            if path in refused or (newest is not None and (snapshot_number(path) or 0) > newest):
                continue
            if (snapshot := self._open(path)) is not None:
                _log.warning("serving the earlier snapshot %s", path)
                return snapshot
        return None

    def _open(self, path: Path) -> Snapshot | None:
        try:
            snapshot = Snapshot.open(path)
            snapshot.verify(arrays_only=True)
        except SnapshotError as error:
            _log.error("snapshot refused: %s", error)
            return None
        return snapshot

    def prune(self, keep: int = 2) -> list[Path]:
        """Delete old snapshots and what crashed builders left; the current one, and what a process serves, stay.

        Parameters
        ----------
        keep
            How many snapshots to keep, the current one among them; at least 1.

        Returns
        -------
        list of Path
            What was deleted.

        Raises
        ------
        SnapshotError
            For ``keep`` < 1.
        """
        if keep < 1:
            raise SnapshotError(f"keep must be at least 1, got {keep}")
        current = self.current()
        others = [path for path in self.snapshots() if path != current]
        old = others[keep - (current is not None) :]
        doomed = [path for path in old if not is_shared(path / MANIFEST)] + [p for p in self._temporaries() if _abandoned(p)]
        for path in doomed:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return doomed

    def _temporaries(self) -> list[Path]:
        try:
            return [path for path in self.root.iterdir() if _TEMPORARY.fullmatch(path.name)]
        except OSError:
            return []

    @contextlib.contextmanager
    def build_lock(self) -> Iterator[None]:
        """Hold the right to build in this folder; the system takes it back when the process dies.

        Raises
        ------
        BuildInProgress
            When another builder, of this process or another, holds it; names its process id.
        SnapshotError
            When the lock file cannot be made.
        """
        lock = FileLock(self.root / _BUILD_LOCK)
        try:
            acquired = lock.acquire()
        except OSError as error:
            raise SnapshotError(f"no build lock in {self.root}: {explained(error, self.root)}") from error
        if not acquired:
            raise BuildInProgress(f"process {lock.holder()} is building in {self.root}; wait for it")
        try:
            yield
        finally:
            lock.release()


def _abandoned(path: Path) -> bool:
    """Return whether the process that began this temporary folder is gone."""
    match = _TEMPORARY.fullmatch(path.name)
    if match is None:
        return False
    pid = int(match[1])
    if path.name.startswith(temporary_prefix(pid)):
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return True
        except PermissionError:
            return False
        return False
    # Begun on another host that shares this folder: only age tells.
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime > _ABANDONED_SECONDS
    return False
