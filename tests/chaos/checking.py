"""What is checked while things break, and when all is quiet; each bar, and what was found."""

import threading
import time
from collections import Counter
from typing import Any

from tests.chaos.hosts import WORKERS, Host, everywhere
from tests.chaos.ledger import BY_SIGNAL, BY_SWEEP, Ledger
from tests.chaos.shop import ChaosShop

GIVE_UP_SECONDS = 30.0
LOOK_SECONDS = 0.04


class Watcher(threading.Thread):
    """Asks every web process again and again what it would recommend."""

    def __init__(self, hosts: list[Host], ledger: Ledger) -> None:
        super().__init__(name="watcher", daemon=True)
        self.stopping = threading.Event()
        self.rounds = 0
        self._hosts = hosts
        self._ledger = ledger

    def run(self) -> None:
        while not self.stopping.is_set():
            answers = {}
            for host in self._hosts:
                for pid, held in host.held().items():
                    answers[host.name, pid] = (time.monotonic(), held)
            self._ledger.look(answers, WORKERS * len(self._hosts))
            self.rounds += 1
            self.stopping.wait(LOOK_SECONDS)


def converge(shop: ChaosShop, hosts: list[Host], ledger: Ledger) -> tuple[float, str]:
    """Let the shop's products stand still; return how long it took until every process recommends just what is for sale.

    The text says what was still wrong when it was given up.
    """
    with ledger.quiet:
        quiet_since = time.monotonic()
        wanted = shop.for_sale()
        while True:
            answers = everywhere(hosts)
            took = time.monotonic() - quiet_since
            alike = len(answers) == WORKERS * len(hosts) and all(held == wanted for held in answers.values())
            if took > GIVE_UP_SECONDS or (alike and _recommend(hosts, set(wanted))):
                break
            time.sleep(0.01)
    return took, _differences(answers, wanted)


def check_convergence(converged: list[tuple[float, str]], ledger: Ledger, bar_seconds: float) -> list[float]:
    """See how long it took until every process held what is for sale, each time that all was quiet."""
    for took, differences in converged:
        if took > bar_seconds:
            ledger.fail("convergence", f"{took:.2f} s after all was quiet, more than {bar_seconds:.2f} s: {differences}")
    return [round(took, 3) for took, _ in converged]


def _recommend(hosts: list[Host], wanted: set[int]) -> bool:
    """Whether a request for everything is answered with just that, in every process."""
    return all(shown == wanted for host in hosts for shown in host.recommended().values())


def _differences(answers: dict[tuple[str, int], dict[int, int] | None], wanted: dict[int, int]) -> str:
    said = []
    for (host, pid), held in answers.items():
        if held is None:
            said.append(f"{host} {pid} has no recommender")
        elif held != wanted:
            more, less = sorted(set(held) - set(wanted)), sorted(set(wanted) - set(held))
            other = sorted(pk for pk in set(held) & set(wanted) if held[pk] != wanted[pk])
            said.append(f"{host} {pid}: {len(more)} too many {more[:5]}, {len(less)} missing {less[:5]}, {other[:5]} old")
    return "; ".join(said) or f"{len(answers)} processes, all alike by the end"


def check_purchases(shop: ChaosShop, ledger: Ledger) -> dict[str, int]:
    """Compare the shop's order lines with the purchases that were stored."""
    lines = dict(shop.rows("SELECT 'order:plain.orderline:' || id, quantity FROM plain_orderline"))
    stored = shop.rows("SELECT event_id, item_id, quantity FROM reco_interaction WHERE kind = 'purchase'")
    ids = [event_id for event_id, _, _ in stored]
    lost, unknown = sorted(set(lines) - set(ids)), sorted(set(ids) - set(lines))
    doubled = len(ids) - len(set(ids))
    wrong = [event_id for event_id, _, quantity in stored if event_id in lines and lines[event_id] != quantity]
    if lost or unknown or doubled or wrong:
        ledger.fail("purchases", f"lost {lost[:10]}, doubled {doubled}, of no line {unknown[:10]}, wrong quantity {wrong[:10]}")
    return {
        "lines": len(lines),
        "stored": len(stored),
        "lost": len(lost),
        "doubled": doubled,
        "of_no_line": len(unknown),
        "wrong": len(wrong),
    }


def check_views(shop: ChaosShop, hosts: list[Host], ledger: Ledger) -> dict[str, Any]:
    """Compare the views of pages that were delivered with those stored; what is missing must have been counted as lost."""
    found = shop.rows("SELECT visitor_id, item_id, count(*) FROM reco_interaction WHERE kind = 'view_item' GROUP BY 1, 2")
    stored = {(visitor, int(item_id.rpartition(":")[2])): number for visitor, item_id, number in found}
    delivered = sum(ledger.views.values(), start=Counter())
    missing = sum(max(number - stored.get(key, 0), 0) for key, number in delivered.items())
    counted = {host.name: host.uncounted() for host in hosts}
    bound = sum(waits + lost for waits, lost in counted.values())
    if missing > bound:
        ledger.fail("views", f"{missing} are not stored, and {bound} were counted as lost: {counted}")
    return {"delivered": delivered.total(), "stored": sum(stored.values()), "missing": missing, "counted_as_lost": bound}


def quantile(values: list[float], q: float) -> float | None:
    """Return the smallest value that as great a part as ``q`` does not exceed."""
    if not values:
        return None
    return sorted(values)[min(int(q * len(values)), len(values) - 1)]


def check_freshness(ledger: Ledger, bar_seconds: float) -> dict[str, Any]:
    """See how long it took, while nothing was broken, from a commit until every process showed it."""
    found: dict[str, Any] = {}
    late = [change for change in ledger.pending.values() if change.healthy]
    for change in late:
        ledger.fail(
            "freshness", f"product {change.pk}, {change.what} at {change.at - ledger.started:.1f} s, was never seen everywhere"
        )
    for found_by in (BY_SIGNAL, BY_SWEEP):
        took = ledger.took[found_by]
        found[found_by] = {
            "changes": len(took),
            "p50": quantile(took, 0.5),
            "p99": quantile(took, 0.99),
            "max": max(took, default=None),
        }
    p99 = found[BY_SIGNAL]["p99"]
    if p99 is None:
        ledger.fail("freshness", "no change was made while all was healthy")
    elif p99 > bar_seconds:
        ledger.fail("freshness", f"p99 from commit to recommendable everywhere is {p99:.2f} s, more than {bar_seconds:.2f} s")
    return found
