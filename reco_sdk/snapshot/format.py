"""The snapshot folder: arrays and opaque files beside a manifest that says what they must be.

::

    snapshot-000012-3f9c01ab/
        manifest.json     format, library, created_at, meta; bytes, crc32, dtype and shape of every other file
        vectors.npy …     memory-mapped, never pickled
        hnsw.bin …        written and read by whoever put them there

A folder is written under a temporary name and renamed once all of it is on the disk, so a folder under a final
name is whole. What happens to it afterwards (a bad disk, a half copy) is what the checksums are for.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import secrets
import shutil
import weakref
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import SnapshotCorrupt, SnapshotError
from reco_sdk.snapshot.disk import crc32, explained, sync_folder
from reco_sdk.snapshot.filelock import share

__all__ = ["FORMAT_VERSION", "MANIFEST", "Snapshot", "next_number", "snapshot_number", "write_snapshot"]

FORMAT_VERSION: Final = 4
"""Written into every manifest; a reader refuses any other. 2: what is learned from sessions and baskets. 3: days of purchases,
baskets by category, prices taken down."""

MANIFEST: Final = "manifest.json"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[A-Za-z0-9]{1,8})?")
_FOLDER: Final = re.compile(r"snapshot-(\d{6,18})-[0-9a-f]{8}")
_SMALL_BYTES: Final = 8 << 20


def snapshot_number(path: Path) -> int | None:
    """Return the running number in a snapshot folder's name, ``None`` for any other name."""
    match = _FOLDER.fullmatch(path.name)
    return int(match[1]) if match else None


def temporary_prefix(pid: int) -> str:
    """Return how a process of this host begins the names of its unfinished folders."""
    return f".tmp-{zlib.crc32(platform.node().encode()):08x}-{pid}-"


def write_snapshot(
    root: str | os.PathLike[str],
    arrays: Mapping[str, npt.NDArray[Any]],
    meta: Mapping[str, Any],
    files: Mapping[str, Callable[[Path], None]] | None = None,
) -> Path:
    """Write one snapshot folder, whole or not at all.

    Parameters
    ----------
    root
        Folder of the snapshots; made when it is missing.
    arrays
        By name (letters, digits, ``_`` and ``-``); any dtype but object.
    meta
        Anything JSON can hold.
    files
        By name, for example ``"hnsw.bin"``: a callable that writes the file it is given.

    Returns
    -------
    Path
        The new folder. It is not yet published; see :class:`~reco_sdk.snapshot.publisher.SnapshotFolder`.

    Raises
    ------
    SnapshotError
        When anything fails, a full disk included, with cause and mend. Nothing is left behind, and no other
        snapshot is touched.
    """
    parent = Path(root)
    folder: Path | None = None
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = parent / f"{temporary_prefix(os.getpid())}{secrets.token_hex(4)}"
        folder.mkdir()
        content = _write_content(folder, arrays, meta, files or {})
        text = json.dumps({"checksum": _checksum(content), "content": content}, indent=1, sort_keys=True, allow_nan=False)
        with (folder / MANIFEST).open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        sync_folder(folder)
        final = parent / f"snapshot-{next_number(parent):06d}-{secrets.token_hex(4)}"
        folder.rename(final)
        folder = final
        sync_folder(parent)
    except Exception as error:
        cause = explained(error, parent)
        raise SnapshotError(f"no snapshot was written to {parent}: {cause}; the earlier ones are as they were") from error
    else:
        done, folder = folder, None
        return done
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _write_content(
    folder: Path,
    arrays: Mapping[str, npt.NDArray[Any]],
    meta: Mapping[str, Any],
    files: Mapping[str, Callable[[Path], None]],
) -> dict[str, Any]:
    entries: dict[str, dict[str, dict[str, Any]]] = {"arrays": {}, "files": {}}
    for name, values in arrays.items():
        array = np.asarray(values)
        if array.dtype.hasobject:
            raise SnapshotError(f"array {name!r} holds Python objects; only plain dtypes are written")
        path = _place(folder, f"{name}.npy")
        with path.open("xb") as stream:
            np.save(stream, array, allow_pickle=False)
        entries["arrays"][name] = {**_seal(path), "dtype": array.dtype.str, "shape": list(array.shape)}
    for name, write in files.items():
        path = _place(folder, name)
        write(path)
        entries["files"][name] = _seal(path)
    return {
        "format": FORMAT_VERSION,
        "library": _library_version(),
        "created_at": datetime.now(UTC).isoformat(),
        "meta": dict(meta),
        **entries,
    }


