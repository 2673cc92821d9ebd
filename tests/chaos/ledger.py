"""What the driver knows: what must not be shown since when, which change must be seen everywhere, who failed at what."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

BY_SIGNAL = "signal"
BY_SWEEP = "sweep"
SETTLES_SECONDS = 8.0
"""After a disturbance: a lease runs out (5 s), and whoever takes it goes through what waits."""
NEWS_SECONDS = 2.0
"""How long news may take while nothing is broken."""
PAGE_SECONDS = 0.5
"""A page that was asked for so long before may meet it."""
ASKS_AGAIN_SECONDS = 1.5
"""How long pages do without a database that is back: a row a second tries it."""


@dataclass
class Change:
    """One committed change: the price by which it is known in memory, None for what is no longer for sale."""

    pk: int
    cents: int | None
    found_by: str
    what: str
    at: float
    healthy: bool = True
    seen: dict[tuple[str, int], float] = field(default_factory=dict)

    def is_in(self, held: dict[int, int]) -> bool:
        return held.get(self.pk) == self.cents


class Ledger:
    """Shared by all threads of the driver."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.started = time.monotonic()
        self.quiet = threading.Lock()
        """Held while the shop's products are written, and by whoever wants them to stand still."""
        self.done: Counter[str] = Counter()
        self.never: set[int] = set()
        self.never_cents: set[int] = set()
        self._gone: dict[int, float] = {}
        self.pending: dict[int, Change] = {}
        self.took: dict[str, list[float]] = {BY_SIGNAL: [], BY_SWEEP: []}
        self.failures: dict[str, list[str]] = {}
        self.disturbances: list[dict[str, object]] = []
        self._active: Counter[str] = Counter()
        self._calm_since = self.started
        self._aways: list[list[float]] = []
        self._kills: list[tuple[str, float, float]] = []
        self.views: dict[str, Counter[tuple[str, int]]] = {}

    def restart(self) -> None:
        """Begin to take the time."""
        self.started = time.monotonic()
        # Nothing was broken before.
        self._calm_since = self.started - SETTLES_SECONDS

    def seconds(self) -> float:
        return time.monotonic() - self.started

    def count(self, what: str) -> None:
        with self._lock:
            self.done[what] += 1

    def fail(self, bar: str, message: str) -> None:
        with self._lock:
            self.failures.setdefault(bar, []).append(f"{self.seconds():.1f} s: {message}")

    # -- products

    def never_shows(self, pk: int | None = None, cents: int | None = None) -> None:
        """Note what is about to be rolled back: it is never to be seen anywhere."""
        with self._lock:
            if pk is not None:
                self.never.add(pk)
            if cents is not None:
                self.never_cents.add(cents)

    def unsure(self, pks: list[int]) -> None:
        """Before a write: what becomes of these is known only when it has returned."""
        with self._lock:
            for pk in pks:
                self._gone.pop(pk, None)
                self.pending.pop(pk, None)

    def changed(self, what: str, found_by: str, prices: dict[int, int | None]) -> None:
        """After a commit: what each of these is now."""
        now = time.monotonic()
        with self._lock:
            self.done[what] += 1
            for pk, cents in prices.items():
                if cents is None:
                    self._gone[pk] = now
                self.pending[pk] = Change(pk, cents, found_by, what, now, healthy=self._is_healthy(now))

    def phantoms(self, pks: set[int], asked_at: float) -> list[int]:
        """Return what a page that was asked for then must not show.

        A page that cannot ask the shop's database shows what its process knows; so what was hidden just before it went away,
        within the time that news takes, is excused while it is away. What was rolled back never is.
        """
        with self._lock:
            since = min(
                (start - window for start, end, window in self._aways if start <= asked_at + PAGE_SECONDS and asked_at <= end),
                default=asked_at,
            )
            return [pk for pk in pks if pk in self.never or self._gone.get(pk, asked_at + 1) <= min(since, asked_at)]

    def said_of(self, pks: list[int], asked_at: float) -> str:
        """Return since when each was gone when a page was asked for."""
        with self._lock:
            gone = {pk: f"gone for {asked_at - self._gone[pk]:.2f} s" for pk in pks if pk in self._gone}
        return ", ".join(f"{pk} ({gone.get(pk, 'rolled back')})" for pk in pks)

    # -- freshness

    def look(self, answers: dict[tuple[str, int], tuple[float, dict[int, int] | None]], processes: int) -> None:
        """Note which changes each process shows, and take the time of those that as many processes as there should be show."""
        with self._lock:
            for pk, change in list(self.pending.items()):
                for process, (at, held) in answers.items():
                    if held is not None and at > change.at and process not in change.seen and change.is_in(held):
                        change.seen[process] = at
                if len(answers) == processes and all(process in change.seen for process in answers):
                    del self.pending[pk]
                    took = max(change.seen[process] for process in answers) - change.at
                    if change.healthy and self._is_healthy(time.monotonic()):
                        self.took[change.found_by].append(took)
            for (host, pid), (_, held) in answers.items():
                if wrong := sorted(set(held or ()) & self.never):
                    self.failures.setdefault("phantoms", []).append(f"{host} {pid} recommends {wrong}, which were rolled back")
                if wrong := sorted(set((held or {}).values()) & self.never_cents):
                    self.failures.setdefault("phantoms", []).append(f"{host} {pid} holds prices {wrong}, which were rolled back")

    # -- disturbances

    def _is_healthy(self, now: float) -> bool:
        return not self._active.total() and now - self._calm_since >= SETTLES_SECONDS

    @property
    def healthy(self) -> bool:
        with self._lock:
            return self._is_healthy(time.monotonic())

    @property
    def settles_in(self) -> float:
        """Seconds until it counts as healthy, when nothing else is disturbed."""
        with self._lock:
            return max(self._calm_since + SETTLES_SECONDS - time.monotonic(), 0.0)

    @contextmanager
    def disturbing(self, name: str, target: str) -> Iterator[None]:
        """Mark the time in which something is broken."""
        with self._lock:
            self._active[name] += 1
            for change in self.pending.values():
                change.healthy = False
        began = self.seconds()
        try:
            yield
        finally:
            with self._lock:
                self._active[name] -= 1
                self._calm_since = time.monotonic()
                ended = round(self.seconds(), 2)
                self.disturbances.append({"what": name, "target": target, "from": round(began, 2), "to": ended})

    @contextmanager
    def away(self) -> Iterator[None]:
        """Mark the time in which the database, or a session with it, is not there, until pages ask again."""
        now = time.monotonic()
        with self._lock:
            entry = [now, float("inf"), NEWS_SECONDS if now - self._calm_since >= SETTLES_SECONDS else SETTLES_SECONDS]
            self._aways.append(entry)
        try:
            yield
        finally:
            entry[1] = time.monotonic() + ASKS_AGAIN_SECONDS

    def killed(self, host: str, until: float = 0.0) -> None:
        """Note that connections of a host are cut, now or until then."""
        with self._lock:
            self._kills.append((host, time.monotonic(), max(until, time.monotonic())))

    def was_cut(self, host: str, asked_at: float) -> bool:
        """Whether a page of a host that was asked for then, and did not answer, was cut by a kill."""
        with self._lock:
            return any(name == host and asked_at <= to + 0.5 for name, _, to in self._kills)

    # -- views

    def viewed(self, host: str, visitor: str, pk: int) -> None:
        with self._lock:
            self.views.setdefault(host, Counter())[visitor, pk] += 1
