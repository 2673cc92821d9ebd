"""The recorder: a bounded buffer between the page and the store, written in batches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from reco_sdk.errors import InvalidInput, RecoError
from reco_sdk.interactions.interaction import Interaction

__all__ = ["Recorder", "RecorderCounts"]

logger = logging.getLogger(__name__)

BATCH: Final = 5_000


@dataclass(slots=True)
class RecorderCounts:
    """What became of the interactions since start.

    Parameters
    ----------
    accepted, written
        Taken, and stored.
    dropped
        Lost because the buffer was full.
    refused
        Given up because no store takes them.
    failed_writes
        Batches that were kept to be tried again.
    """

    accepted: int = 0
    written: int = 0
    dropped: int = 0
    refused: int = 0
    failed_writes: int = 0


class Recorder:
    """Collect interactions and write them every ``interval_seconds``.

    When the buffer is full the oldest interaction that is not a purchase makes room; purchases are kept
    beyond the limit, because they cannot be had again.

    Parameters
    ----------
    write
        Stores a batch; called by one task at a time. A batch that fails is kept and tried again.
    interval_seconds
        Time between writes: what a crash can lose at most.
    limit
        Interactions held at most.
    """

    def __init__(self, write: Callable[[Sequence[Interaction]], Awaitable[object]], interval_seconds: float, limit: int) -> None:
        self.counts = RecorderCounts()
        self._write = write
        self._interval = interval_seconds
        self._limit = limit
        self._buffer: deque[Interaction] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self._lock = threading.Lock()

    @property
    def pending(self) -> int:
        """How many interactions wait to be written."""
        return len(self._buffer)

    def start(self) -> None:
        """Begin to write in the background; needs a running loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="reco-recorder")

    def add(self, interactions: Sequence[Interaction]) -> None:
        """Accept interactions; never waits. Safe to call from any thread."""
        with self._lock:
            for interaction in interactions:
                if len(self._buffer) >= self._limit:
                    self._make_room()
                self._buffer.append(interaction)
            self.counts.accepted += len(interactions)

    async def flush(self) -> None:
        """Write all that waits.

        Raises
        ------
        StoreError
            When the store refuses; the batch is kept.
        """
        async with self._writing:
            while batch := self._take():
                try:
                    await self._write_batch(batch)
                except BaseException:
                    self._put_back(batch)
                    self.counts.failed_writes += 1
                    raise

    async def aclose(self) -> None:
        """Stop, after a last write."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        try:
            await self.flush()
        except Exception:
            logger.exception("%d interactions could not be written at close", len(self._buffer))

    async def _write_batch(self, batch: list[Interaction]) -> None:
        """Write a batch and take out of it what is done with, so that a failure half-way keeps only the rest."""
        try:
            await self._write(batch)
        except InvalidInput:
            # One that no store takes must not hold up the others for ever.
            while batch:
                try:
                    await self._write(batch[:1])
                    self.counts.written += 1
                except InvalidInput:
                    self.counts.refused += 1
                    logger.exception("the store refuses an interaction; it is given up")
                del batch[:1]
        else:
            self.counts.written += len(batch)

    def _take(self) -> list[Interaction]:
        with self._lock:
            return [self._buffer.popleft() for _ in range(min(len(self._buffer), BATCH))]

    def _put_back(self, batch: Sequence[Interaction]) -> None:
        with self._lock:
            self._buffer.extendleft(reversed(batch))
            while len(self._buffer) > self._limit and self._make_room():
                pass

    def _make_room(self) -> bool:
        for place, waiting in enumerate(self._buffer):
            if waiting.kind != "purchase":
                del self._buffer[place]
                self.counts.dropped += 1
                return True
        return False

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.flush()
            except RecoError:
                logger.warning("interactions could not be written; %d wait for the next try", len(self._buffer), exc_info=True)
            except Exception:
                logger.exception("writing interactions failed; %d wait for the next try", len(self._buffer))
