"""The recommender of this process: lazy, fork-safe, never in the way.

``process`` is what tags, views and signals talk to. The first use starts it; a page waits for that at most
``START_SECONDS``, and shows no rows until it is there. What fails is logged, counted, and tried again later.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django.core.signals import setting_changed
from django.db import connections
from django.db.models.signals import post_migrate

from django_reco import metrics
from django_reco.conf import get_settings
from django_reco.context import on_loop
from django_reco.ending import at_exit
from django_reco.places import engine_config, is_inline
from reco_sdk.errors import InvalidInput, RecoError, UnknownItem
from reco_sdk.ports import Impression

if TYPE_CHECKING:
    from django_reco.asked import Question
    from django_reco.backend import Backend
    from django_reco.context import Visitor
    from django_reco.poller import Poller
    from django_reco.slates import ObjectSlate
    from reco_sdk.interactions.interaction import Interaction
    from reco_sdk.ranking.slate import Slate
    from reco_sdk.sessions.session import Event

__all__ = ["Process", "process"]

logger = logging.getLogger("django_reco")

RETRY_SECONDS: Final = 2.0
END_SECONDS: Final = 5.0


class Process:
    """The one recommender of a process, and the thread that keeps it in step."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._backend: Backend | None = None
        self._poller: Poller | None = None
        self._starting: threading.Event | None = None
        self._started_at = 0.0
        self._retry_at = 0.0
        self._generation = 0
        self._inline_epoch: tuple[Any, ...] = ()
        self._inline_marked = False
        self._told_at_exit = False
        self._ended = False
        self._closed = threading.Event()
        self._closed.set()
        self.error: str | None = None

    # -- what pages call

    def recommend_now(self, asked: Question) -> Slate | None:
        """Answer from memory; ``None`` while there is no recommender.

        Raises
        ------
        UnknownItem
            When no seed is in the catalogue, and no other strategy may answer.
        """
        backend = self.backend(in_line=True)
        if backend is None:
            return None
        try:
            return backend.ask(asked.strategies, relaxed=asked.relaxed, **asked.fields)
        except (UnknownItem, InvalidInput):
            raise
        except RecoError:
            metrics.count("slate.error")
            logger.exception("reco: no slate could be made")
            return None

    def variants(self, item_ids: Iterable[str]) -> list[str]:
        """Return items and their variants, as far as they are known."""
        backend = self._backend
        return list(item_ids) if backend is None else backend.variants(item_ids)

    def segments_at(self, placement: str, strategies: Collection[str]) -> frozenset[str]:
        """Return the segments that rules ask for where a row is shown; none while there is no recommender."""
        backend = self.backend(with_rules=True)
        return frozenset() if backend is None else backend.segments_at(placement, strategies)

    def record(self, interactions: Sequence[Interaction]) -> bool:
        """Record in memory at once; return whether there was a recommender to do it."""
        backend = self.backend()
        if backend is None:
            return False
        self._inline_marked = True
        backend.record(interactions)
        return True

    def take_session(self, visitor_id: str | None, user_id: str | None, events: Iterable[Event]) -> None:
        """Know what a visitor did in other processes, from the visitor's own browser. It is not recorded again."""
        backend = self.backend()
        if backend is not None:
            self._inline_marked = True
            backend.take_session(visitor_id, user_id, events)

    def impression(self, slate: ObjectSlate, visitor: Visitor) -> None:
        """Log what is shown to somebody who is followed."""
        backend = self._backend
        if backend is not None:
            backend.impression(
                Impression(
                    slate_id=slate.id,
                    at=datetime.now(UTC),
                    placement=slate.placement,
                    strategy=slate.strategy,
                    tier=slate.tier,
                    item_ids=tuple(obj.reco.id for obj in slate),
                    visitor_id=visitor.visitor_id,
                    user_id=visitor.user_id,
                )
            )

    def alias(self, visitor_id: str, user_id: str) -> None:
        """Join a browser to an account, without making the login wait or fail."""
        backend = self.backend()
        if backend is None:
            return
        self._inline_marked = True
        backend.alias(visitor_id, user_id)
        if self.inline:
            backend.write_aliases()

    # -- life

    @property
    def inline(self) -> bool:
        """Whether a recommender in memory is open for tests."""
        return self._backend is not None and self._poller is None

    def backend(self, *, in_line: bool = False, with_rules: bool = False) -> Backend | None:
        """Return the open recommender, started if need be; ``None`` while it cannot be had.

        Parameters
        ----------
        in_line
            In ``MODE = "inline"``: bring it in line with the database first.
        with_rules
            As well, but in rules alone.
        """
        if self._pid != os.getpid():
            self._forget()
        config = get_settings()
        if is_inline(config):
            return self._inline(bring=in_line, rules=with_rules)
        found = self._backend
        if found is not None:
            return found
        return self._started(config.start_seconds)

    def _started(self, wait_seconds: float) -> Backend | None:
        with self._lock:
            if self._backend is not None:
                return self._backend
            if self._starting is None:
                if self._ended or time.monotonic() < self._retry_at:
                    return None
                if not self._told_at_exit:
                    self._told_at_exit = at_exit(self.end)
                    if not self._told_at_exit:
                        return None  # the interpreter ends: no thread would run any more
                self._starting = threading.Event()
                self._started_at = time.monotonic()
                given = self._starting, self._generation
                threading.Thread(target=self._start, args=given, name="reco-start", daemon=True).start()
            starting = self._starting
            # All that wait do so until the same moment, so that ten rows of a page wait no longer than one. What failed before
            # is tried again beside the pages.
            left = self._started_at + wait_seconds - time.monotonic() if self.error is None else 0.0
        if not starting.wait(max(left, 0.0)):
            metrics.count("start.slow")
        return self._backend

    def _start(self, started: threading.Event, generation: int) -> None:
        from django_reco.backend import Backend  # noqa: PLC0415  numpy and the engine: not before they are needed
        from django_reco.poller import Poller  # noqa: PLC0415  models

        try:
            config = get_settings()
            backend = Backend(engine_config(config, embeds=config.embed_in_web))
            backend.start(timeout_seconds=60.0)
        except Exception as error:
            with self._lock:
                wanted, again = generation == self._generation, str(error) == self.error
                if wanted:
                    self.error = str(error)
                    self._retry_at = time.monotonic() + RETRY_SECONDS
                    self._starting = None
            if wanted:
                metrics.count("start.error")
                logger.log(
                    logging.DEBUG if again else logging.ERROR,  # said once an outage
                    "reco: the recommender could not start; rows stay empty, it tries again every %.0f s: %s",
                    RETRY_SECONDS,
                    error,
                    exc_info=None if isinstance(error, RecoError) else error,
                )
        else:
            with self._lock:
                wanted = generation == self._generation
                if wanted:
                    self.error = None
                    self._backend = backend
                    self._poller = Poller(backend)
                    self._poller.start()
                    self._starting = None
            if not wanted:
                backend.close()  # it was stopped before it had begun
        finally:
            started.set()

    def stop(self) -> None:
        """Write what waits and close; the next use starts again. Waits as well for a stop that another thread began."""
        closed = threading.Event()
        with self._lock:
            before, self._closed = self._closed, closed
            backend, poller = self._backend, self._poller
            mine = self._pid == os.getpid()
            self._backend = self._poller = self._starting = None
            self._generation += 1
            self._inline_epoch = ()
            self._inline_marked = False
            self._retry_at = 0.0
            self.error = None
        if not mine:
            return
        try:
            if backend is not None:
                backend.begin_flush()
            if poller is not None:
                poller.stop()
            if backend is not None:
                backend.close()
            before.wait(END_SECONDS)
        finally:
            closed.set()

    def end(self) -> None:
        """Stop for good, because the process ends: a page that is still served then shows no rows."""
        self._ended = True
        starting = self._starting
        self.stop()
        if starting is not None:
            starting.wait(END_SECONDS)

    # -- MODE = "inline"

    def _inline(self, *, bring: bool, rules: bool = False) -> Backend | None:
        """Return a recommender in memory, in line with what this thread's connection sees."""
        from django_reco.backend import Backend  # noqa: PLC0415  numpy and the engine: not before they are needed
        from django_reco.indexer import read_orders  # noqa: PLC0415  models
        from django_reco.rules import bring_rules  # noqa: PLC0415  models
        from django_reco.sweep import sweep  # noqa: PLC0415  models

        with self._lock:
            epoch = _test_epoch()
            if self._backend is not None and epoch != self._inline_epoch and self._inline_marked:
                # Another test: what its predecessor's visitors did was rolled back with it.
                self.stop()
            self._inline_epoch = epoch
            if self._backend is None:
                backend = Backend(engine_config(get_settings(), embeds=False))
                backend.start()
                self._backend = backend
            if bring and not on_loop():
                sweep(self._backend)
                if get_settings().orders:
                    self._inline_marked = True
                    read_orders(self._backend)
                bring_rules(self._backend)
                self._backend.refresh()
            elif rules and not on_loop() and bring_rules(self._backend):
                self._backend.refresh()
            return self._backend


def _test_epoch() -> tuple[Any, ...]:
    """Return the transactions that ``TestCase`` holds open: another test, other transactions."""
    return tuple(
        block
        for connection in connections.all(initialized_only=True)
        for block in connection.atomic_blocks
        if getattr(block, "_from_testcase", False)
    )


process = Process()


def _on_setting(*, setting: str, **_: Any) -> None:
    if setting in {"RECO", "DATABASES"}:
        process.stop()


def _on_migrate(**_: Any) -> None:
    # TransactionTestCase flushes the tables, and says so with this signal.
    if process.inline:
        process.stop()


def _after_fork() -> None:
    process._forget()  # noqa: SLF001  the child's own; the parent's threads do not exist here


setting_changed.connect(_on_setting, dispatch_uid="django_reco.recommender")
post_migrate.connect(_on_migrate, dispatch_uid="django_reco.recommender")
os.register_at_fork(after_in_child=_after_fork)
