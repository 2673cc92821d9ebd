"""Where a template is rendered on a running event loop: the one query of a row runs in a thread of its own.

Django's ORM refuses to work on a loop. The loop waits for the query as it waits for the template; a view that has the
choice awaits :func:`django_reco.arecommend` instead and lets other requests go on meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final, TypeVar

from django.db import close_old_connections

__all__ = ["run_off_loop"]

T = TypeVar("T")

WAIT_SECONDS: Final = 2.0

_executors: dict[int, ThreadPoolExecutor] = {}


def run_off_loop(function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call a function in another thread, and wait at most two seconds for it.

    Raises
    ------
    TimeoutError
        When it takes longer.
    """
    # With the caller's context: the page's language is in it.
    executor = _executors.get(os.getpid())
    if executor is None:
        # Keyed by process: the threads of a pool do not live through a fork.
        executor = _executors.setdefault(os.getpid(), ThreadPoolExecutor(4, thread_name_prefix="reco-query"))
    return executor.submit(copy_context().run, _with_connection, function, *args, **kwargs).result(WAIT_SECONDS)


def _with_connection(function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()
