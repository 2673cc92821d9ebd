"""A visitor of the gift shop, as the check sees it: what the page's rows are, and what must be true of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import slates
from checking.walk import Walk, say
from slates import Slate

RELOADS: Final = 6


@dataclass(slots=True)
class Visit(Walk):
    """One visitor of the gift shop."""

    loud: bool = False

    def rows(self, what: str) -> list[Slate]:
        """Check the page, keep its picture, and answer with its rows."""
        self.look(what)
        self.hear(what, "body")
        found = slates.read(self.page)
        if self.loud:
            say(f"\n{what}: {self.page.title()}  {self.page.url.removeprefix(self.base)}")
            for slate in found:
                for line in slate.lines():
                    say(line)
        return found

    def want(self, found: list[Slate], strategy: str, size: int, *, where: str, seed_group: str = "") -> Slate | None:
        slate = next((slate for slate in found if slate.strategy == strategy), None)
        if slate is None:
            self.problems.append(f"{where}: no “{strategy}” row")
            return None
        reasons = strategy != "recently_viewed"
        faults = slates.faults(slate, size=size, seed_group=seed_group, needs_reasons=reasons)
        self.problems += [f"{where}: {fault}" for fault in faults]
        return slate

    def settle_similar(self, code: str) -> None:
        """A page that met its deadline shows what is popular instead: allowed once, on a busy machine, not as a rule."""
        title = self.page.locator("h1").text_content() or ""
        for _ in range(RELOADS):
            rows = [slate for slate in slates.read(self.page) if slate.strategy == "you_may_also_like"]
            if any(title in card.reason for slate in rows for card in slate.cards):
                return
            self.page.reload(wait_until="networkidle")
        self.problems.append(f"product {code}: “you may also like” never speaks of the product itself")

    def open_first_result(self, words: str) -> tuple[str, str]:
        """(stock code, group) of the product whose page is now open."""
        self.go(f"/search/?q={words.replace(' ', '+')}")
        first = self.page.locator(".grid .card:not(.gone)").first
        code, group = first.get_attribute("data-code") or "", first.get_attribute("data-group") or ""
        first.locator("a").click()
        return code, group

    def key(self) -> str:
        """The key of the product whose page is open."""
        action = self.page.locator("form.buy").get_attribute("action") or ""
        return action.rstrip("/").rpartition("/")[2]
