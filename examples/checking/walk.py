"""One visitor of a shop, who looks at pages and notes what is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from checking.browser import broken_pictures, listen, overflows, user_agent

WIDTHS: Final = {"desktop": (1366, 900), "phone": (390, 844)}
SERIOUS: Final = frozenset({"serious", "critical"})


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass(slots=True)
class Walk:
    """One visitor: where they are, and what was wrong on the way."""

    base: str
    name: str
    page: Page
    screenshots: Path
    width: str
    scripts: bool
    problems: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def of(
        cls, browser: Browser, base: str, name: str, screenshots: Path, *, width: str = "desktop", scripts: bool = True
    ) -> Iterator[Self]:
        """A browser window of its own, closed afterwards; the walk's problems stay."""
        across, down = WIDTHS[width]
        context = browser.new_context(
            viewport={"width": across, "height": down},
            java_script_enabled=scripts,
            user_agent=user_agent(browser),
            locale="en-GB",
            has_touch=width == "phone",
            reduced_motion="reduce",
        )
        walk = cls(base, name, context.new_page(), screenshots, width, scripts)
        listen(walk.page, walk.problems)
        try:
            yield walk
        finally:
            context.close()

    def go(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else self.base + path, wait_until="networkidle")

    def look(self, what: str) -> None:
        """Check the page as a page, and keep its picture."""
        self.page.wait_for_load_state("networkidle")
        if self.scripts:
            # Pictures and rows below the fold are fetched when they are seen.
            self.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
            self.page.wait_for_load_state("networkidle")
            self.page.evaluate("window.scrollTo(0, 0)")
        self.page.screenshot(path=self.screenshots / f"{self.name}-{what}.png", full_page=True)
        self.problems += [f"{what}: broken picture {source}" for source in broken_pictures(self.page)]
        if overflows(self.page):
            self.problems.append(f"{what}: wider than the {self.width} screen")

    def hear(self, what: str, within: str) -> None:
        """Check that those who do not see this part of the page are told of it."""
        if not self.scripts or not self.page.locator(within).count():
            return
        for fault in Axe().run(self.page, context={"include": [[within]]}).response["violations"]:
            if fault["impact"] in SERIOUS:
                where = fault["nodes"][0]["target"]
                self.problems.append(f"{what}: accessibility, {fault['impact']}: {fault['help']} ({where})")
