"""Texts and ids as arrays, so that a snapshot holds them memory-mapped and workers share the pages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["IdTable", "TextTable", "key_hash"]

_U8 = npt.NDArray[np.uint8]
_I64 = npt.NDArray[np.int64]
_U64 = npt.NDArray[np.uint64]


def key_hash(text: str) -> int:
    """Return a 64-bit hash of any ``text``, the same in every process (BLAKE2b)."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class TextTable:
    """Texts by row: UTF-8 bytes end to end, and where each begins.

    Parameters
    ----------
    blob
        uint8, all texts end to end.
    offsets
        int64 ``(n + 1,)``.
    """

    __slots__ = ("_bytes", "blob", "offsets")

    def __init__(self, blob: _U8, offsets: _I64) -> None:
        self.blob = blob
        self.offsets = offsets
        self._bytes = blob.data

    @classmethod
    def of(cls, texts: Iterable[str]) -> TextTable:
        """Build the table from texts in row order."""
        parts = [text.encode() for text in texts]
        offsets = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum([len(p) for p in parts], out=offsets[1:])
        return cls(np.frombuffer(b"".join(parts), dtype=np.uint8), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> str:
        return str(self._bytes[self.offsets[row] : self.offsets[row + 1]], "utf-8")


class IdTable:
    """Ids by row and rows by id, without a dictionary: sorted 64-bit hashes and a binary search.

    Parameters
    ----------
    texts
        The ids in row order.
    hashes
        uint64 ``(n,)`` ascending.
    order
        int32 ``(n,)``; ``order[i]`` is the row whose hash is ``hashes[i]``.
    """

    __slots__ = ("hashes", "order", "texts")

    def __init__(self, texts: TextTable, hashes: _U64, order: npt.NDArray[np.int32]) -> None:
        self.texts = texts
        self.hashes = hashes
        self.order = order

    @classmethod
    def of(cls, ids: Sequence[str]) -> IdTable:
        """Build the table from ids in row order."""
        hashes = np.fromiter((key_hash(i) for i in ids), dtype=np.uint64, count=len(ids))
        order = np.argsort(hashes, kind="stable").astype(np.int32)
        return cls(TextTable.of(ids), hashes[order], order)

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, row: int) -> str:
        return self.texts[row]

    def row(self, item_id: str) -> int:
        """Return the row of ``item_id``, −1 when it is not in the table."""
        wanted = np.uint64(key_hash(item_id))
        place = int(self.hashes.searchsorted(wanted))
        while place < len(self.hashes) and self.hashes[place] == wanted:
            row = int(self.order[place])
            if self.texts[row] == item_id:
                return row
            place += 1
        return -1

    @classmethod
    def from_arrays(cls, array: Callable[[str], npt.NDArray[Any]], name: str) -> IdTable:
        """Rebuild the table from a snapshot's arrays, without copying them."""
        return cls(TextTable(array(f"{name}_blob"), array(f"{name}_offsets")), array(f"{name}_hashes"), array(f"{name}_order"))

    def to_arrays(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, for a snapshot."""
        return {
            f"{name}_blob": self.texts.blob,
            f"{name}_offsets": self.texts.offsets,
            f"{name}_hashes": self.hashes,
            f"{name}_order": self.order,
        }