def _place(folder: Path, name: str) -> Path:
    path = folder / name
    if not _NAME.fullmatch(name) or name == MANIFEST or path.exists():
        raise SnapshotError(f"{name!r} is no name for a file of a snapshot, or is taken")
    return path


def _seal(path: Path) -> dict[str, Any]:
    """Bring a file to the disk, then describe it."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
    return {"file": path.name, "bytes": path.stat().st_size, "crc32": f"{crc32(path):08x}"}


def next_number(parent: Path) -> int:
    """Return the running number of the next snapshot in a folder."""
    return 1 + max((snapshot_number(path) or 0 for path in parent.iterdir()), default=0)


def _checksum(content: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(content, sort_keys=True, allow_nan=False).encode()):08x}"


def _library_version() -> str:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version("reco-sdk")
    return "unknown"


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file of the manifest."""

    file: str
    bytes: int
    crc32: int
    dtype: str = ""
    shape: tuple[int, ...] = ()


class Snapshot:
    """A snapshot folder, open for reading. Its arrays are memory-mapped, so every process shares their pages.

    Use :meth:`open`. As long as the object lives, :meth:`SnapshotFolder.prune` leaves the folder alone. Deleting it
    by other means does not disturb arrays that are mapped; it does take away :meth:`file`.

    Attributes
    ----------
    path
        The folder.
    meta
        What the builder wrote beside the arrays.
    created_at
        When it was written, UTC.
    library
        Version of this package that wrote it.
    """

    def __init__(
        self,
        path: Path,
        *,
        meta: dict[str, Any],
        created_at: datetime,
        library: str,
        arrays: dict[str, _Entry],
        files: dict[str, _Entry],
        mapped: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        self.path = path
        self.meta = meta
        self.created_at = created_at
        self.library = library
        self._arrays = arrays
        self._files = files
        self._sound: set[str] = set()
        self._mapped: dict[str, npt.NDArray[Any]] = dict(mapped or {})
        with contextlib.suppress(OSError):
            weakref.finalize(self, os.close, share(path / MANIFEST))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Snapshot:
        """Open a snapshot: manifest, sizes, dtypes and shapes are checked, and the checksums of small files.

        Files over 8 MB are checked by :meth:`verify`, opaque ones also by :meth:`file`.

        Raises
        ------
        SnapshotCorrupt
            When anything does not hold, or a newer release wrote it.
        SnapshotError
            When the folder or a file of it is missing or cannot be read.
        """
        folder = Path(path)
        content = _read_manifest(folder)
        try:
            snapshot = cls(
                folder,
                meta=dict(content["meta"]),
                created_at=datetime.fromisoformat(content["created_at"]),
                library=str(content["library"]),
                arrays={name: _entry(value) for name, value in content["arrays"].items()},
                files={name: _entry(value) for name, value in content["files"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SnapshotCorrupt(f"{folder / MANIFEST} lacks something: {error!r}; build a new snapshot") from error
        for entry in snapshot._entries():
            snapshot._check_size(entry)
            if entry.bytes < _SMALL_BYTES:
                snapshot._check_sum(entry)
        for name, entry in snapshot._arrays.items():
            snapshot._mapped[name] = snapshot._map(entry)
        return snapshot

    @property
    def array_names(self) -> tuple[str, ...]:
        """Names of the arrays, sorted."""
        return tuple(sorted(self._arrays))

    @property
    def files_on_disk(self) -> tuple[str, ...]:
        """Names of all its files but the manifest, sorted."""
        return tuple(sorted(entry.file for entry in self._entries()))

    @property
    def file_names(self) -> tuple[str, ...]:
        """Names of the opaque files, sorted."""
        return tuple(sorted(self._files))

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return an array, read-only and memory-mapped.

        Raises
        ------
        SnapshotError
            When the snapshot has no array of this name.
        """
        if name not in self._mapped:
            raise SnapshotError(f"{self.path} holds no array {name!r}, only {', '.join(self.array_names) or 'none'}")
        return self._mapped[name]

    def overlaid(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> Snapshot:
        """Return the same snapshot with some arrays, and some of what it says of itself, replaced in memory."""
        return Snapshot(
            self.path,
            meta={**self.meta, **meta},
            created_at=self.created_at,
            library=self.library,
            arrays={**{name: _Entry("", 0, 0) for name in arrays}, **self._arrays},
            files=self._files,
            mapped={**self._mapped, **arrays},
        )

    def file(self, name: str) -> Path:
        """Return the path of an opaque file, its checksum verified once.

        Raises
        ------
        SnapshotCorrupt
            When the file changed since it was written.
        SnapshotError
            When the snapshot has no file of this name, or it is gone.
        """
        if name not in self._files:
            raise SnapshotError(f"{self.path} holds no file {name!r}, only {', '.join(self.file_names) or 'none'}")
        self._check_sum(self._files[name])
        return self.path / self._files[name].file

    def verify(self, *, arrays_only: bool = False) -> None:
        """Check the checksum of every file that was not checked yet; about 0.3 s a gigabyte when it is in memory.

        Parameters
        ----------
        arrays_only
            Leave the opaque files to :meth:`file`.

        Raises
        ------
        SnapshotCorrupt
            When a file changed since it was written.
        SnapshotError
            When a file is gone.
        """
        for entry in self._arrays.values() if arrays_only else self._entries():
            self._check_sum(entry)

    def _entries(self) -> Iterable[_Entry]:
        return [*self._arrays.values(), *self._files.values()]

    def _check_size(self, entry: _Entry) -> None:
        path = self.path / entry.file
        try:
            size = path.stat().st_size
        except OSError as error:
            raise SnapshotError(f"{path} cannot be read: {error}; build a new snapshot") from error
        if size != entry.bytes:
            raise SnapshotCorrupt(f"{path} has {size} bytes, not {entry.bytes}; build a new snapshot")

    def _check_sum(self, entry: _Entry) -> None:
        if entry.file in self._sound:
            return
        path = self.path / entry.file
        try:
            found = crc32(path)
        except OSError as error:
            raise SnapshotError(f"{path} cannot be read: {error}; build a new snapshot") from error
        if found != entry.crc32:
            raise SnapshotCorrupt(
                f"{path} changed since it was written (crc32 {found:08x}, not {entry.crc32:08x}); build a new one"
            )
        self._sound.add(entry.file)

    def _map(self, entry: _Entry) -> npt.NDArray[Any]:
        path = self.path / entry.file
        try:
            # asarray: the subclass that numpy maps with makes every slice slower. The view keeps the mapping alive.
            array: npt.NDArray[Any] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise SnapshotCorrupt(f"{path} is no array: {error}; build a new snapshot") from error
        if array.dtype.str != entry.dtype or array.shape != entry.shape:
            raise SnapshotCorrupt(f"{path} is {array.dtype.str} {array.shape}, not {entry.dtype} {entry.shape}")
        return array


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SnapshotError(f"{folder} is no snapshot: {error}") from error
    try:
        manifest = json.loads(data)
        content: dict[str, Any] = manifest["content"]
        version = content["format"]
        checksum = _checksum(content)
        expected = manifest["checksum"]
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotCorrupt(f"{path} is no manifest: {error!r}; build a new snapshot") from error
    if isinstance(version, int) and version != FORMAT_VERSION:
        mend = "upgrade it, or build a new snapshot" if version > FORMAT_VERSION else "build a new snapshot"
        raise SnapshotCorrupt(f"{folder} has format {version}, this release reads {FORMAT_VERSION}; {mend}")
    if checksum != expected or not isinstance(version, int):
        raise SnapshotCorrupt(f"{path} changed since it was written; build a new snapshot")
    return content


def _entry(value: Mapping[str, Any]) -> _Entry:
    file = str(value["file"])
    if not _NAME.fullmatch(file):
        raise ValueError(f"{file!r} is no name for a file of a snapshot")
    return _Entry(
        file=file,
        bytes=int(value["bytes"]),
        crc32=int(value["crc32"], 16),
        dtype=str(value.get("dtype", "")),
        shape=tuple(int(size) for size in value.get("shape", ())),
    )
