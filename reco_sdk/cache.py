"""Answers kept for a while: TTL by cachetools, and one computation for many who ask at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import LRUCache, TTLCache

__all__ = ["AnswerCache"]

T = TypeVar("T")


class AnswerCache(Generic[T]):
    """A bounded cache whose keys carry the versions of what they depend on, so that a change misses at once.

    Parameters
    ----------
    size
        Answers kept.
    ttl_seconds
        How long; 0 keeps none.
    """

    def __init__(self, size: int, ttl_seconds: float) -> None:
        self._fresh: TTLCache[Hashable, T] | None = None
        if ttl_seconds > 0:
            self._fresh = TTLCache(size, ttl_seconds, timer=time.monotonic)
        self._stale: LRUCache[Hashable, T] = LRUCache(size)
        self._lock = threading.Lock()
        self._running: dict[Hashable, threading.Event] = {}
        self.hits = 0
        self.misses = 0

    def get_or_compute(self, key: Hashable, stale_key: Hashable, compute: Callable[[], T], *, wait_seconds: float) -> T:
        """Return the answer for ``key``, computed once however many threads ask (single flight).

        Parameters
        ----------
        key
            Names the answer and the versions it depends on.
        stale_key
            Names the answer without versions, for :meth:`stale`.
        compute
            Makes the answer; its exceptions reach every caller's own computation, never another's.
        wait_seconds
            How long to wait for another thread's computation before computing oneself.
        """
        if self._fresh is None:
            answer = compute()
            with self._lock:
                self._stale[stale_key] = answer
            return answer
        with self._lock:
            found = self._fresh.get(key)
            if found is not None:
                self.hits += 1
                return found
            running = self._running.get(key)
            if running is None:
                self._running[key] = threading.Event()
        if running is not None and running.wait(wait_seconds):
            with self._lock:
                found = self._fresh.get(key)
            if found is not None:
                self.hits += 1
                return found
        try:
            answer = compute()
            with self._lock:
                self.misses += 1
                self._fresh[key] = answer
                self._stale[stale_key] = answer
            return answer
        finally:
            if running is None:
                with self._lock:
                    self._running.pop(key).set()

    def stale(self, stale_key: Hashable) -> T | None:
        """Return the last answer under a key without versions, however old."""
        with self._lock:
            return self._stale.get(stale_key)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            if self._fresh is not None:
                self._fresh.clear()
            self._stale.clear()
