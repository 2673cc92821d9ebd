"""Files on the disk: checksums, syncing, and what a failed write means."""

from __future__ import annotations

import errno
import json
import mmap
import os
import secrets
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["crc32", "explained", "read_json", "sync_folder", "write_json"]

_CHUNK_BYTES: Final = 4 << 20
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_ELSEWHERE: Final = "or choose another folder (RECO_STATE_DIR; RECO['STATE_DIR'] in Django)"


def explained(error: BaseException, folder: Path) -> str:
    """Return an error of the file system with its cause in plain words and its mend; any other one as it is.

    Parameters
    ----------
    error
        What was raised.
    folder
        Where something was to be written; it may be missing.
    """
    if not isinstance(error, OSError):
        return str(error)
    # numpy reports a short write as "6400 requested and 992 written", without the system's reason.
    short = error.errno is None and "requested and" in str(error)
    if short or error.errno in _FULL:
        return f"there is no room ({error}; {_free(folder)}); free some, {_ELSEWHERE}"
    if error.errno in _DENIED:
        return f"it may not be written ({error}); give this user the folder, {_ELSEWHERE}"
    if error.errno in {errno.ENOTDIR, errno.EEXIST}:
        return f"{folder} is no folder ({error}); remove what is there, {_ELSEWHERE}"
    return str(error)


def _free(folder: Path) -> str:
    for place in (folder, *folder.parents):
        try:
            return f"{shutil.disk_usage(place).free / 1e6:,.0f} MB are free on its disk, quotas and limits aside"
        except OSError:
            continue
    return "the disk cannot be asked how much is free"


def crc32(path: Path) -> int:
    """Return the CRC-32 of a file; zlib lets other threads run while it reads a chunk."""
    crc = 0
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            return crc
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
            for start in range(0, len(view), _CHUNK_BYTES):
                crc = zlib.crc32(view[start : start + _CHUNK_BYTES], crc)
    return crc


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object that a file holds, ``None`` where there is none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
