"""The recorder: a bounded buffer between the page and the store, written in batches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from reco_sdk.errors import RecoError
from reco_sdk.interactions.interaction import Interaction

__all__ = ["Recorder", "RecorderCounts"]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class RecorderCounts:
    """What became of the interactions since start."""

    accepted: int = 0
    written: int = 0
    dropped: int = 0
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
            while self._buffer:
                batch = [self._buffer.popleft() for _ in range(min(len(self._buffer), 5_000))]
                try:
                    await self._write(batch)
                except BaseException:
                    self._buffer.extendleft(reversed(batch))
                    self.counts.failed_writes += 1
                    raise
                self.counts.written += len(batch)

    async def aclose(self) -> None:
        """Stop, after a last write."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        try:
            await self.flush()
        except RecoError:
            logger.exception("%d interactions could not be written at close", len(self._buffer))

    def _make_room(self) -> None:
        for place, waiting in enumerate(self._buffer):
            if waiting.kind != "purchase":
                del self._buffer[place]
                self.counts.dropped += 1
                return

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.flush()
            except RecoError:
                logger.warning("interactions could not be written; %d wait for the next try", len(self._buffer), exc_info=True)
