"""The recorder: a bounded buffer between the page and the store, written in batches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, islice
from typing import Final, Generic, TypeVar

from reco_sdk.errors import InvalidInput, RecoError
from reco_sdk.interactions.counts import CLASSES, Counts, RecorderCounts
from reco_sdk.interactions.interaction import Interaction

__all__ = ["Recorder", "class_of"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

BATCH: Final = 5_000
LAST_WRITE_SECONDS: Final = 6.0
_VIEWS, _CARTS, _PURCHASES = range(len(CLASSES))
_CLASS_OF: Final = {
    "add_to_cart": _CARTS,
    "remove_from_cart": _CARTS,
    "add_to_wishlist": _CARTS,
    "rate": _CARTS,
    "dismiss": _CARTS,
    "purchase": _PURCHASES,
    "refund": _PURCHASES,
}


def class_of(interaction: Interaction) -> int:
    """Return the place in :data:`CLASSES` of what an interaction is: a look, a choice, or money."""
    return _CLASS_OF.get(interaction.kind, _VIEWS)


class Recorder(Generic[T]):
    """Collect interactions and write them every ``interval_seconds``, or as soon as a batch is full.

    When the buffer is full, the oldest view makes room, what was put in a cart or on a list only when no view waits;
    purchases are kept beyond the limit, because they cannot be had again.

    Parameters
    ----------
    write
        Stores a batch, all or nothing; called by one task at a time. A batch that fails is kept and tried again.
    interval_seconds
        Time between writes: what a crash can lose at most.
    limit
        How many are held at most, the batch that is being written among them.
    sort
        Returns the place in :data:`CLASSES` of what is recorded.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[object]],
        interval_seconds: float,
        limit: int,
        *,
        sort: Callable[[T], int],
    ) -> None:
        self.counted = Counts()
        self._write = write
        self._interval = interval_seconds
        self._limit = limit
        self._sort = sort
        # One queue a class, so that making room is one step; numbered by arrival, so that they are written in its order.
        self._queues: tuple[deque[tuple[int, T]], ...] = tuple(deque() for _ in CLASSES)
        self._arrivals = 0
        self._held = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self._lock = threading.Lock()

    @property
    def counts(self) -> RecorderCounts:
        """What became of all that this process recorded."""
        with self._lock:
            return self.counted.read()

    @property
    def pending(self) -> int:
        """How many wait to be written, without the batch that is being written now."""
        return sum(map(len, self._queues))

    def start(self) -> None:
        """Begin to write in the background; needs a running loop."""
        if self._task is None:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.create_task(self._run(), name="reco-recorder")

    def add(self, batch: Sequence[T]) -> None:
        """Accept what is recorded; never waits. Safe to call from any thread."""
        classes = [self._sort(one) for one in batch]
        with self._lock:
            # Counted before it is kept: what a crash leaves in the counts is never too little.
            for which, count in Counter(classes).items():
                self.counted.add("accepted", which, count)
            for which, one in zip(classes, batch, strict=True):
                self._queues[which].append((self._arrivals, one))
                self._arrivals += 1
            self._held += len(classes)
            while self._held > self._limit and self._make_room():
                pass
        if self.pending >= BATCH and self._loop is not None and not self._full.is_set():
            with contextlib.suppress(RuntimeError):  # closed meanwhile: the last write takes it
                self._loop.call_soon_threadsafe(self._full.set)

    async def flush(self) -> None:
        """Write all that waits.

        Raises
        ------
        StoreError
            When the store refuses; what waits is kept.
        """
        async with self._writing:
            while batch := self._take():
                await self._write_batch(batch)

    async def aclose(self) -> None:
        """Stop, after a last write; a store that is silent is not waited for: whoever ends this process does not wait either."""
        self._loop = None
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        try:
            async with asyncio.timeout(LAST_WRITE_SECONDS):
                await self.flush()
        except (RecoError, TimeoutError) as error:
            logger.warning("%d recorded could not be written at close: %s", self.pending, str(error) or "no answer")
        except Exception:
            logger.exception("%d recorded could not be written at close", self.pending)

    async def _write_batch(self, batch: list[tuple[int, T]]) -> None:
        """Write a batch; one in it that no store takes is given up, and must not hold up the others for ever."""
        parts = [batch]
        while parts:
            part = parts.pop()
            try:
                await self._write([one for _, one in part])
            except InvalidInput:
                if len(part) == 1:
                    self._settle("refused", part)
                    logger.exception("the store refuses what was recorded; it is given up")
                else:
                    parts += [part[len(part) // 2 :], part[: len(part) // 2]]
            except BaseException:
                self._put_back([*part, *chain(*reversed(parts))])
                raise
            else:
                self._settle("written", part)

    def _settle(self, event: str, done: Sequence[tuple[int, T]]) -> None:
        with self._lock:
            for which, count in Counter(self._sort(one) for _, one in done).items():
                self.counted.add(event, which, count)
            self._held -= len(done)

    def _take(self) -> list[tuple[int, T]]:
        with self._lock:
            self._full.clear()
            batch = sorted(chain(*(islice(queue, BATCH) for queue in self._queues)), key=lambda entry: entry[0])[:BATCH]
            for which, count in Counter(self._sort(one) for _, one in batch).items():
                for _ in range(count):
                    self._queues[which].popleft()
            return batch

    def _put_back(self, batch: Sequence[tuple[int, T]]) -> None:
        with self._lock:
            self.counted.failed()
            for entry in reversed(batch):
                self._queues[self._sort(entry[1])].appendleft(entry)
            while self._held > self._limit and self._make_room():
                pass

    def _make_room(self) -> bool:
        for which in (_VIEWS, _CARTS):
            if self._queues[which]:
                self._queues[which].popleft()
                self._held -= 1
                self.counted.add("dropped", which)
                return True
        return False

    async def _run(self) -> None:
        failed = 0
        while True:
            if failed:
                await asyncio.sleep(self._interval)
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), self._interval)
            try:
                await self.flush()
            except Exception as error:
                failed += 1
                if failed > 1:
                    continue  # said once an outage
                if isinstance(error, RecoError):
                    logger.warning("what was recorded could not be written; %d wait for the next try: %s", self.pending, error)
                else:
                    logger.exception("writing what was recorded failed; %d wait for the next try", self.pending)
            else:
                if failed:
                    logger.info("what was recorded is written again, after %d failed tries", failed)
                failed = 0
