"""Search queries as vectors: embedded in the background, so that the next request of a session knows them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from reco_sdk.engine import Engine
from reco_sdk.errors import EmbeddingError, MissingExtra, RecoError
from reco_sdk.ports import Embedder
from reco_sdk.troubles import Troubles
from reco_sdk.types import Vector

__all__ = ["QueryVectors"]

QUERIES_KEPT: Final = 1_000


class QueryVectors:
    """The vectors of the last searches, kept in the engine in the space that it serves.

    Parameters
    ----------
    engine
        Reads ``engine.query_vectors``.
    embedder
        Texts to vectors; without one no query has a vector.
    spawn
        Starts a coroutine on the recommender's loop.
    """

    def __init__(
        self, engine: Engine, embedder: Embedder | None, troubles: Troubles, spawn: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        self._engine = engine
        self._embedder = embedder
        self._troubles = troubles
        self._spawn = spawn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._raw: OrderedDict[str, Vector] = OrderedDict()

    def __len__(self) -> int:
        return len(self._raw)

    def start(self) -> None:
        """Embed on the running loop from now on."""
        self._loop = asyncio.get_running_loop()

    def wish(self, queries: Iterable[str]) -> None:
        """Have queries embedded soon; from any thread, never waits."""
        if self._embedder is None or self._loop is None:
            return
        for query in queries:
            if query not in self._raw:
                with contextlib.suppress(RuntimeError):
                    # Closed meanwhile: the query stays unknown.
                    self._loop.call_soon_threadsafe(self._begin, query)

    def whiten(self) -> None:
        """Map what is known into the space served now; to be called when that changes."""
        view = self._engine.state.view
        if view.base.fingerprint and self._raw and view.base.fingerprint != self.fingerprint():
            # The snapshot speaks another model's language.
            self._engine.query_vectors = {}
            return
        known = {query: view.whiten(vector) for query, vector in self._raw.items()}
        self._engine.query_vectors = {query: vector for query, vector in known.items() if vector is not None}

    def fingerprint(self) -> str:
        """Return the embedder's model, empty for none or one that is missing."""
        if self._embedder is None:
            return ""
        try:
            return self._embedder.fingerprint
        except RecoError as error:
            self._troubles.note("embedding", error)
            return ""

    def _begin(self, query: str) -> None:
        self._spawn(self._embed(query))

    async def _embed(self, query: str) -> None:
        if self._embedder is None or query in self._raw:
            return
        try:
            vector = (await self._embedder.embed([query]))[0]
        except (EmbeddingError, MissingExtra) as error:
            self._troubles.note("embedding", error)
            return
        self._raw[query] = vector
        while len(self._raw) > QUERIES_KEPT:
            self._raw.popitem(last=False)
        self.whiten()
