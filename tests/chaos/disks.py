"""A host's disk, small enough to be filled."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE_MB = 32
BLOCK = bytes(64 << 10)


class Disk:
    """A small file system in memory where one may be mounted; else a folder that can be made read-only.

    Parameters
    ----------
    folder
        Where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mounted = self._mount()

    def _mount(self) -> bool:
        if os.geteuid() != 0 or shutil.which("mount") is None:
            return False
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=700", "tmpfs", str(self.folder)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    @property
    def how(self) -> str:
        return "no room on its disk" if self.mounted else "read-only, for want of a disk that may be filled"

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no room in it."""
        if not self.mounted:
            mode = self.folder.stat().st_mode
            self.folder.chmod(0o500)
            try:
                yield
            finally:
                self.folder.chmod(mode)
            return
        ballast = self.folder / "ballast"
        try:
            with ballast.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(BLOCK)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
            yield
        finally:
            ballast.unlink(missing_ok=True)

    def remove(self) -> None:
        """Take it away; lazily, since a process that ends may still have a file open."""
        if self.mounted:
            self.mounted = False
            subprocess.run(["umount", "-l", str(self.folder)], check=False, capture_output=True)
