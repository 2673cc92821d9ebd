"""``application = with_lifespan(get_asgi_application())``: an ASGI server tells when it starts and when it ends.

Django's own application does not listen to that. Without it the recommender starts with the first page, and what visitors
did in the last second before a server ends may be lost: uvicorn leaves by the signal that it was sent, which runs none of
the interpreter's hooks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from django_reco import metrics
from django_reco.ending import at_sigterm
from django_reco.recommender import process

__all__ = ["with_lifespan"]

logger = logging.getLogger("django_reco")

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]
Application: TypeAlias = Callable[[Any, Receive, Send], Awaitable[None]]


def with_lifespan(application: Application) -> Application:
    """Return the application, with the recommender started before its first page and ended in order after its last.

    Parameters
    ----------
    application
        Django's, from ``get_asgi_application()``.
    """

    async def with_reco(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return
        at_sigterm(process.end)
        while (await receive())["type"] != "lifespan.shutdown":
            await asyncio.to_thread(_start)
            await send({"type": "lifespan.startup.complete"})
        await asyncio.to_thread(process.stop)
        await send({"type": "lifespan.shutdown.complete"})

    return with_reco


def _start() -> None:
    try:
        process.backend()
    except Exception:
        metrics.count("start.error")
        logger.exception("reco: the recommender could not start with the server; the first page tries again")
