"""CSV and TSV, as RFC 4180 has them: a header, quotes doubled inside quotes, line breaks inside quotes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Final

from reco_sdk.importing.opening import Opened
from reco_sdk.importing.options import ImportOptions
from reco_sdk.importing.readers.lines import MAX_LINE, text_lines
from reco_sdk.importing.readers.table import BadRow, Row, Table, broken
from reco_sdk.importing.refusals import excerpt

__all__ = ["read_delimited"]

_DELIMITERS: Final = (",", ";", "\t", "|")


class _Lines:
    """Feed the csv module, and know the line it is at."""

    def __init__(self, opened: Opened, encoding: str) -> None:
        self._lines = text_lines(opened, encoding)
        self._name = opened.source.name
        self._held: str | None = None
        self.line = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._held is not None:
            text, self._held = self._held, None
            return text
        self.line, line = next(self._lines)
        if line is None:
            raise broken(
                self._name, self.line, f"is over {MAX_LINE // 2**20} MiB long; the file has no line breaks or an open quote"
            )
        return line

    def first(self) -> str | None:
        """Return the first line that is not blank, and keep it for the reader."""
        for text in self:
            if text.strip():
                self._held = text
                return text
        return None


def read_delimited(opened: Opened, options: ImportOptions) -> Table:
    """Return the rows of a CSV or TSV file, values as text.

    A row with more or fewer values than the header is refused by itself: which value belongs to which column
    cannot be known.

    Raises
    ------
    ImportRefused
        For a file without a header, a column named twice, or an open quote.
    """
    name = opened.source.name
    lines = _Lines(opened, options.encoding)
    header_line = lines.first()
    if header_line is None:
        raise broken(name, 1, "is empty; the first line must name the columns")
    delimiter = options.delimiter or ("\t" if opened.format == "tsv" else max(_DELIMITERS, key=header_line.count))
    # The module's own limit (128 KiB) is below what a description may hold; it can only be set for the process.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = lines.line
    try:
        header = [column.strip() for column in next(reader)]
    except csv.Error as error:
        raise broken(name, start, f"the header cannot be read ({error})") from error
    named = [column for column in header if column]
    twice = sorted({column for column in named if named.count(column) > 1})
    if twice:
        raise broken(name, start, f"two columns are named {twice[0]!r}; rename one")
    return Table(columns=tuple(named), rows=_rows(name, lines, reader, header), position=opened.position)


def _rows(name: str, lines: _Lines, reader: Iterator[list[str]], header: list[str]) -> Iterator[Row | BadRow]:
    width = len(header)
    while True:
        start = lines.line + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            mend = (
                "double a quote inside quotes, and close every quote"
                if "quote" in str(error) or "end of data" in str(error)
                else "check it"
            )
            raise broken(name, start, f"cannot be taken apart ({error}); {mend}") from error
        if not cells:
            continue
        if len(cells) != width:
            yield BadRow(
                start,
                f"has {len(cells)} values where the header names {width} columns; check quotes and delimiters",
                excerpt(cells[0]),
            )
            continue
        yield Row(start, {column: cell for column, cell in zip(header, cells, strict=True) if column})
