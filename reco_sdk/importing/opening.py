"""Open a local file for reading: gzip undone, format found out, bytes counted."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from pathlib import PurePath
from typing import IO, Any, Final

from reco_sdk.errors import ConfigError, ImportRefused
from reco_sdk.importing.download import LocalSource

__all__ = ["BROKEN_STREAM", "FORMATS", "OF_INTERACTIONS", "Opened", "open_source"]

FORMATS: Final = ("csv", "tsv", "jsonl", "parquet", "merchant", "ga4", "log")
OF_INTERACTIONS: Final = frozenset({"ga4", "log"})
"""Formats that hold what visitors did, and never items."""

BROKEN_STREAM: Final = (EOFError, zlib.error, OSError)
"""What a read raises when the file, or its gzip, is damaged or cut short."""

_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_GA4: Final = ('"event_name"', '"event_timestamp"', '"event_params"')
_LOG_LINE: Final = re.compile(r'\S+ \S+ .{1,200}? \[\d{2}/[A-Za-z]{3}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "')
_HEAD: Final = 8_192
_SUFFIXES: Final = {
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".xml": "merchant",
    ".rss": "merchant",
    ".atom": "merchant",
}


class _Unpacked(io.RawIOBase):
    """A gzip that gives what can be unpacked before it says that it breaks off; ``GzipFile.read`` would lose that."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._gzip = gzip.GzipFile(fileobj=raw)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._gzip.seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        data = self._gzip.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._gzip.close()
        super().close()


class Opened:
    """A file that is open for reading; close it.

    Parameters
    ----------
    source
        What is read.
    format
        One of :data:`FORMATS`, or ``None`` to look at the content.

    Raises
    ------
    ImportRefused
        When it cannot be opened, or what it holds cannot be told.
    ConfigError
        For an unknown format.
    """

    def __init__(self, source: LocalSource, format: str | None) -> None:  # noqa: A002 - the word users know
        if format is not None and format not in FORMATS:
            raise ConfigError(f"format {format!r} is unknown; use one of {', '.join(FORMATS)}")
        self.source = source
        self.size = source.path.stat().st_size
        self._raw = source.path.open("rb")
        self.stream: io.BufferedReader = self._raw
        try:
            self.compressed = self._raw.read(2) == _GZIP
            self._raw.seek(0)
            if self.compressed:
                self.stream = io.BufferedReader(_Unpacked(self._raw), 2**16)
            self.format = format or self._detect()
            self.stream.seek(0)
        except BROKEN_STREAM as error:
            self.close()
            raise ImportRefused(f"{source.name}: cannot be read ({error}); fetch or export it again") from error
        except ImportRefused:
            self.close()
            raise

    def position(self) -> int:
        """Bytes of the file read so far, of :attr:`size`."""
        return 0 if self._raw.closed else self._raw.tell()

    def is_parquet(self) -> bool:
        """Whether the file begins as Parquet does."""
        head = self.stream.read(len(_PARQUET))
        self.stream.seek(0)
        return head == _PARQUET

    def close(self) -> None:
        """Close the file; idempotent."""
        if self.stream is not self._raw:
            self.stream.close()
        self._raw.close()

    def _detect(self) -> str:
        head = self.stream.read1(_HEAD)  # what one read gives: a file that breaks off soon still shows its format
        suffix = _suffix(self.source.name)
        if head.startswith(_PARQUET):
            return "parquet"
        start = _as_text(head).lstrip("\ufeff \t\r\n")
        if start.startswith("<"):
            return "merchant"
        if start.startswith("{"):
            return "ga4" if all(name in start.partition("\n")[0] for name in _GA4) else "jsonl"
        if _LOG_LINE.match(start):
            return "log"
        if start.startswith("[") and suffix in {".json", ".jsonl", ".ndjson"}:
            raise ImportRefused(f"{self.source.name}: is one JSON array; write one object a line, for example with: jq -c '.[]'")
        if suffix == ".parquet":
            raise ImportRefused(f"{self.source.name}: is no Parquet file, it does not begin with PAR1; export it again")
        return _SUFFIXES.get(suffix, "csv") if suffix in {".jsonl", ".ndjson", ".json", ".tsv"} else "csv"


def _as_text(head: bytes) -> str:
    return head.decode("utf-16", "replace") if head.startswith((b"\xff\xfe", b"\xfe\xff")) else head.decode("utf-8", "replace")


def _suffix(name: str) -> str:
    path = PurePath(name.partition("?")[0].lower())
    return PurePath(path.stem).suffix if path.suffix == ".gz" else path.suffix


def open_source(source: LocalSource, format: str | None = None) -> Opened:  # noqa: A002 - the word users know
    """Open a file; see :class:`Opened`."""
    try:
        return Opened(source, format)
    except PermissionError as error:
        raise ImportRefused(f"{source.name}: may not be read; check its permissions") from error
