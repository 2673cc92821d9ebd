"""Being told that a process ends, while its threads still work."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["at_exit"]


def at_exit(stop: Callable[[], None]) -> bool:
    """Have what waits written when this process ends in order; return whether there is time for that yet.

    ``atexit`` runs after the thread pools were shut down; the hook that they use themselves is private to ``threading``.
    A child of celery's ends by ``os._exit``, which runs no hook of the interpreter's, and says so with a signal.
    """
    register: Callable[..., Any] = getattr(threading, "_register_atexit", atexit.register)
    try:
        register(stop)
    except RuntimeError:
        return False
    celery = sys.modules.get("celery.signals")
    if celery is not None:

        def on_shutdown(**_: Any) -> None:
            stop()

        celery.worker_process_shutdown.connect(on_shutdown, weak=False, dispatch_uid="django_reco")
    return True
