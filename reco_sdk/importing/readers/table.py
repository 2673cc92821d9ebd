"""What every reader returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reco_sdk.errors import ImportRefused

__all__ = ["BadRow", "Row", "Table", "broken"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it begins, and its values by column."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be taken apart; the rows after it can."""

    line: int
    reason: str
    value: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in file order.

    Parameters
    ----------
    columns
        All of them, where the format says so up front.
    rows
        Raises :class:`~reco_sdk.errors.ImportRefused` where the file breaks.
    position
        Bytes read so far.
    left_out
        What the rows passed over on purpose, and how often; grows while they are taken.
    """

    columns: tuple[str, ...] | None
    rows: Iterator[Row | BadRow]
    position: Callable[[], int]
    left_out: Mapping[str, int] = field(default_factory=dict)


def broken(name: str, line: int, reason: str) -> ImportRefused:
    """Return the error for a file that breaks at ``line``."""
    return ImportRefused(f"{name}, line {line:,}: {reason}")
