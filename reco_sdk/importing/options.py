"""How to read a source: one frozen value for both kinds of import."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field

from reco_sdk.errors import ConfigError

__all__ = ["ImportOptions"]

_GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What to read, and how to name what was read.

    Parameters
    ----------
    format
        ``csv``, ``tsv``, ``jsonl``, ``parquet``, ``merchant``, ``ga4`` or ``log``; ``None`` looks at the content.
    encoding
        Of CSV, TSV and JSON lines. A byte order mark wins over it.
    delimiter
        Of CSV; ``None`` takes the one of comma, semicolon, tab and bar that the header holds most of.
    mapping
        Field → column: ``{"title": "name"}`` reads titles from the column ``name``.
    constants
        Field → value for every row that has none: ``{"currency": "EUR"}``.
    attributes
        Names of further columns that become attributes of the item; ``("*",)`` takes them all.
    category_separator
        Between the levels of one category path in the source.
    urls
        Of a web server's log, the addresses that tell something: ``"/products/{item_id}"``, ``"search=/find?q={query}"``,
        ``"add_to_cart=/cart/add/{item_id}"``; see :class:`~reco_sdk.importing.readers.access_log.UrlPattern`.
    batch_size
        Rows stored in one transaction.
    timeout_seconds
        Without a byte from a server before the download is given up.
    max_bytes
        Of one download, unpacked where the server packs it on the way.
    restart
        Begin at the first row even where a checkpoint is found.
    dry_run
        Read and report; store nothing.

    Raises
    ------
    ConfigError
        For an unknown encoding, a delimiter that is not one character, or a size below 1.
    """

    format: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    category_separator: str = ">"
    urls: tuple[str, ...] = ()
    batch_size: int = 1_000
    timeout_seconds: float = 60.0
    max_bytes: int = 8 * _GIB
    restart: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        try:
            codecs.lookup(self.encoding)
        except LookupError as error:
            raise ConfigError(f"encoding {self.encoding!r} is unknown; utf-8 and cp1252 are the common ones") from error
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ConfigError(f"delimiter {self.delimiter!r} is not one character; use for example ';'")
        if not self.category_separator.strip():
            raise ConfigError("category_separator is empty; use for example '>'")
        for name in ("batch_size", "max_bytes", "timeout_seconds"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} {getattr(self, name)!r} is not above 0")
