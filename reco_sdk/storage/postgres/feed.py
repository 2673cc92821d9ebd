"""The bell between processes: LISTEN on a connection of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from typing import Final

from reco_sdk.errors import StoreError, StoreUnavailable
from reco_sdk.storage.postgres.errors import shown, translated
from reco_sdk.storage.postgres.part import CHANNEL
from reco_sdk.storage.postgres.pool import abandon, connect_options
from reco_sdk.storage.signal import Signal

__all__ = ["PostgresFeed"]

logger = logging.getLogger(__name__)

_SHORTEST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 10.0
_PULSE_SECONDS: Final = 15.0


class PostgresFeed:
    """Rings when any process tells of a change.

    It connects again when its connection is lost, and rings then, since something may have been told meanwhile. Whoever
    waits hears of none of this: a bell that is silent costs no more than the time between two polls.

    Parameters
    ----------
    dsn
        A URL that leads to the server itself: through a pooler that shares connections nothing is heard. Empty for none.
    connect_timeout_seconds
        How long to wait for a connection.
    """

    def __init__(self, dsn: str, *, connect_timeout_seconds: float) -> None:
        self._dsn = dsn
        self._connect_timeout_seconds = connect_timeout_seconds
        self._signal = Signal()
        self._task: asyncio.Task[None] | None = None
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._tried = asyncio.Event()
        self.is_listening = False

    async def open(self) -> None:
        """Begin to listen, and wait for the first try; it may fail."""
        if self._dsn:
            self._start()
            await self._tried.wait()

    async def aclose(self) -> None:
        """Stop listening; idempotent."""
        task, self._task = self._task, None
        if task is not None and self._home == (os.getpid(), asyncio.get_running_loop()):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def wait(self, timeout_seconds: float, waiter: str) -> bool:
        """Return True at the next ring, False at the timeout."""
        if self._dsn and self._home != (os.getpid(), asyncio.get_running_loop()):
            self._start()  # in a forked child, or on a later loop
        return await self._signal.wait(timeout_seconds, waiter)

    def _start(self) -> None:
        here = (os.getpid(), asyncio.get_running_loop())
        if self._task is None or self._home != here:
            if self._task is not None:
                abandon(self._task)
            self._home, self._signal, self._tried = here, Signal(), asyncio.Event()
            self._task = here[1].create_task(self._listen(), name="reco-feed")

    async def _listen(self) -> None:
        pause = _SHORTEST_PAUSE
        while True:
            try:
                with translated(shown(self._dsn)):
                    await self._hear()
            except StoreError as error:
                if pause == _SHORTEST_PAUSE:  # said once an outage
                    logger.warning("changes are not announced, so they are polled for: %s", error)
            if self.is_listening:
                pause, self.is_listening = _SHORTEST_PAUSE, False
            self._tried.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _hear(self) -> None:
        """Listen until the connection is lost."""
        import asyncpg  # noqa: PLC0415  optional, and not cheap

        wait = self._connect_timeout_seconds
        connection = await asyncpg.connect(
            **connect_options(self._dsn, connect_timeout_seconds=wait, command_timeout_seconds=wait)
        )
        lost = asyncio.Event()
        try:
            if await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid():
                raise StoreUnavailable(f"{shown(self._dsn)} leads to a pooler, where nothing is heard; give a URL past it")
            connection.add_termination_listener(lambda _connection: lost.set())
            await connection.add_listener(CHANNEL, lambda *_told: self._signal.ring())
            if self._tried.is_set():
                self._signal.ring()
            self.is_listening = True
            self._tried.set()
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PULSE_SECONDS):
                        await lost.wait()
                if not lost.is_set():
                    await connection.execute("SELECT 1")  # a peer that vanished without a word is noticed
        finally:
            if self._home is not None and self._home[0] == os.getpid():  # not what a forked child's parent listens with
                connection.terminate()
