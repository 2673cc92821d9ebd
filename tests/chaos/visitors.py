"""Visitors: browse with cookies, look at every row for what must not be there, and buy."""

import http.client
import json
import random
import re
import threading
import time

from tests.chaos.hosts import Host
from tests.chaos.ledger import Ledger
from tests.chaos.pages import SHOPS_OWN

SHOWN = re.compile(r'href="/p/(\d+)/')
PAGES_PER_VISITOR = 8


class Visitor(threading.Thread):
    """One after another, at any host, until told to stop.

    Parameters
    ----------
    seed
        Of where they go.
    hosts
        Where.
    lasting
        What they look at and buy.
    ledger
        Where what they saw is noted.
    pause_seconds
        Between two pages, about.
    """

    def __init__(self, seed: str, hosts: list[Host], lasting: list[int], ledger: Ledger, pause_seconds: float) -> None:
        super().__init__(name=f"visitor {seed}", daemon=True)
        self.stopping = threading.Event()
        self.slowest = 0.0
        self._random = random.Random(seed)
        self._hosts = hosts
        self._lasting = lasting
        self._ledger = ledger
        self._pause = pause_seconds

    def run(self) -> None:
        while not self.stopping.is_set():
            cookies = {"consent": "yes"}
            for _ in range(self._random.randint(1, PAGES_PER_VISITOR)):
                host = self._random.choice(self._hosts)
                what = self._random.random()
                if what < 0.3:
                    self._look(host, "/", cookies)
                elif what < 0.85:
                    pk = self._random.choice(self._lasting)
                    if self._look(host, f"/p/{pk}/", cookies):
                        self._ledger.viewed(host.name, cookies["reco_visitor"].partition(":")[0], pk)
                else:
                    self._buy(host, cookies)
                if self.stopping.wait(self._pause * self._random.uniform(0.5, 1.5)):
                    return

    def _look(self, host: Host, path: str, cookies: dict[str, str]) -> bool:
        """Ask for a page; return whether it came."""
        asked_at, healthy = time.monotonic(), self._ledger.healthy
        body = self._ask(host, path, cookies)
        if body is None:
            return False
        shown = {int(pk) for pk in SHOWN.findall(body)}
        self._ledger.count("pages with rows" if shown else "pages without a row")
        if not shown and healthy and self._ledger.healthy:
            self._ledger.fail("rows", f"{host.name} {path} shows no row")
        if wrong := self._ledger.phantoms(shown, asked_at):
            self._ledger.fail("phantoms", f"{host.name} {path} shows {self._ledger.said_of(wrong, asked_at)}")
        return True

    def _buy(self, host: Host, cookies: dict[str, str]) -> None:
        bought = self._random.sample(self._lasting, self._random.randint(1, 3))
        body = self._ask(host, "/checkout/", cookies, [(pk, self._random.randint(1, 4)) for pk in bought])
        if body is not None:
            self._ledger.count("orders placed at a page")
            json.loads(body)

    def _ask(self, host: Host, path: str, cookies: dict[str, str], lines: list[tuple[int, int]] | None = None) -> str | None:
        asked_at = time.monotonic()
        try:
            answer = host.web.ask(path, post=None if lines is None else _form(lines), cookies=cookies)
        except (OSError, http.client.HTTPException) as error:
            if self._ledger.was_cut(host.name, asked_at):
                self._ledger.count("pages cut by a kill")
            else:
                self._ledger.fail("page errors", f"{host.name} {path}: {type(error).__name__} {error}")
            return None
        self.slowest = max(self.slowest, answer.took)
        cookies |= answer.cookies
        if answer.status == 503 and answer.headers.get(SHOPS_OWN):
            self._ledger.count("checkouts that the shop itself refused")
            return None
        self._ledger.count("pages")
        if answer.status != 200:
            self._ledger.fail("page errors", f"{host.name} {path} answered {answer.status}")
            return None
        return answer.body


def _form(lines: list[tuple[int, int]]) -> dict[str, list[int]]:
    return {"product": [pk for pk, _ in lines], "quantity": [quantity for _, quantity in lines]}
