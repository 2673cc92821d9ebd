"""One run: hosts started, driven, broken, checked along the way and at the end, and stopped."""

import sys
import time
from pathlib import Path
from typing import Any

from tests.chaos.checking import Watcher, check_convergence, check_freshness, check_purchases, check_views, converge
from tests.chaos.disturbing import Disturber
from tests.chaos.hosts import Host, wait_until_ready
from tests.chaos.ledger import SETTLES_SECONDS, Ledger
from tests.chaos.office import Office
from tests.chaos.pace import Pace
from tests.chaos.shop import ChaosShop
from tests.chaos.visitors import Visitor

START_SECONDS = 60.0
WRITES_PAUSE_SECONDS = 0.15
PAGES_PAUSE_SECONDS = 0.25
VISITORS = 2
CONVERGED_SECONDS = 2.0
CALM_SECONDS = 8.0
ROUND_SECONDS = 48.0
LINE_SECONDS = 5.0
LAST_LOOK_SECONDS = 2.0


def drive(
    shop: ChaosShop, folder: Path, *, seed: int, seconds: float, hosts: int, calm: bool, fresh_seconds: float, paced: bool
) -> dict[str, Any]:
    """Drive the shop; return the report."""
    ledger = Ledger()
    office = Office(f"{seed}:office", ledger, WRITES_PAUSE_SECONDS)
    office.fill()
    made = [Host(f"host-{number}", folder / f"host-{number}", shop) for number in range(1, hosts + 1)]
    try:
        for host in made:
            host.start()
        wait_until_ready(made, START_SECONDS)
        return _Run(shop, made, office, ledger, seed, calm=calm, fresh_seconds=fresh_seconds, paced=paced).run(seconds)
    finally:
        for host in made:
            host.end()


class _Run:
    def __init__(
        self,
        shop: ChaosShop,
        hosts: list[Host],
        office: Office,
        ledger: Ledger,
        seed: int,
        *,
        calm: bool,
        fresh_seconds: float,
        paced: bool,
    ) -> None:
        self.shop, self.hosts, self.office, self.ledger, self.seed = shop, hosts, office, ledger, seed
        self.bar_seconds, self.paced = fresh_seconds, paced
        self.converged: list[tuple[float, str]] = []
        self.pace = Pace()
        self.visitors = [
            Visitor(f"{seed}:visitor:{number}", hosts, office.lasting, ledger, PAGES_PAUSE_SECONDS) for number in range(VISITORS)
        ]
        self.watcher = Watcher(hosts, ledger)
        self.disturber = None if calm else Disturber(f"{seed}:disturber", shop, hosts, ledger)
        self._line_at = 0.0

    def run(self, seconds: float) -> dict[str, Any]:
        self.ledger.restart()
        driving = [self.office, *self.visitors]
        for thread in (self.watcher, *driving):
            thread.start()
        self._calm(min(CALM_SECONDS, seconds / 3))
        if self.disturber is not None:
            self.disturber.start()
        rounds = max(int((seconds - CALM_SECONDS) / ROUND_SECONDS), 1)
        for _ in range(rounds):
            self._round(max((seconds - CALM_SECONDS) / rounds - CALM_SECONDS - SETTLES_SECONDS, 0.0))
        for thread in [*driving, *([self.disturber] if self.disturber else [])]:
            thread.stopping.set()
        for thread in driving:
            thread.join()
        self._converge()
        deadline = time.monotonic() + LAST_LOOK_SECONDS  # what was changed last is seen by the watcher too
        while self.ledger.pending and time.monotonic() < deadline:
            time.sleep(0.05)
        self.watcher.stopping.set()
        self.watcher.join()
        for reason in [reason for host in self.hosts for reason in host.stop()]:
            self.ledger.fail("endings", reason)
        return self._report(seconds)

    def _round(self, seconds: float) -> None:
        """Break things for a while, let it settle, look."""
        if self.disturber is None:
            self._calm(seconds)
            return
        self._wait(seconds, "broken")
        with self.disturber.calm:
            self._wait(self.ledger.settles_in, "settling")
            self._calm(CALM_SECONDS)

    def _converge(self) -> None:
        self.converged.append(converge(self.shop, self.hosts, self.ledger))

    def _calm(self, seconds: float) -> None:
        self._wait(seconds, "calm")
        self._converge()

    def _wait(self, seconds: float, what: str) -> None:
        until = self.ledger.seconds() + seconds
        while (left := until - self.ledger.seconds()) > 0:
            self._show(what)
            time.sleep(min(left, 0.2))

    def _show(self, what: str) -> None:
        terminal, now = sys.stderr.isatty(), time.monotonic()
        if now >= self._line_at:
            self._line_at = now + (0.2 if terminal else LINE_SECONDS)
            done, failed = self.ledger.done, sum(map(len, self.ledger.failures.values()))
            line = f"chaos {self.ledger.seconds():5.0f} s  {what:<9} {done['pages']:,} pages, {len(self.ledger.pending)} changes on their way, {failed} failures"
            sys.stderr.write(f"\r\x1b[2K{line}" if terminal else f"{line}\n")
            sys.stderr.flush()

    def _report(self, seconds: float) -> dict[str, Any]:
        pace = self.pace.stop()
        allowed = pace if self.paced else 1.0
        figures = {
            "purchases": check_purchases(self.shop, self.ledger),
            "views": check_views(self.shop, self.hosts, self.ledger),
            "pace": round(pace, 2),
            "freshness_seconds": check_freshness(self.ledger, self.bar_seconds * allowed),
            "converged_seconds": check_convergence(self.converged, self.ledger, CONVERGED_SECONDS * allowed),
            "looks_per_second": round(self.watcher.rounds / self.ledger.seconds(), 1),
            "slowest_page_seconds": round(max(visitor.slowest for visitor in self.visitors), 3),
            "done": dict(sorted(self.ledger.done.items())),
            "worker_restarts": sum(host.restarts for host in self.hosts),
            "disturbances": self.ledger.disturbances,
            "skipped": {} if self.disturber is None else self.disturber.skipped,
        }
        failed = self.ledger.failures
        return {
            "passed": not failed,
            "seed": self.seed,
            "seconds": seconds,
            "hosts": len(self.hosts),
            **figures,
            "failed": failed,
        }
