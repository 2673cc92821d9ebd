"""Being told that a process ends, while its threads still work."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

__all__ = ["at_exit", "at_sigterm"]

DYING_SECONDS: Final = 10.0


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


def at_sigterm(stop: Callable[[], None]) -> None:
    """Have what waits written before a SIGTERM ends this process, where nothing else handles that signal.

    hypercorn's workers do not handle it, and its master sends it as soon as one of them has ended, whatever the others
    still do. The process dies of the signal as it would have, a moment later.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def write_and_die(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        # In a thread of its own: what this one was at when the signal came may hold a lock that the end needs.
        writing = threading.Thread(target=stop, name="reco-end", daemon=True)
        writing.start()
        writing.join(DYING_SECONDS)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, write_and_die)
