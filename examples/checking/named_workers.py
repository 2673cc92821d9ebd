"""Settings of gunicorn: every answer says in a header which worker gave it, so that a check can tell them apart."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

timeout = 120

HEADER = "X-Worker"


def post_worker_init(worker: Any) -> None:
    application: Callable[..., Any] = worker.wsgi

    def named(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, (HEADER, str(os.getpid()))], *rest)

        return application(environ, start)

    worker.wsgi = named
