"""A host: a state folder, gunicorn with its workers, one ``reco_worker``, and an init system that starts it again."""

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil

from reco_sdk.interactions.counts import Counts, HostCounts, counts_folder
from tests.chaos.disks import Disk
from tests.chaos.door import HELD, RECOMMENDED
from tests.servers.databases import MANAGE, Shop
from tests.servers.running import STOP_SECONDS, Running

Answer = TypeVar("Answer")

WORKERS = 3
RESTART_SECONDS = 1.0
ANSWER_SECONDS = 1.0


class Door:
    """The way to one web process."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self._stream = self._socket.makefile("rwb")

    def held(self) -> dict[int, int] | None:
        """Return what the process may recommend now: price in cents by primary key."""
        found = self._ask(HELD)
        return None if found is None else dict(found)

    def recommended(self) -> set[int] | None:
        """Return what a request for everything is answered with."""
        found = self._ask(RECOMMENDED)
        return None if found is None else set(found)

    def _ask(self, question: bytes) -> Any:
        self._stream.write(question)
        self._stream.flush()
        answer = self._stream.readline()
        if not answer:
            raise ConnectionError(f"process {self.pid} is gone")
        return json.loads(answer)

    def close(self) -> None:
        with suppress(OSError):
            self._stream.close()
        self._socket.close()


class Host:
    """One of the hosts that serve the shop.

    Parameters
    ----------
    name
        Its own.
    folder
        Where its state and its logs go.
    shop
        The shop's database.
    """

    def __init__(self, name: str, folder: Path, shop: Shop) -> None:
        self.name = name
        self.folder = folder
        self.state = folder / "state"
        self.doors = folder / "doors"
        for made in (self.state, self.doors):
            made.mkdir(parents=True)
        self.disk = Disk(self.state)
        self._environment = {
            **shop.environment,
            "CHAOS_STATE_DIR": str(self.state),
            "CHAOS_DOORS": str(self.doors),
        }
        self._open: dict[int, Door] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self.restarts = 0

    # -- life

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "tests.servers.shop.wsgi", "--config", "python:tests.chaos.door"]
        command += ["--workers", str(WORKERS), "--worker-class", "gthread", "--threads", "4", "--bind", "127.0.0.1:{port}"]
        command += ["--no-control-socket"]  # hosts of one account would share it
        self.web = Running(command, self._environment, self.folder / "web.log")
        self._start_worker()
        self._init = threading.Thread(target=self._supervise, name=f"init-{self.name}", daemon=True)
        self._init.start()
        self.web.wait_for_start()

    def _start_worker(self) -> None:
        command = [sys.executable, str(MANAGE), "reco_worker", "--verbosity", "0"]
        self.worker = Running(command, self._environment, self.folder / "worker.log")

    def _supervise(self) -> None:
        """Start the worker again when it has ended, as an init system does."""
        while not self._ending.wait(0.1):
            if self.worker.process.poll() is not None:
                if self._ending.wait(RESTART_SECONDS):
                    return
                self.restarts += 1
                self._start_worker()

    def stop(self) -> list[str]:
        """End both as an init system does; return what did not end in good order."""
        self._ending.set()
        self._init.join()
        for door in self._open.values():
            door.close()
        for running in (self.web, self.worker):
            running.process.send_signal(signal.SIGTERM)
        bad = []
        for name, running in (("gunicorn", self.web), ("reco_worker", self.worker)):
            try:
                code = running.process.wait(STOP_SECONDS)
                if code != 0:
                    bad.append(f"{self.name}: {name} ended with {code}")
            except Exception as error:  # noqa: BLE001  a report says it
                bad.append(f"{self.name}: {name} did not end: {error}")
        return bad

    def end(self) -> None:
        """Leave nothing running, whatever happened."""
        self._ending.set()
        for running in (getattr(self, "web", None), getattr(self, "worker", None)):
            if running is not None:
                for process in running.own_processes():
                    with suppress(psutil.NoSuchProcess):
                        process.send_signal(signal.SIGCONT)
                running.end()
        self.disk.remove()

    # -- its processes

    def web_processes(self) -> list[int]:
        """Return the web workers that have opened their doors, and live."""
        found = []
        for note in sorted(self.doors.iterdir()):
            if note.name.isdecimal():
                pid = int(note.name)
                if psutil.pid_exists(pid) and psutil.Process(pid).ppid() == self.web.process.pid:
                    found.append(pid)
        return found

    def held(self) -> dict[int, dict[int, int] | None]:
        """Ask every web worker what it may recommend; None for one that cannot say."""
        return self._each(Door.held)

    def recommended(self) -> dict[int, set[int] | None]:
        """Ask every web worker what it does recommend."""
        return self._each(Door.recommended)

    def _each(self, ask: Callable[[Door], Answer | None]) -> dict[int, Answer | None]:
        answers: dict[int, Answer | None] = {}
        with self._lock:
            alive = self.web_processes()
            for pid in set(self._open) - set(alive):
                self._open.pop(pid).close()
            for pid in alive:
                answers[pid] = None
                with suppress(OSError, ValueError):
                    answers[pid] = ask(self._door(pid))
                if answers[pid] is None and pid in self._open:
                    self._open.pop(pid).close()
        return answers

    def _door(self, pid: int) -> Door:
        if pid not in self._open:
            self._open[pid] = Door(pid, int((self.doors / str(pid)).read_text()))
        return self._open[pid]

    def uncounted(self) -> tuple[int, int]:
        """Return (what waits now, what was counted as lost) of the views of all processes that ever ran here."""
        counts, lost = HostCounts(counts_folder(self.state), Counts()).read()
        gone = sum(by["views"] for by in (lost.dropped, lost.refused, lost.at_risk))
        return counts.at_risk["views"], gone + counts.dropped["views"] + counts.refused

    def kill(self, pid: int, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def everywhere(hosts: list[Host]) -> dict[tuple[str, int], dict[int, int] | None]:
    """Ask every web worker of every host."""
    return {(host.name, pid): held for host in hosts for pid, held in host.held().items()}


def wait_until_ready(hosts: list[Host], seconds: float) -> None:
    """Wait until every web worker has a recommender."""
    deadline = time.monotonic() + seconds
    while True:
        answers = everywhere(hosts)
        if len(answers) == WORKERS * len(hosts) and all(answers.values()):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"not every worker serves after {seconds} s: { {k: v is not None for k, v in answers.items()} }")
        time.sleep(0.05)
