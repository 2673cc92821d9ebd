"""What is broken, one thing after the other, in an order that the seed decides."""

import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator

import psycopg

from tests.chaos.hosts import WORKERS, Host
from tests.chaos.ledger import Ledger
from tests.chaos.shop import ChaosShop

PAUSE_SECONDS = (0.5, 2.0)
REPLACED_SECONDS = 20.0
AWAY_SECONDS = (1.0, 2.5)
FROZEN_SECONDS = (1.5, 3.0)
LOSES_THE_LEASE_SECONDS = 6.5
FULL_SECONDS = (2.0, 4.0)
LOCKED_SECONDS = (1.0, 3.0)
LISTENS = "(query LIKE 'LISTEN%' OR query = 'SELECT 1')"
"""What a session that listens did last: began, or felt its pulse."""


class Disturber(threading.Thread):
    """Breaks one thing after the other until told to stop.

    Parameters
    ----------
    seed
        Of what, whom and how long.
    shop, hosts, ledger
        What there is to break, and where it is noted.
    """

    def __init__(self, seed: str, shop: ChaosShop, hosts: list[Host], ledger: Ledger) -> None:
        super().__init__(name="disturber", daemon=True)
        self.stopping = threading.Event()
        self.calm = threading.Lock()
        """Held while something is broken, and by whoever wants that nothing is."""
        self.skipped: dict[str, str] = {}
        self._random = random.Random(seed)
        self._shop = shop
        self._hosts = hosts
        self._ledger = ledger
        self._ways: dict[str, Callable[[], None]] = {
            "a web worker killed": self.kill_web,
            "the leader killed": self.kill_leader,
            "a web worker frozen": self.freeze_web,
            "the leader frozen": self.freeze_leader,
            "PostgreSQL restarted": self.restart_postgres,
            "sessions terminated": self.terminate,
            "LISTEN terminated": self.deafen,
            "the state folder full": self.fill_disk,
            "the state folder emptied": self.empty_state,
            "the counters locked": self.lock,
        }
        if shop.server.server is None:
            self._skip("PostgreSQL restarted", "the server of RECO_TEST_DSN is not ours to restart")

    def _skip(self, name: str, why: str) -> None:
        del self._ways[name]
        self.skipped[name] = why

    def run(self) -> None:
        for name in self._order():
            if self.stopping.wait(self._random.uniform(*PAUSE_SECONDS)):
                return
            with self.calm:
                self._break(name)

    def _break(self, name: str) -> None:
        if self.stopping.is_set():
            return
        try:
            self._ways[name]()
        except Exception as error:  # noqa: BLE001  the harness must not go on as if it had broken something
            self._ledger.fail("harness", f"{name}: {type(error).__name__} {error}")

    def _order(self) -> Iterator[str]:
        """Yield each way once, in an order of its own each time."""
        while self._ways:
            yield from self._random.sample(sorted(self._ways), len(self._ways))

    # -- processes

    def kill_web(self) -> None:
        host = self._random.choice(self._hosts)
        pid = self._random.choice(host.web_processes())
        with self._ledger.disturbing("a web worker killed", f"{host.name} {pid}"):
            host.kill(pid, signal.SIGKILL)
            self._ledger.killed(host.name)
            self._until_served(host)

    def kill_leader(self) -> None:
        host = self._leader()
        with self._ledger.disturbing("the leader killed", f"{host.name} {host.worker.process.pid}"):
            restarts = host.restarts
            host.kill(host.worker.process.pid, signal.SIGKILL)
            self._wait_for(lambda: host.restarts > restarts, "the worker started again")

    def freeze_web(self) -> None:
        host = self._random.choice(self._hosts)
        self._freeze("a web worker frozen", host, self._random.choice(host.web_processes()), self._some(FROZEN_SECONDS))

    def freeze_leader(self) -> None:
        """Freeze it for so long that another takes its place, and let it wake to find that out."""
        host = self._leader()
        self._freeze("the leader frozen", host, host.worker.process.pid, LOSES_THE_LEASE_SECONDS)

    def _freeze(self, what: str, host: Host, pid: int, seconds: float) -> None:
        with self._ledger.disturbing(what, f"{host.name} {pid}"):
            host.kill(pid, signal.SIGSTOP)
            try:
                time.sleep(seconds)
            finally:
                host.kill(pid, signal.SIGCONT)

    def _leader(self) -> Host:
        """Return the host whose worker holds the lease; any, when a web process does."""
        with self._connected() as database:
            holders = [row[0] for row in database.execute("SELECT holder FROM reco_lease ORDER BY name")]
        pids = {int(holder.split(":")[2]) for holder in holders}
        leading = [host for host in self._hosts if host.worker.process.pid in pids]
        return leading[0] if leading else self._random.choice(self._hosts)

    def _until_served(self, host: Host) -> None:
        def all_serve() -> bool:
            answers = host.held()
            return len(answers) == WORKERS and all(held is not None for held in answers.values())

        self._wait_for(all_serve, f"{WORKERS} workers on {host.name}")

    @staticmethod
    def _wait_for(condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + REPLACED_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {REPLACED_SECONDS} s")
            time.sleep(0.1)

    # -- the database

    def restart_postgres(self) -> None:
        server = self._shop.server.server
        mode = self._random.choice(("fast", "immediate"))
        with self._ledger.disturbing("PostgreSQL restarted", mode), self._ledger.away():
            server.stop(mode)
            time.sleep(self._some(AWAY_SECONDS))
            server.start()

    def terminate(self) -> None:
        """Terminate half of the sessions of this database, whosever they are."""
        with self._connected() as database:
            pids = self._sessions(database, "TRUE")
            chosen = self._random.sample(pids, (len(pids) + 1) // 2)
            with self._ledger.disturbing("sessions terminated", str(len(chosen))), self._ledger.away():
                self._terminate(database, chosen)

    def deafen(self) -> None:
        """Terminate everybody's session that listens: what is announced until they are back, nobody hears."""
        with self._connected() as database:
            # After a restart they come back one by one.
            self._wait_for(lambda: bool(self._sessions(database, LISTENS)), "somebody listens")
            pids = self._sessions(database, LISTENS)
            with self._ledger.disturbing("LISTEN terminated", str(len(pids))):
                self._terminate(database, pids)

    def lock(self) -> None:
        """Hold what every write must hold for a moment."""
        with (
            self._connected() as database,
            self._ledger.disturbing("the counters locked", "reco_counter"),
            database.transaction(),
        ):
            database.execute("SELECT * FROM reco_counter FOR UPDATE")
            time.sleep(self._some(LOCKED_SECONDS))

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self._shop.dsn, autocommit=True)

    @staticmethod
    def _sessions(database: psycopg.Connection, which: str) -> list[int]:
        query = f"SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND {which}"
        return sorted(row[0] for row in database.execute(query))

    @staticmethod
    def _terminate(database: psycopg.Connection, pids: list[int]) -> None:
        database.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [pids])

    # -- the disk

    def fill_disk(self) -> None:
        host = self._random.choice(self._hosts)
        with self._ledger.disturbing("the state folder full", f"{host.name}, {host.disk.how}"), host.disk.full():
            time.sleep(self._some(FULL_SECONDS))

    def empty_state(self) -> None:
        host = self._random.choice(self._hosts)
        with self._ledger.disturbing("the state folder emptied", host.name):
            for path in host.state.iterdir():
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def _some(self, seconds: tuple[float, float]) -> float:
        return self._random.uniform(*seconds)
