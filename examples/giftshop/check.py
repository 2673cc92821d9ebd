#!/usr/bin/env python
"""Walk through the gift shop with a real Chromium and say what is missing.

Prints every row of recommendations with its products and reasons, saves screenshots at desktop and phone widths, and
exits with 1 and a list when anything is not as it should be.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page

import slates
from slates import Slate

SHOP: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(SHOP.parent))  # what the checks of all examples share

from checking.browser import broken_pictures, chromium, listen, overflows, user_agent  # noqa: E402
from checking.server import ServerDidNotStart, complaints, running_shop  # noqa: E402

WIDTHS: Final = {"desktop": (1366, 900), "phone": (390, 844)}
CATEGORY: Final = "/c/kitchen-dining/"
SEARCHES: Final = ("regency teacup", "hanging heart", "lunch bag", "alarm clock")
HOME_ROWS: Final = {"recommended_for_you": 8, "trending": 6, "new_arrivals": 6}
ROW: Final = 6
RELOADS: Final = 3
WITHOUT_CONSENT: Final = frozenset({"consent", "csrftoken", "sessionid", "messages"})


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")


@dataclass(slots=True)
class Walk:
    """One visitor: where they are, and what was wrong on the way."""

    base: str
    name: str
    page: Page
    screenshots: Path
    loud: bool
    problems: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.base + path, wait_until="networkidle")

    def look(self, what: str) -> list[Slate]:
        """Check the page as a page, keep its picture, and answer with its rows."""
        self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=self.screenshots / f"{self.name}-{what}.png", full_page=True)
        self.problems += [f"{what}: broken picture {source}" for source in broken_pictures(self.page)]
        if overflows(self.page):
            self.problems.append(f"{what}: wider than the {self.name} screen")
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


def shopping(walk: Walk) -> None:
    """Accept cookies, look around, buy something."""
    walk.go("/")
    walk.page.get_by_role("button", name="Accept").click()
    found = walk.look("1-home")
    before = {name: walk.want(found, name, size, where="home") for name, size in HOME_ROWS.items()}

    walk.go(CATEGORY)
    walk.want(walk.look("2-category"), "trending", ROW, where="category")

    seen: list[str] = []
    for number, words in enumerate(SEARCHES, 1):
        code, group = walk.open_first_result(words)
        walk.settle_similar(code)
        found = walk.look(f"3-product-{number}")
        walk.want(found, "you_may_also_like", ROW, where=f"product {code}", seed_group=group)
        if seen:
            recent = walk.want(found, "recently_viewed", len(seen), where=f"product {code}")
            if recent is not None and recent.codes[:1] != (seen[-1],):
                walk.problems.append(f"product {code}: the page before, {seen[-1]}, does not head “recently viewed”")
        seen.append(code)

    walk.page.get_by_role("button", name="Add to cart").click()
    found = walk.look("4-cart")
    walk.want(found, "bought_together", ROW, where="cart")

    walk.page.get_by_role("link", name="Check out").click()
    walk.look("5-checkout")
    walk.page.get_by_label("Full name").fill("Ada Lark")
    walk.page.get_by_label("Email address").fill("ada@example.org")
    walk.page.get_by_label("Delivery address").fill("1 Juniper Road\nLarkhill")
    walk.page.get_by_role("button", name="Place the order").click()
    if "Thank you" not in (walk.page.locator("h1").text_content() or ""):
        walk.problems.append("checkout: no confirmation after the order was placed")
    walk.want(walk.look("6-confirmation"), "recommended_for_you", ROW, where="confirmation")

    walk.go("/")
    found = walk.look("7-home-again")
    after = walk.want(found, "recommended_for_you", HOME_ROWS["recommended_for_you"], where="home again")
    old = before["recommended_for_you"]
    if old is not None and after is not None and old.codes == after.codes:
        walk.problems.append("home: “recommended for you” did not change after four views and an order")
    walk.want(found, "recently_viewed", len(seen), where="home again")

    walk.go("/search/?q=zeppelin")
    walk.want(walk.look("8-nothing-found"), "trending", ROW, where="search without results")


def declining(walk: Walk) -> None:
    """Who declines is shown the shop and is not remembered; and all of it works without a script."""
    walk.go("/")
    walk.page.get_by_role("button", name="Decline").click()
    walk.page.wait_for_load_state("networkidle")
    walk.open_first_result(SEARCHES[0])
    walk.want(walk.look("product"), "you_may_also_like", ROW, where="product, no script")
    walk.page.get_by_role("button", name="Add to cart").click()
    walk.look("cart")
    walk.go("/")
    found = walk.look("home")
    for name, size in HOME_ROWS.items():
        walk.want(found, name, size, where="home, no script")
    if any(slate.strategy == "recently_viewed" for slate in found):
        walk.problems.append("home, no script: “recently viewed” although cookies were declined")
    kept = {cookie.get("name", "") for cookie in walk.page.context.cookies()} - WITHOUT_CONSENT
    if kept:
        walk.problems.append(f"cookies were declined, but these were set: {', '.join(sorted(kept))}")


def context_of(browser: Browser, name: str, *, scripts: bool) -> BrowserContext:
    width, height = WIDTHS[name]
    return browser.new_context(
        viewport={"width": width, "height": height},
        java_script_enabled=scripts,
        user_agent=user_agent(browser),
        locale="en-GB",
        has_touch=name == "phone",
        reduced_motion="reduce",
    )


def check(base: str, screenshots: Path) -> list[str]:
    screenshots.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    with chromium() as browser:
        for name, visit, width, scripts, loud in (
            ("desktop", shopping, "desktop", True, True),
            ("phone", shopping, "phone", True, False),
            ("no-script", declining, "desktop", False, False),
        ):
            context = context_of(browser, width, scripts=scripts)
            page = context.new_page()
            walk = Walk(base, name, page, screenshots, loud)
            listen(page, walk.problems)
            visit(walk)
            context.close()
            problems += [f"{name}: {problem}" for problem in walk.problems]
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", type=Path, default=Path("screenshots"), help="where the pictures go")
    parser.add_argument("--base-url", help="a shop that runs already; without it one is started for the check")
    arguments = parser.parse_args()
    log = arguments.screenshots / "server.log"
    shop = nullcontext(arguments.base_url.rstrip("/")) if arguments.base_url else running_shop(SHOP, log)
    try:
        with shop as base:
            problems = check(base, arguments.screenshots)
    except ServerDidNotStart as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if not arguments.base_url:
        problems += [f"server: {line} (see {log})" for line in complaints(log)]
    say()
    pictures = len(list(arguments.screenshots.glob("*.png")))
    say(f"{pictures} screenshots in {arguments.screenshots}")
    if problems:
        say(f"{len(problems)} things are missing or wrong:")
        for problem in problems:
            say(f"  - {problem}")
        return 1
    say("Everything is there.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
