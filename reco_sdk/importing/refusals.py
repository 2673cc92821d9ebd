"""Rows that were not stored: each named, counted by field and reason, written out as JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, TextIO

__all__ = ["Refusal", "RefusalLog", "excerpt"]

EXCERPT: Final = 80
MAX_GROUPS: Final = 200
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"|U\+[0-9A-F]{4,6}|\d[\d,.:+T-]*\d|\d")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that was not stored.

    Parameters
    ----------
    line
        Where the row begins: the line of a text file, the row number (from 1) of a Parquet file.
    item_id
        Of the row, where it has one.
    field
        At fault; ``"row"`` when the row as a whole cannot be read.
    reason
        What is wrong, and the mend.
    value
        The first characters of what stood there.
    """

    line: int
    item_id: str | None
    field: str
    reason: str
    value: str


def excerpt(value: object) -> str:
    """Return at most 80 characters that show ``value``, on one line."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else repr(value)
    shown = text[: EXCERPT + 1].encode("unicode_escape").decode("ascii") if not text[:EXCERPT].isprintable() else text
    return shown if len(shown) <= EXCERPT else shown[: EXCERPT - 1] + "…"


class RefusalLog:
    """Count refusals by field and kind of reason; hand each on; keep the first of each kind.

    Parameters
    ----------
    stream
        Text file that receives one JSON object a line.
    also
        Called with each refusal.
    """

    def __init__(self, stream: TextIO | None = None, also: Callable[[Refusal], None] | None = None) -> None:
        self._stream = stream
        self._also = also
        self._groups: dict[tuple[str, str], tuple[int, Refusal]] = {}
        self.count = 0

    def add(self, refusal: Refusal) -> None:
        """Take one refusal."""
        self.count += 1
        key = (refusal.field, _QUOTED.sub("…", refusal.reason))
        if key not in self._groups and len(self._groups) >= MAX_GROUPS:
            key = ("other", "further reasons")
        seen, first = self._groups.get(key, (0, refusal))
        self._groups[key] = (seen + 1, first)
        if self._stream is not None:
            self._stream.write(json.dumps(asdict(refusal)) + "\n")
        if self._also is not None:
            self._also(refusal)

    def groups(self) -> list[tuple[int, Refusal]]:
        """Return how often each kind of refusal came, with its first example, most frequent first."""
        return sorted(self._groups.values(), key=lambda group: (-group[0], group[1].line))
