"""Google Merchant feeds, RSS 2.0 or Atom, pushed through a hardened parser that keeps no tree.

The feed's own names are kept (``title``, ``image_link``, ``product_type`` …); where an element stands both with the
``g:`` prefix and without, the prefixed one counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from reco_sdk.errors import MissingExtra
from reco_sdk.importing.opening import BROKEN_STREAM, Opened
from reco_sdk.importing.readers.table import BadRow, Row, Table, broken

__all__ = ["read_merchant"]

_CHUNK: Final = 2**16
_MAX_TEXT: Final = 16 * 2**20
_ITEMS: Final = frozenset({"item", "entry"})
_ROOTS: Final = frozenset({"rss", "feed", "rdf"})
_GOOGLE: Final = "base.google.com"


class _Target:
    """Collect the children of each ``item`` or ``entry`` into a row."""

    def __init__(self) -> None:
        self.rows: deque[Row | BadRow] = deque()
        self.root: str | None = None
        self.line: Any = None
        self._depth = 0
        self._item_depth: int | None = None
        self._start = 0
        self._plain: dict[str, list[str]] = {}
        self._google: dict[str, list[str]] = {}
        self._text: list[str] | None = None
        self._size = 0
        self._too_long = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        local = _local(tag)
        if self.root is None:
            self.root = local.lower()
        if self._item_depth is None:
            if local in _ITEMS:
                self._item_depth, self._start = self._depth, self.line()
                self._plain, self._google, self._too_long, self._size = {}, {}, "", 0
        elif self._depth == self._item_depth + 1:
            self._text = []
            if local == "link" and attributes.get("href") and attributes.get("rel", "alternate") == "alternate":
                self._text.append(attributes["href"])
        elif self._text is not None:
            self._text = None  # a group such as g:shipping: nothing an item has a field for

    def data(self, data: str) -> None:
        if self._text is None:
            return
        self._size += len(data)
        if self._size > _MAX_TEXT:
            self._too_long = self._too_long or f"is over {_MAX_TEXT // 2**20} MiB long; shorten it"
            return
        self._text.append(data)

    def end(self, tag: str) -> None:
        if self._item_depth is not None:
            if self._depth == self._item_depth + 1 and self._text is not None:
                into = self._google if _GOOGLE in tag or tag.startswith("g:") else self._plain
                into.setdefault(_local(tag), []).append("".join(self._text).strip())
                self._text = None
            elif self._depth == self._item_depth:
                self._finish()
        self._depth -= 1

    def _finish(self) -> None:
        self._item_depth = None
        if self._too_long:
            self.rows.append(BadRow(self._start, self._too_long, ""))
            return
        merged = {**self._plain, **self._google}
        self.rows.append(Row(self._start, {name: texts[0] if len(texts) == 1 else texts for name, texts in merged.items()}))

    def close(self) -> None:
        """End of the document."""


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2]


def read_merchant(opened: Opened) -> Table:
    """Return the items of a feed.

    Raises
    ------
    MissingExtra
        Without defusedxml.
    ImportRefused
        While the rows are taken: for XML that is not well-formed, declares entities or a DTD, or is no feed.
    """
    try:
        import defusedxml.common as guard  # noqa: PLC0415 - optional
        from defusedxml.ElementTree import DefusedXMLParser  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingExtra("defusedxml", "import") from error
    return Table(columns=None, rows=_rows(opened, DefusedXMLParser, guard), position=opened.position)


def _rows(opened: Opened, make_parser: Any, guard: Any) -> Iterator[Row | BadRow]:
    name, target = opened.source.name, _Target()
    parser = make_parser(target=target, forbid_dtd=True)
    target.line = lambda: parser.parser.CurrentLineNumber
    failure: Exception | None = None
    while failure is None:
        try:
            chunk = opened.stream.read1(_CHUNK)
            if chunk:
                parser.feed(chunk)
            else:
                parser.close()
        except (ParseError, guard.DefusedXmlException, *BROKEN_STREAM, ValueError, LookupError) as error:
            failure, chunk = error, b"-"
        yield from target.rows
        target.rows.clear()
        if failure is None and target.root is not None and target.root not in _ROOTS:
            raise broken(name, 1, f"its root is <{target.root[:40]}>; a Google Merchant feed begins with <rss> or <feed>")
        if not chunk:
            return
    line = failure.position[0] if isinstance(failure, ParseError) else target.line()
    raise broken(name, line, _explain(failure, guard)) from failure


def _explain(error: Exception, guard: Any) -> str:
    if isinstance(error, guard.DefusedXmlException):
        return "declares a document type or entities, which feeds do not need and attacks do; remove the declaration"
    if isinstance(error, ParseError):
        return f"is not well-formed XML ({error}); check it with xmllint, and the encoding it declares"
    return f"the file breaks off ({error}); the rows before it were read, fetch it again"
