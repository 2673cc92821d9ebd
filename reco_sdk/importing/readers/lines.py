"""Binary stream to decoded lines, each with its number, so that a wrong byte is named where it stands."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import Final

from reco_sdk.importing.opening import BROKEN_STREAM, Opened
from reco_sdk.importing.readers.table import broken

__all__ = ["MAX_LINE", "text_lines"]

MAX_LINE: Final = 16 * 2**20
"""Longest line that is held in memory, bytes."""

_WIDE: Final = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def text_lines(opened: Opened, encoding: str) -> Iterator[tuple[int, str | None]]:
    """Yield number (from 1) and text of each line, its end included; ``None`` for one over :data:`MAX_LINE`.

    Raises
    ------
    ImportRefused
        At a byte that the encoding does not know, or where a gzip breaks off.
    """
    name, stream = opened.source.name, opened.stream
    line = 0
    try:
        head = stream.read1(4)
        stream.seek(0)
        wide = _WIDE.get(head[:2])
        if wide is not None:
            wrapper = io.TextIOWrapper(stream, encoding=wide, newline="")
            try:
                yield from enumerate(wrapper, start=1)
            finally:
                wrapper.detach()
            return
        if head.startswith(codecs.BOM_UTF8):
            stream.seek(3)
            encoding = "utf-8"
        while raw := stream.readline(MAX_LINE):
            line += 1
            if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
                while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                    pass
                yield line, None
                continue
            yield line, raw.decode(encoding)
    except UnicodeDecodeError as error:
        wrong = error.object[error.start : error.start + 1].hex()
        raise broken(
            name,
            line or 1,
            f"byte 0x{wrong} at place {error.start + 1} is not {encoding}; save it as UTF-8, or give its encoding",
        ) from error
    except BROKEN_STREAM as error:
        raise broken(name, line + 1, f"the file breaks off ({error}); the rows before it were read, fetch it again") from error
