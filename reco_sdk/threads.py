"""Threads of our own, which stay threads in a process that gevent has patched.

There ``threading.Thread`` is a greenlet: every page would wait while an indexer computes, and a page would take the event
loop of the recommender for its own, since asyncio knows one running loop a thread. So what works beside the pages is
started below gevent, in a real thread with a hub of its own; locks and events work between the two.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["BackgroundThread", "waiting"]

AWAKE_SECONDS: Final = 1.0


class BackgroundThread:
    """A daemon thread, as far as it is needed here.

    Parameters
    ----------
    target
        What it does.
    name
        What it is called in a debugger.
    """

    def __init__(self, target: Callable[[], None], name: str) -> None:
        self._target = target
        self._name = name
        self._ident: int | None = None
        self._ended = threading.Event()
        self._ended.set()

    @property
    def is_current(self) -> bool:
        """Whether it is this thread that asks."""
        return self._ident == threading.get_ident()

    def start(self) -> None:
        """Begin."""
        self._ended.clear()
        monkey = _gevent_monkey()
        if monkey is None:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
            return
        import gevent  # noqa: PLC0415  it is loaded already

        # The first hub imports what it needs; made in two threads at once, each would wait for the other's import.
        gevent.get_hub()
        monkey.get_original("_thread", "start_new_thread")(self._run_below, ())

    def join(self, timeout: float | None = None) -> bool:
        """Wait for its end; return whether it came in time. One that never began has ended."""
        with waiting():
            return self._ended.wait(timeout)

    def _run(self) -> None:
        self._ident = threading.get_ident()
        try:
            self._target()
        finally:
            self._ended.set()

    def _run_below(self) -> None:
        import gevent  # noqa: PLC0415  it is loaded already

        # Never destroyed: who releases a lock that was waited for here may still notify the hub, and would crash.
        gevent.get_hub()
        threading.current_thread().name = self._name
        self._run()


@contextmanager
def waiting() -> Iterator[None]:
    """Let the calling thread wait here for another one.

    gevent takes a wait for a deadlock, and ends it with an error, where its own thread has nothing else left to do: at the
    end of a process, for example. A timer is something to do.
    """
    if _gevent_monkey() is None:
        yield
        return
    import gevent  # noqa: PLC0415  it is loaded already

    timer = gevent.get_hub().loop.timer(AWAKE_SECONDS, AWAKE_SECONDS)
    timer.start(lambda: None)
    try:
        yield
    finally:
        timer.close()


def _gevent_monkey() -> Any:
    """Return ``gevent.monkey`` where it has patched the threads of this process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey if monkey is not None and monkey.is_module_patched("threading") else None
