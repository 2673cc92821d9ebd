"""A bell in this process: rung from the event loop, heard by name."""

from __future__ import annotations

import asyncio

__all__ = ["Signal"]


class Signal:
    """Counts its rings and remembers which of them each waiter has heard, so that none is lost between two waits."""

    def __init__(self) -> None:
        self._rings = 0
        self._heard: dict[str, int] = {}
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wake all that wait; call it on their loop."""
        self._rings += 1
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, timeout_seconds: float, waiter: str = "") -> bool:
        """Return True at the next ring, or at once if there was one since this waiter's last; False at the timeout."""
        if self._heard.get(waiter, 0) == self._rings:
            future = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await asyncio.wait((future,), timeout=max(timeout_seconds, 0))
            finally:
                self._waiting.discard(future)
        before, self._heard[waiter] = self._heard.get(waiter, 0), self._rings
        return before != self._rings
