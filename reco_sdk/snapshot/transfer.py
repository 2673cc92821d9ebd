"""A snapshot in one file, to be taken to another host of the same store: a tar of its folder, manifest first."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from reco_sdk.errors import SnapshotCorrupt, SnapshotError
from reco_sdk.snapshot.disk import explained, sync_folder
from reco_sdk.snapshot.format import MANIFEST, Snapshot, next_number, temporary_prefix
from reco_sdk.snapshot.publisher import SnapshotFolder

__all__ = ["export_snapshot", "import_snapshot"]

_PREFIX: Final = "snapshot/"
_LARGEST_MANIFEST: Final = 16 << 20


def export_snapshot(folder: SnapshotFolder, target: Path) -> Snapshot:
    """Write the current snapshot to one file, every checksum verified; return what was written.

    Raises
    ------
    SnapshotError
        When there is none, it is damaged, or the file cannot be written; then no file is left.
    """
    current = folder.current()
    if current is None:
        raise SnapshotError(f"there is no snapshot in {folder.root}; run sync, or start a worker")
    snapshot = Snapshot.open(current)  # while it is open nobody prunes it
    snapshot.verify()
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with tarfile.open(temporary, "x") as tar:
            for name in (MANIFEST, *snapshot.files_on_disk):
                tar.add(current / name, _PREFIX + name, recursive=False, filter=_anonymous)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(target)
    except (OSError, tarfile.TarError) as error:
        raise SnapshotError(f"{target} was not written: {explained(error, target.parent)}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return snapshot


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member


def import_snapshot(folder: SnapshotFolder, source: Path, accept: Callable[[Mapping[str, Any]], None]) -> Path:
    """Take a snapshot from a file, verify every checksum, and publish it; return its folder.

    Parameters
    ----------
    accept
        Given what its builder wrote beside the arrays; raises where it must not be served here.

    Raises
    ------
    BuildInProgress
        While another process builds in this folder.
    SnapshotCorrupt
        When the file is damaged or no snapshot.
    SnapshotError
        When it cannot be read or written here, or ``accept`` raises it; what serves goes on serving.
    """
    with folder.build_lock():
        temporary = folder.root / f"{temporary_prefix(os.getpid())}{secrets.token_hex(4)}"
        try:
            temporary.mkdir()
            with tarfile.open(source, "r:") as tar:
                _unpack(tar, source, temporary)
            snapshot = Snapshot.open(temporary)
            snapshot.verify()
            accept(snapshot.meta)
            sync_folder(temporary)
            final = folder.root / f"snapshot-{next_number(folder.root):06d}-{secrets.token_hex(4)}"
            temporary.rename(final)
            sync_folder(folder.root)
        except tarfile.TarError as error:
            raise SnapshotCorrupt(f"{source} is no exported snapshot, or was cut off ({error}); export it again") from error
        except OSError as error:
            raise SnapshotError(f"{source} was not imported: {explained(error, folder.root)}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        folder.publish(final)
        folder.prune()
    return final


def _unpack(tar: tarfile.TarFile, source: Path, target: Path) -> None:
    """Write the files that the manifest names, with the sizes that it gives; nothing else in the file is looked at."""
    member = tar.next()
    if member is None or member.name != _PREFIX + MANIFEST or not member.isfile() or member.size > _LARGEST_MANIFEST:
        raise SnapshotCorrupt(f"{source} is no exported snapshot; make one with `reco snapshot export`")
    manifest = _content(tar, source, member).read()
    (target / MANIFEST).write_bytes(manifest)
    expected = _sizes(manifest)
    while (member := tar.next()) is not None:
        name = member.name.removeprefix(_PREFIX)
        if not member.isfile() or expected.pop(name, None) != member.size or Path(name).name != name:
            raise SnapshotCorrupt(f"{source} holds {member.name!r}, which its manifest does not know so; export it again")
        with (target / name).open("xb") as stream:
            shutil.copyfileobj(_content(tar, source, member), stream, 4 << 20)
            stream.flush()
            os.fsync(stream.fileno())
    if expected:
        raise SnapshotCorrupt(f"{source} lacks {min(expected)}; it was cut off, export it again")


def _content(tar: tarfile.TarFile, source: Path, member: tarfile.TarInfo) -> IO[bytes]:
    stream = tar.extractfile(member)
    if stream is None:
        raise SnapshotCorrupt(f"{source} is no exported snapshot")
    return stream


def _sizes(manifest: bytes) -> dict[str, int]:
    sizes: dict[str, int] = {}
    with suppress(ValueError, KeyError, TypeError, AttributeError):  # opening it says what is wrong
        content = json.loads(manifest)["content"]
        for entry in (*content["arrays"].values(), *content["files"].values()):
            sizes[str(entry["file"])] = int(entry["bytes"])
    return sizes
