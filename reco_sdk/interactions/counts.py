"""What became of the interactions that were recorded, counted so that a crash of the process leaves the counts behind.

Each process counts in a page of memory of its own. Where there is a folder for it the page is a file in memory
(``/dev/shm``): adding to it costs what adding in memory costs, no disk can make a page wait or fail, and when the process
is killed the page stays. Whoever looks next finds it without an owner, and what it had accepted and not written is lost.
A host that goes down takes the pages with it: then the bound is the recorder's limit.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import mmap
import os
import secrets
import time
import weakref
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

__all__ = ["CLASSES", "Counts", "HostCounts", "Lost", "RecorderCounts", "counts_folder"]

CLASSES: Final = ("views", "carts", "purchases")
"""What is let go first when the buffer is full, what then, and what never."""
_EVENTS: Final = ("accepted", "written", "dropped", "refused")
_CELLS: Final = len(_EVENTS) * len(CLASSES) + 1
_FAILED: Final = _CELLS - 1
_BYTES: Final = 8 * _CELLS
_ENDED: Final = "ended.json"
_PAGE: Final = ".counts"
MEMORY: Final = Path("/dev/shm")  # noqa: S108  a folder of our own in it, which no other account may own


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderCounts:
    """What became of the interactions, of one process or of several.

    Parameters
    ----------
    accepted, written
        Taken, and stored.
    dropped
        Let go because the buffer was full, by class (``"views"``, ``"carts"``).
    refused
        Given up because no store takes them.
    failed_writes
        Batches that were kept to be tried again.
    at_risk
        Accepted and neither stored nor let go so far, by class: what a crash now would lose.
    """

    accepted: int
    written: int
    dropped: dict[str, int]
    refused: int
    failed_writes: int
    at_risk: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return asdict(self)

    def flat(self) -> dict[str, int]:
        """Return each figure by a name of its own, for example ``"written"`` and ``"dropped.views"``."""
        found: dict[str, int] = {}
        for name, value in asdict(self).items():
            found |= {f"{name}.{key}": count for key, count in value.items()} if isinstance(value, dict) else {name: value}
        return found


@dataclass(slots=True)
class Lost:
    """What processes of this host that have ended did not write, since it was started.

    Parameters
    ----------
    processes
        How many ended with something unwritten.
    dropped, refused, at_risk
        By class: let go because a buffer was full, taken by no store, waiting when the process was killed or could not
        write at its end. What waited may have reached the store in the very moment, so this is at most what was lost.
    last_at
        Epoch seconds at which the latest was found; 0 for none.
    """

    processes: int = 0
    dropped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    refused: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    at_risk: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    last_at: float = 0.0

    def take(self, cells: memoryview[int]) -> bool:
        """Add what an ended process left; return whether that was anything."""
        left = [_row(cells, "dropped"), _row(cells, "refused"), _at_risk(cells)]
        if not any(any(row) for row in left):
            return False
        for mine, row in zip((self.dropped, self.refused, self.at_risk), left, strict=True):
            for name, count in zip(CLASSES, row, strict=True):
                mine[name] += count
        self.processes += 1
        self.last_at = time.time()
        return True


def _row(cells: memoryview[int], event: str) -> list[int]:
    start = _EVENTS.index(event) * len(CLASSES)
    return list(cells[start : start + len(CLASSES)])


def _at_risk(cells: memoryview[int]) -> list[int]:
    rows = [_row(cells, event) for event in _EVENTS]
    # A page that is read while its owner adds to it may show the one number before the other.
    return [max(accepted - sum(done), 0) for accepted, *done in zip(*rows, strict=True)]


class Counts:
    """The counts of one process's recorder. Whoever adds sees to it that nobody else does meanwhile.

    Parameters
    ----------
    cells
        Memory to count in; by default of this process alone.
    """

    def __init__(self, cells: memoryview[int] | None = None) -> None:
        self._cells = memoryview(bytearray(_BYTES)).cast("Q") if cells is None else cells

    def add(self, event: str, which: int, by: int = 1) -> None:
        """Count ``by`` interactions of class ``CLASSES[which]`` as ``accepted``, ``written``, ``dropped`` or ``refused``."""
        self._cells[_EVENTS.index(event) * len(CLASSES) + which] += by

    def failed(self) -> None:
        """Count a batch that could not be written."""
        self._cells[_FAILED] += 1

    def read(self) -> RecorderCounts:
        """Return the counts as they are now."""
        return _read([self._cells])

    def leave(self, cells: memoryview[int] | None = None) -> memoryview[int]:
        """Go on counting elsewhere, from the same numbers; return where it was counted until now."""
        before = self._cells
        self._cells = memoryview(bytearray(_BYTES)).cast("Q") if cells is None else cells
        self._cells[:] = before
        return before


def _read(pages: list[memoryview[int]]) -> RecorderCounts:
    sums = {event: [sum(column) for column in zip(*(_row(p, event) for p in pages), strict=True)] for event in _EVENTS}
    at_risk = [sum(column) for column in zip(*(_at_risk(p) for p in pages), strict=True)]
    return RecorderCounts(
        accepted=sum(sums["accepted"]),
        written=sum(sums["written"]),
        dropped=dict(zip(CLASSES, sums["dropped"], strict=False)),
        refused=sum(sums["refused"]),
        failed_writes=sum(p[_FAILED] for p in pages),
        at_risk=dict(zip(CLASSES, at_risk, strict=False)),
    )


def counts_folder(state_root: Path) -> Path:
    """Return where the processes of this host that share a state folder keep their pages."""
    root = str(state_root.absolute())
    if not MEMORY.is_dir():
        return state_root / "counts"
    return MEMORY / f"reco-{os.getuid()}-{hashlib.blake2b(root.encode(), digest_size=8).hexdigest()}"


class HostCounts:
    """The pages of all processes of this host that share a state folder.

    Parameters
    ----------
    folder
        Where they are; see :func:`counts_folder`.
    counts
        This process's own; it goes on in its page when it is opened.
    """

    def __init__(self, folder: Path, counts: Counts) -> None:
        self.folder = folder
        self._counts = counts
        self._path: Path | None = None
        self._descriptor = -1
        self._memory: mmap.mmap | None = None

    def open(self) -> None:
        """Count in a page that outlives this process, and take note of those that others left.

        Raises
        ------
        OSError
            When there is no page to be had; it is counted in this process's memory then.
        """
        if self._memory is not None:
            return
        with self._locked():
            self._collect()
            path = self.folder / f"{os.getpid()}-{secrets.token_hex(4)}{_PAGE}"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Written, not only sized: memory that is not there yet could turn out to be missing later.
                os.write(descriptor, bytes(_BYTES))
                memory = mmap.mmap(descriptor, _BYTES)
            except BaseException:
                path.unlink(missing_ok=True)
                os.close(descriptor)
                raise
        self._path, self._descriptor, self._memory = path, descriptor, memory
        self._counts.leave(memoryview(memory).cast("Q"))
        _mapped.add(self)

    def close(self) -> None:
        """Take the page away, leaving a note of what was not written; idempotent."""
        path = self._path
        # It may be gone already, together with its folder.
        if path is not None and path.exists():
            with contextlib.suppress(OSError), self._locked():
                self._end(path)
                with contextlib.suppress(OSError):
                    self.folder.rmdir()  # not while others, or a note, are in it
        self._forget()

    def read(self) -> tuple[RecorderCounts, Lost]:
        """Return the counts of all processes of this host that run now, and what those that have ended did not write.

        Raises
        ------
        OSError
            When they cannot be read.
        """
        if not self.folder.is_dir():
            return self._counts.read(), Lost()
        with self._locked():
            self._collect()
            pages = [page for path in self._pages() if (page := _page_of(path)) is not None]
            return _read(pages) if pages else self._counts.read(), self._ended()

    # -- inside

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep the other processes of this host out of the folder, which is made if need be."""
        while True:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # the last process that used it took it away
            try:
                if os.fstat(descriptor).st_uid != os.geteuid():
                    raise PermissionError(f"{self.folder} belongs to another account; remove it")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_nlink == 0:
                    continue
                yield
                return
            finally:
                os.close(descriptor)

    def _pages(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.name.endswith(_PAGE))

    def _collect(self) -> None:
        """Take note of every page whose process is gone."""
        for path in self._pages():
            if path != self._path and not _owned(path):
                self._end(path)

    def _end(self, path: Path) -> None:
        page, ended = _page_of(path), self._ended()
        if page is not None and ended.take(page):
            note = self.folder / f"{_ENDED}.{secrets.token_hex(4)}"
            note.write_text(json.dumps(asdict(ended)), encoding="ascii")
            note.replace(self.folder / _ENDED)
        path.unlink(missing_ok=True)

    def _ended(self) -> Lost:
        try:
            return Lost(**json.loads((self.folder / _ENDED).read_text(encoding="ascii")))
        except (FileNotFoundError, ValueError, TypeError):
            return Lost()

    def _forget(self) -> None:
        """Let go of the page and count in this process's own memory."""
        if self._memory is not None:
            self._counts.leave().release()
            self._memory.close()
            os.close(self._descriptor)
        self._path, self._descriptor, self._memory = None, -1, None
        _mapped.discard(self)


def _page_of(path: Path) -> memoryview[int] | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return memoryview(content).cast("Q") if len(content) == _BYTES else None


def _owned(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


_mapped: weakref.WeakSet[HostCounts] = weakref.WeakSet()


def _after_fork() -> None:
    """Let go of the parent's pages: while a child holds one open, the parent's death would go unnoticed."""
    for pages in list(_mapped):
        pages._forget()  # noqa: SLF001  of this module


os.register_at_fork(after_in_child=_after_fork)
