"""Serve an application until asked to stop, then finish what was begun."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from reco_sdk.errors import ConfigError

__all__ = ["serve"]

logger = logging.getLogger(__name__)


async def serve(
    app: web.Application,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    drain_seconds: float = 30.0,
    started: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; then take no new connection and let requests under way finish.

    Parameters
    ----------
    app
        What to serve.
    host, port
        Where; port 0 takes a free one.
    drain_seconds
        How long requests under way may take once it was asked to stop.
    started
        Called with the address as soon as it serves.

    Raises
    ------
    ConfigError
        When the address cannot be had.
    """
    under_way = _UnderWay()
    app.middlewares.insert(0, under_way.middleware())
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=drain_seconds)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, OverflowError) as error:
            raise ConfigError(f"cannot listen on {host}:{port} ({error}); is it taken? choose another --port") from error
        bound = runner.addresses[0]
        address = f"http://[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"http://{bound[0]}:{bound[1]}"
        with _stop_signals() as stop:
            logger.info("serving on %s", address)
            if started is not None:
                started(address)
            await stop.wait()
        logger.info("stopping: requests under way may take %g s", drain_seconds)
        # Before the runner's own cleanup, which drops what is still to come of a body.
        for site in list(runner.sites):
            await site.stop()
        await under_way.drained(drain_seconds)
    finally:
        await runner.cleanup()


class _UnderWay:
    """Counts the requests that have begun, and closes kept connections once it drains."""

    def __init__(self) -> None:
        self._count = 0
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    def middleware(self) -> Middleware:
        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._count += 1
            self._idle.clear()
            try:
                response = await handler(request)
            finally:
                self._count -= 1
                if not self._count:
                    self._idle.set()
            if self._draining:
                response.force_close()
            return response

        return count

    async def drained(self, seconds: float) -> None:
        """Wait until nothing is under way, at most ``seconds``."""
        self._draining = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)


@contextlib.contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """Yield what is set by SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    handled = []
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C interrupts the loop by itself
            loop.add_signal_handler(number, stop.set)
            handled.append(number)
    try:
        yield stop
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
