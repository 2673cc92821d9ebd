"""A server as an operator starts it: a process on a free port, asked over HTTP, ended by a signal."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

import psutil

from tests.django.conftest import BROWSER
from tests.servers.databases import ROOT

START_SECONDS = 60
STOP_SECONDS = 20
LEFT_SECONDS = 5
FRESH_SECONDS = 20
TAIL_LINES = 60
PAUSE_SECONDS = 0.02
ASKED_AT_ONCE = 4


@dataclass(frozen=True)
class Answer:
    """What a worker said."""

    status: int
    body: str
    process: int
    cookies: dict[str, str]
    took: float
    headers: dict[str, str]


class ServerError(AssertionError):
    """A server did not do what it should; the message ends with what it logged last."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Running:
    """A command in a session of its own, so that whatever it leaves behind is found.

    Parameters
    ----------
    command
        What to start; ``{port}`` stands for the port it is to listen on.
    environment
        Its environment.
    log
        Where it writes to.
    """

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self.log = log
        self.command = [part.format(port=self.port) for part in command]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )

    # -- what it says

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def fail(self, message: str) -> NoReturn:
        tail = "\n".join(self.said().splitlines()[-TAIL_LINES:])
        raise ServerError(f"{message}\n--- {' '.join(self.command)}\n{tail or '(it logged nothing)'}")

    def until(self, condition: Callable[[], object], what: str, seconds: float = FRESH_SECONDS) -> None:
        """Wait for a condition; fail with the log when it does not come, or when the server ends before."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                self.fail(f"waiting for {what}: the server ended with {self.process.returncode}")
            if time.monotonic() > deadline:
                self.fail(f"{what}: not within {seconds} s")
            time.sleep(PAUSE_SECONDS)

    # -- asking it

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, path: str, *, post: dict[str, Any] | None = None, cookies: dict[str, str] | None = None) -> Answer:
        """Ask for one page over a connection of its own."""
        form = urlencode(post, doseq=True) if post else None
        headers = {"User-Agent": BROWSER, "Connection": "close"}
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if post is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET" if post is None else "POST", path, body=form, headers=headers)
            response = connection.getresponse()
            body = response.read().decode("utf-8", "replace")
        finally:
            connection.close()
        given = SimpleCookie("; ".join(response.headers.get_all("Set-Cookie", [])))
        process = int(response.headers.get("X-Process", "0"))
        cookies = {name: morsel.value for name, morsel in given.items()}
        return Answer(response.status, body, process, cookies, time.perf_counter() - started, dict(response.headers))

    def page(self, path: str, **options: dict[str, str] | None) -> Answer:
        """Ask for a page that must be there."""
        answer = self.ask(path, **options)
        if answer.status != 200:
            self.fail(f"{path} answered {answer.status}")
        return answer

    def answers(self, path: str = "/") -> bool:
        try:
            return self.ask(path).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait_for_start(self) -> None:
        self.until(self.answers, "the first page", START_SECONDS)

    def every_worker(
        self, count: int, path: str, holds: Callable[[str], bool], what: str, among: frozenset[int] | set[int] = frozenset()
    ) -> set[int]:
        """Ask until each of ``count`` workers gives a page for which ``holds``; return their processes."""

        def ask(_: int) -> tuple[int, bool]:
            answer = self.page(path)
            return answer.process, holds(answer.body)

        return self.every(count, ask, what, among)

    def every(
        self, count: int, ask: Callable[[int], tuple[int, bool]], what: str, among: frozenset[int] | set[int] = frozenset()
    ) -> set[int]:
        """Ask until each of ``count`` processes has said yes; fail when another than those ``among`` says anything.

        Several are asked at once, so that none is passed over for ever.
        """
        last: dict[int, bool] = {}

        def everywhere() -> bool:
            with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
                last.update(pool.map(ask, range(ASKED_AT_ONCE)))
            return len(last) >= count and all(last.values())

        self.until(everywhere, f"{what}, in {count} worker(s)")
        if len(last) != count or (among and set(last) != among):
            self.fail(f"{count} workers were started ({sorted(among)}), and {sorted(last)} answered")
        return set(last)

    # -- ending it

    def own_processes(self) -> list[psutil.Process]:
        """Return what lives of the command and of all it started."""
        found = []
        for process in psutil.process_iter(["name", "status"]):
            with suppress(ProcessLookupError, PermissionError):
                if os.getsid(process.pid) == self.process.pid and process.info["status"] != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def stop(self, code: int = 0) -> None:
        """End it as an init system does, and see that it leaves nothing: no process, no complaint in the log."""
        self.process.send_signal(signal.SIGTERM)
        self.ends(code)

    def interrupt(self, code: int = 0) -> None:
        """End it as Ctrl-C in a terminal does, which reaches every process."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.ends(code)

    def ends(self, code: int) -> None:
        try:
            ended = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.fail(f"it did not end within {STOP_SECONDS} s; alive: {self._alive()}")
        if ended != code:
            self.fail(f"it ended with {ended} instead of {code}")
        # Helpers of multiprocessing's end a moment after who started them.
        psutil.wait_procs(self.own_processes(), timeout=LEFT_SECONDS)
        if left := self._alive():
            self.fail(f"it left processes behind: {left}")
        self.check_log()

    def check_log(self) -> None:
        """Fail on a traceback, and on any warning or error that the shop logged."""
        bad = ("Traceback", "WARNING ", "ERROR ", "CRITICAL ", "Exception ignored", "ResourceWarning")
        lines = [line for line in self.said().splitlines() if line.startswith(bad)]
        if lines:
            self.fail("it complained:\n" + "\n".join(lines))

    def _alive(self) -> list[str]:
        return [f"{process.pid} {process.info['name']}" for process in self.own_processes()]

    def end(self) -> None:
        """Leave nothing running, whatever happened."""
        for process in self.own_processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.stdin.close()
        self.process.wait(STOP_SECONDS)
