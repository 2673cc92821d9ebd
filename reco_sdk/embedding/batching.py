"""Concurrent small calls → few model calls.

A forward pass over sixteen queries costs little more than one over a single query. While the model is busy, what arrives
waits and becomes the next batch; when it is idle, the first call waits a few milliseconds for company.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reco_sdk.embedding.checks import check_texts
from reco_sdk.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reco_sdk.ports import Embedder
    from reco_sdk.types import Vectors

__all__ = ["BatchingEmbedder"]


@dataclass(frozen=True, slots=True)
class _Call:
    texts: list[str]
    answer: asyncio.Future[Vectors]


class BatchingEmbedder:
    """Coalesce concurrent :meth:`embed` calls; itself an embedder, with the fingerprint of the one it wraps.

    Parameters
    ----------
    embedder
        Who does the work.
    wait_seconds
        How long the first call of a batch waits for others.
    max_batch
        Texts in one call at most; a call with as many or more of its own goes through alone, at once.

    Raises
    ------
    ConfigError
        For a negative wait or a batch below 1.
    """

    def __init__(self, embedder: Embedder, *, wait_seconds: float = 0.003, max_batch: int = 64) -> None:
        if wait_seconds < 0 or max_batch < 1:
            raise ConfigError(
                f"BatchingEmbedder: wait_seconds {wait_seconds} and max_batch {max_batch} cannot be; use 0.003 and 64"
            )
        self._embedder = embedder
        self._wait_seconds = wait_seconds
        self._max_batch = max_batch
        self._waiting: list[_Call] = []
        self._runner: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def fingerprint(self) -> str:
        """The wrapped embedder's."""
        return self._embedder.fingerprint

    @property
    def dimension(self) -> int:
        """The wrapped embedder's."""
        return self._embedder.dimension

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 ``(len(texts), d)`` unit rows, in order.

        Cancelling one caller leaves the others' answers alone; a failure reaches the callers of that batch and no other.

        Raises
        ------
        EmbeddingError
            From the wrapped embedder.
        """
        given = check_texts(texts)
        if not given or len(given) >= self._max_batch:
            return await self._embedder.embed(given)
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # Another loop, or a forked child: what waited on the old one can never be answered here.
            self._loop, self._waiting, self._runner = loop, [], None
        call = _Call(given, loop.create_future())
        self._waiting.append(call)
        if self._runner is None or self._runner.done():
            self._runner = loop.create_task(self._run(), name="reco-embed-batches")
        return await call.answer

    async def aclose(self) -> None:
        """Cancel what waits, then close the wrapped embedder; idempotent."""
        runner, self._runner = self._runner, None
        if runner is not None and self._loop is asyncio.get_running_loop():
            runner.cancel()
            await asyncio.gather(runner, return_exceptions=True)
        self._give_up(self._waiting)
        self._waiting = []
        await self._embedder.aclose()

    async def _run(self) -> None:
        await asyncio.sleep(self._wait_seconds)
        while batch := self._take():
            try:
                vectors = await self._embedder.embed([text for call in batch for text in call.texts])
            except asyncio.CancelledError:
                self._give_up(batch)
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers, and the next batch goes on
                for call in batch:
                    if not call.answer.done():
                        call.answer.set_exception(error)
                continue
            start = 0
            for call in batch:
                stop = start + len(call.texts)
                if not call.answer.done():
                    call.answer.set_result(vectors[start:stop].copy())
                start = stop

    def _take(self) -> list[_Call]:
        """Return the calls of the next batch, in order of arrival, without those whose caller has gone."""
        batch: list[_Call] = []
        room = self._max_batch
        while self._waiting:
            call = self._waiting[0]
            if call.answer.done():
                self._waiting.pop(0)
                continue
            if len(call.texts) > room:
                break
            room -= len(call.texts)
            batch.append(self._waiting.pop(0))
        return batch

    @staticmethod
    def _give_up(calls: list[_Call]) -> None:
        for call in calls:
            if not call.answer.done() and not call.answer.get_loop().is_closed():
                call.answer.cancel()
