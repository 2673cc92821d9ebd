"""JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from reco_sdk.importing.opening import Opened
from reco_sdk.importing.options import ImportOptions
from reco_sdk.importing.readers.lines import MAX_LINE, text_lines
from reco_sdk.importing.readers.table import BadRow, Row, Table
from reco_sdk.importing.refusals import excerpt

__all__ = ["read_jsonlines"]


def read_jsonlines(opened: Opened, options: ImportOptions) -> Table:
    """Return the rows of a JSON lines file; blank lines are passed over."""
    return Table(columns=None, rows=_rows(opened, options.encoding), position=opened.position)


def _rows(opened: Opened, encoding: str) -> Iterator[Row | BadRow]:
    for line, text in text_lines(opened, encoding):
        if text is None:
            yield BadRow(line, f"is over {MAX_LINE // 2**20} MiB long; shorten it", "")
            continue
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            yield BadRow(line, f"is not JSON: {error.msg} at place {error.colno}", excerpt(text.strip()))
            continue
        except (ValueError, RecursionError) as error:
            yield BadRow(line, f"is not JSON that can be read: {error}", excerpt(text.strip()))
            continue
        if isinstance(value, dict):
            yield Row(line, value)
        else:
            yield BadRow(line, "is not a JSON object; write one object a line", excerpt(text.strip()))
