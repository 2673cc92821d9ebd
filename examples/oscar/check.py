#!/usr/bin/env python
"""Walk through the bookshop with a real Chromium and say what is missing.

Prints the rows of ten books, saves screenshots, and exits with 1 and a list when anything is not as it should be.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

SHOP: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(SHOP.parent))  # what the checks of all examples share

from checking.browser import broken_pictures, chromium, listen, overflows, user_agent  # noqa: E402
from checking.server import ServerDidNotStart, complaints, running_shop  # noqa: E402

WIDTHS: Final = {"desktop": (1366, 900), "phone": (390, 844)}
ROW: Final = 6
BOOKS: Final = 10
PRODUCT: Final = "you_may_also_like"
BASKET: Final = "bought_together"
SERIOUS: Final = frozenset({"serious", "critical"})
# A page without recommendations has these cookies, and no others.
OSCARS: Final = frozenset({"csrftoken", "sessionid", "messages", "oscar_history", "oscar_open_basket"})


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")


@dataclass(frozen=True, slots=True)
class Card:
    item: str
    title: str
    price: str
    reason: str
    pictured: bool


@dataclass(slots=True)
class Walk:
    """One visitor: where they are, and what was wrong on the way."""

    base: str
    name: str
    page: Page
    screenshots: Path
    scripts: bool
    problems: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else self.base + path, wait_until="networkidle")

    def row(self, strategy: str) -> list[Card]:
        found: list[dict[str, Any]] = self.page.evaluate(
            """strategy => [...document.querySelectorAll(`[data-reco-strategy="${strategy}"] .reco-card`)].map(card => ({
              item: card.dataset.recoItem, title: card.querySelector('.reco-card__title').textContent.trim(),
              price: card.querySelector('.reco-card__price')?.textContent.trim() ?? '',
              reason: card.querySelector('.reco-card__reason')?.textContent.trim() ?? '',
              pictured: !!card.querySelector('img'),
            }))""",
            strategy,
        )
        return [Card(**card) for card in found]

    def look(self, what: str) -> None:
        """Check the page as a page, and keep its picture."""
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")  # pictures below the fold are loaded when seen
        self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=self.screenshots / f"{self.name}-{what}.png", full_page=True)
        self.problems += [f"{what}: broken picture {source}" for source in broken_pictures(self.page)]

    def want(self, strategy: str, what: str, size: int = ROW) -> list[Card]:
        """Check one row of this page, for eyes and for those who hear it."""
        cards = self.row(strategy)
        wrong = self.problems.append
        if len(cards) != size:
            wrong(f"{what}: “{strategy}” shows {len(cards)} products instead of {size}")
        if len({card.item for card in cards}) != len(cards):
            wrong(f"{what}: “{strategy}” shows a product twice")
        for card in cards:
            missing = [name for name in ("title", "price", "reason", "pictured") if not getattr(card, name)]
            if missing:
                wrong(f"{what}: {card.title or card.item} has no {', '.join(missing)}")
        if cards and self.scripts:
            found = Axe().run(self.page, context={"include": [[".reco-row"]]}).response["violations"]
            for fault in found:
                if fault["impact"] in SERIOUS:
                    wrong(f"{what}: accessibility, {fault['impact']}: {fault['help']} ({fault['nodes'][0]['target']})")
        return cards

    def product_addresses(self) -> list[str]:
        found: list[str] = self.page.evaluate("[...document.querySelectorAll('.product_pod h3 a')].map(link => link.href)")
        return found


def visit(walk: Walk) -> None:
    """Look around and fill a basket, with scripts or without."""
    walk.go("/")
    walk.look("1-home")
    walk.go("/catalogue/category/books/non-fiction/essential-programming_3/")
    walk.look("2-category")
    books = walk.product_addresses()[:BOOKS]
    if len(books) < BOOKS:
        walk.problems.append(f"category: {len(books)} books instead of {BOOKS}")
    for number, address in enumerate(books, 1):
        walk.go(address)
        title = (walk.page.locator("h1").first.text_content() or "").strip()
        if number == 1:
            walk.look("3-product")
        cards = walk.want(PRODUCT, f"product “{title}”")
        if any(card.item.rpartition(":")[2] == address.rstrip("/").rpartition("_")[2] for card in cards):
            walk.problems.append(f"product “{title}” is recommended on its own page")
        if walk.name == "desktop":
            say(f"\n{title}")
            for card in cards:
                say(f"    {card.title:<48.48} {card.price:>8}   {card.reason}")
    if walk.name == "phone" and overflows(walk.page):
        walk.problems.append("product: wider than the phone's screen")
    basket(walk, books)


def basket(walk: Walk, books: list[str]) -> None:
    """The row below the basket changes with what lies in it, without a new page too."""
    walk.go("/basket/")
    if walk.row(BASKET):
        walk.problems.append("basket: an empty one has a row")
    shown = []
    for address in books[:2]:
        walk.go(address)
        walk.page.locator("form#add_to_basket_form button[type=submit]").click()
        walk.go("/basket/")
        shown.append([card.item for card in walk.want(BASKET, "basket")])
    walk.look("4-basket")
    if shown[0] == shown[1]:
        walk.problems.append("basket: the row is the same after another book")
    if not walk.scripts:
        return
    with walk.page.expect_response(lambda response: "/basket/" in response.url and response.request.method == "POST"):
        walk.page.locator("#basket_formset a[data-behaviours~=remove]").first.click()
    # oscar's script puts the answer in the place of the basket a moment after it came.
    walk.page.wait_for_function("() => document.querySelectorAll('#basket_formset a[data-behaviours~=remove]').length === 1")
    left = [card.item for card in walk.want(BASKET, "basket after one was taken out")]
    if left == shown[1]:
        walk.problems.append("basket: the row is the same after a book was taken out")


def check(base: str, screenshots: Path) -> list[str]:
    screenshots.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    with chromium() as browser:
        for name, width, scripts in (("desktop", "desktop", True), ("phone", "phone", True), ("no-script", "desktop", False)):
            walk = _walk(browser, base, name, width, screenshots, scripts=scripts)
            visit(walk)
            kept = {cookie.get("name", "") for cookie in walk.page.context.cookies()} - OSCARS
            if kept:
                walk.problems.append(f"nobody consented, but these cookies were set: {', '.join(sorted(kept))}")
            walk.page.context.close()
            problems += [f"{name}: {problem}" for problem in walk.problems]
    return problems


def _walk(browser: Browser, base: str, name: str, width: str, screenshots: Path, *, scripts: bool) -> Walk:
    across, down = WIDTHS[width]
    context = browser.new_context(
        viewport={"width": across, "height": down},
        java_script_enabled=scripts,
        user_agent=user_agent(browser),
        locale="en-GB",
        reduced_motion="reduce",
    )
    walk = Walk(base, name, context.new_page(), screenshots, scripts)
    listen(walk.page, walk.problems)
    return walk


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", type=Path, default=Path("screenshots"), help="where the pictures go")
    parser.add_argument("--base-url", help="a shop that runs already; without it one is started for the check")
    arguments = parser.parse_args()
    log = arguments.screenshots / "server.log"
    started = running_shop(SHOP, log, page="/catalogue/the-c-programming-language_1/", marker=b"reco-card")
    shop = nullcontext(arguments.base_url.rstrip("/")) if arguments.base_url else started
    try:
        with shop as base:
            problems = check(base, arguments.screenshots)
    except ServerDidNotStart as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if not arguments.base_url:
        problems += [f"server: {line} (see {log})" for line in complaints(log)]
    say(f"\n{len(list(arguments.screenshots.glob('*.png')))} screenshots in {arguments.screenshots}")
    if problems:
        say(f"{len(problems)} things are missing or wrong:")
        for problem in problems:
            say(f"  - {problem}")
        return 1
    say("Everything is there.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
