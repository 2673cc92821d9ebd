"""Where an import stands, kept in the store that it fills."""

from __future__ import annotations

import hashlib
import json

from reco_sdk.importing.download import LocalSource
from reco_sdk.importing.options import ImportOptions
from reco_sdk.ports import StateStore

__all__ = ["Checkpoint"]


class Checkpoint:
    """Rows done of one source, by where it comes from; void once its content or the mapping is another.

    Parameters
    ----------
    store
        That is being filled.
    kind
        ``items`` or ``interactions``.
    source, options
        What is read, and how.
    """

    def __init__(self, store: StateStore, kind: str, source: LocalSource, options: ImportOptions) -> None:
        how = (
            source.identity, options.format, options.encoding, options.delimiter, sorted(options.mapping.items()),
            sorted(options.constants.items()), sorted(options.attributes), options.category_separator,
            options.urls,
        )  # fmt: skip
        self._store = store
        self._name = f"import:{kind}:{_digest(source.place)}"
        self._identity = _digest(repr(how))

    async def rows_done(self) -> int:
        """Return the rows that are dealt with, 0 without a valid checkpoint."""
        stored = await self._store.get_state(self._name)
        if stored is None:
            return 0
        try:
            value = json.loads(stored)
            return int(value["rows"]) if value["identity"] == self._identity else 0
        except (ValueError, KeyError, TypeError):
            return 0

    async def save(self, rows: int) -> None:
        """Note that all rows up to ``rows`` are dealt with."""
        await self._store.put_state(self._name, json.dumps({"identity": self._identity, "rows": rows}))

    async def clear(self) -> None:
        """Forget it: the import is complete."""
        await self._store.put_state(self._name, None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
