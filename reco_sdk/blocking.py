"""The blocking facade: one loop thread a process, each method derived from the async one."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial, wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from reco_sdk.errors import NotRunning
from reco_sdk.ranking.slate import Slate
from reco_sdk.recommender import CoreRecommender
from reco_sdk.request import Request
from reco_sdk.threads import BackgroundThread, waiting

__all__ = ["BlockingRecommender", "LoopThread"]

P = ParamSpec("P")
T = TypeVar("T")


def _own_lock(locks: dict[int, threading.Lock]) -> threading.Lock:
    """Return the lock of this process: one that another thread held at a fork would never be released in the child."""
    return locks.setdefault(os.getpid(), threading.Lock())


class LoopThread:
    """An event loop in a daemon thread: started on first use, and again in a forked child."""

    def __init__(self) -> None:
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._locks: dict[int, threading.Lock] = {}

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop of this process."""
        if self._loop is None or self._pid != os.getpid():
            self._start()
        if self._loop is None:
            raise NotRunning("the event loop could not be started")
        return self._loop

    def run(self, work: Coroutine[Any, Any, T], timeout_seconds: float | None = None) -> T:
        """Run a coroutine on the loop and wait for its result.

        Raises
        ------
        NotRunning
            When called on the loop's own thread, where waiting would never end.
        TimeoutError
            After ``timeout_seconds``; the coroutine is cancelled.
        """
        loop = self.loop
        try:
            running: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is loop:
            work.close()
            raise NotRunning("a blocking call on the recommender's own loop would wait for itself; await the async method")
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            with waiting():
                return future.result(timeout_seconds)
        except TimeoutError:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the thread; a later use starts another."""
        with _own_lock(self._locks):
            loop, self._loop = self._loop, None
            if loop is not None and self._pid == os.getpid():
                loop.call_soon_threadsafe(loop.stop)
                self._thread.join()

    def _start(self) -> None:
        with _own_lock(self._locks):
            if self._loop is not None and self._pid == os.getpid():
                return
            made: list[asyncio.AbstractEventLoop] = []
            running = threading.Event()
            self._thread = BackgroundThread(partial(_run_loop, made, running), "reco-loop")
            self._thread.start()
            with waiting():
                running.wait()
            self._loop, self._pid = made[0], os.getpid()


def _run_loop(made: list[asyncio.AbstractEventLoop], running: threading.Event) -> None:
    """Run a loop that is made here: its sockets belong to the thread that waits for them."""
    loop = asyncio.new_event_loop()
    made.append(loop)
    loop.call_soon(running.set)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def _at_once(
    method: Callable[Concatenate[CoreRecommender, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[BlockingRecommender, P], T]:
    """Derive a method whose coroutine reads memory only and never waits: it is stepped here, without the loop."""

    @wraps(method)
    def blocking(self: BlockingRecommender, /, *args: P.args, **kwargs: P.kwargs) -> T:
        work = method(self.core, *args, **kwargs)
        try:
            work.send(None)
        except StopIteration as finished:
            result: T = finished.value
            return result
        finally:
            work.close()
        raise NotRunning(f"{method.__name__} waited, though it must read memory only")

    return blocking


def _derived(
    method: Callable[Concatenate[CoreRecommender, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[BlockingRecommender, P], T]:
    @wraps(method)
    def blocking(self: BlockingRecommender, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(method(self.core, *args, **kwargs))

    return blocking


class BlockingRecommender:
    """The recommender for code that does not await; use as a context manager, or ``start`` and ``close``.

    A recommender that was opened before a fork is opened again in the child, on first use.

    Parameters
    ----------
    make
        Makes the recommender behind it, not started.
    """

    def __init__(self, make: Callable[[], CoreRecommender]) -> None:
        self._make = make
        self._thread = LoopThread()
        self._core: CoreRecommender | None = None
        self._pid = 0
        self._locks: dict[int, threading.Lock] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def core(self) -> CoreRecommender:
        """The recommender behind it, opened in this process.

        Raises
        ------
        NotRunning
            Before ``start`` and after ``close``.
        """
        if self._core is None:
            raise NotRunning("the recommender is not open; use `with Recommender.open_blocking(...)`")
        if self._pid != os.getpid():
            self._open()
        return self._core

    @property
    def started(self) -> bool:
        """Whether it is open in this very process."""
        return self._core is not None and self._pid == os.getpid()

    def start(self, timeout_seconds: float | None = None) -> None:
        """Open it; idempotent.

        Raises
        ------
        StoreError
            When the store cannot be opened.
        TimeoutError
            After ``timeout_seconds``.
        """
        if not self.started:
            self._open(timeout_seconds)

    def close(self) -> None:
        """Write what waits and let go of everything; idempotent."""
        if self.started and self._core is not None:
            self._thread.run(self._core.aclose())
            self._thread.stop()
        self._core = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of the recommender's on its loop and wait for the result."""
        return self._thread.run(work)

    def spawn(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine on the recommender's loop and return at once; cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self._thread.loop)

    def recommend_now(self, request: Request) -> Slate:
        """Answer from memory, in the calling thread."""
        return self.core.recommend_now(request)

    record = _at_once(CoreRecommender.record)
    record_many = _at_once(CoreRecommender.record_many)
    upsert_items = _derived(CoreRecommender.upsert_items)
    delete_items = _derived(CoreRecommender.delete_items)
    put_rule = _derived(CoreRecommender.put_rule)
    delete_rule = _derived(CoreRecommender.delete_rule)
    rules = _derived(CoreRecommender.rules)
    rule_history = _derived(CoreRecommender.rule_history)
    rule_conflicts = _derived(CoreRecommender.rule_conflicts)
    import_interactions = _derived(CoreRecommender.import_interactions)
    alias = _derived(CoreRecommender.alias)
    flush = _derived(CoreRecommender.flush)
    recommend = _at_once(CoreRecommender.recommend)
    similar_items = _at_once(CoreRecommender.similar_items)
    why = _derived(CoreRecommender.why)
    why_not = _at_once(CoreRecommender.why_not)
    similar_sessions = _derived(CoreRecommender.similar_sessions)
    sync = _derived(CoreRecommender.sync)
    refresh = _derived(CoreRecommender.refresh)
    doctor = _derived(CoreRecommender.doctor)

    def _open(self, timeout_seconds: float | None = None) -> None:
        with _own_lock(self._locks):
            if self.started:
                return
            core = self._make()
            self._thread.run(core.start(), timeout_seconds)
            self._core, self._pid = core, os.getpid()
