"""Pages asked for over and over by several clients at once, so that every worker tells what its rows show, and when."""

from __future__ import annotations

import http.client
import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from checking.server import HEADER, WORKERS

CLIENTS: Final = 2 * WORKERS
PAUSE_SECONDS: Final = 0.01
LONGEST_SECONDS: Final = 30.0
ROW: Final = "data-reco-token="
ITEM: Final = re.compile(r'data-reco-item="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Sight:
    """What one worker showed on one page: the items of each row, and when the page was asked for."""

    worker: int
    path: str
    asked: float
    rows: tuple[tuple[str, ...], ...]

    def shows(self, item: str) -> bool:
        return any(item in row for row in self.rows)

    def place(self, item: str) -> int | None:
        """The item's place, from 1, in the first row that shows it."""
        return next((row.index(item) + 1 for row in self.rows if item in row), None)


@dataclass(frozen=True, slots=True)
class Spread:
    """How a change reached the workers: for each, the seconds after which no page that was asked for was the old one."""

    seconds: dict[int, float]
    pages: int
    missing: tuple[str, ...]


class Watch:
    """Asks for ``paths`` as the visitor with these cookies, until it is left."""

    def __init__(self, base: str, paths: Sequence[str], headers: dict[str, str]) -> None:
        self.paths = tuple(paths)
        self.faults: list[str] = []
        self._address = urlsplit(base)
        self._headers = headers
        self._seen: list[Sight] = []
        self._ends = Event()
        self._clients = [Thread(target=self._ask, args=(number,), daemon=True) for number in range(CLIENTS)]

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ends.set()
        for client in self._clients:
            client.join()

    def sights(self, since: float = 0.0) -> list[Sight]:
        return [sight for sight in list(self._seen) if sight.asked >= since]

    def spread(self, since: float, holds: Callable[[Sight], bool], within: float) -> Spread:
        """Wait until every page of every worker was asked for once more ``within`` seconds later, and tell how it went."""
        due, deadline = since + within, time.time() + LONGEST_SECONDS
        everywhere: set[tuple[int, str]] = set()
        while len(everywhere) < WORKERS * len(self.paths) and time.time() < deadline:
            time.sleep(PAUSE_SECONDS)
            everywhere = {(sight.worker, sight.path) for sight in self.sights(due)}
        last: dict[int, float] = defaultdict(float)
        missing = []
        sights = self.sights(since)
        for sight in sights:
            if not holds(sight):
                last[sight.worker] = max(last[sight.worker], sight.asked - since)
                if sight.asked > due:
                    missing.append(f"{sight.path} of worker {sight.worker}, {sight.asked - since:.2f} s later")
        workers = {worker for worker, _ in everywhere}
        if len(everywhere) < WORKERS * len(self.paths):
            missing.append(f"only {len(everywhere)} of {len(self.paths)} pages × {WORKERS} workers answered")
        # From the first page on that was asked for after the last old one.
        asked = [(sight.worker, sight.asked - since) for sight in sights]
        taken = {
            worker: min((after for each, after in asked if each == worker and after > last[worker]), default=LONGEST_SECONDS)
            for worker in workers
        }
        return Spread(taken, len(sights), tuple(missing))

    def _ask(self, number: int) -> None:
        turn = number
        while not self._ends.wait(PAUSE_SECONDS):
            path = self.paths[turn % len(self.paths)]
            turn += 1
            asked = time.time()
            try:
                connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=60)
                connection.request("GET", path, headers={**self._headers, "Connection": "close"})
                answer = connection.getresponse()
                text = answer.read().decode()
                connection.close()
            except (OSError, http.client.HTTPException) as error:
                self.faults.append(f"{path}: no answer ({error})")
                continue
            if answer.status >= http.client.INTERNAL_SERVER_ERROR:
                self.faults.append(f"{path}: {answer.status}")
            rows = tuple(tuple(ITEM.findall(row)) for row in text.split(ROW)[1:])
            self._seen.append(Sight(int(answer.headers.get(HEADER, 0)), path, asked, rows))
