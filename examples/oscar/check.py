#!/usr/bin/env python
"""Walk through the bookshop with a real Chromium and say what is missing.

Two workers serve it as in earnest. Prints the rows of ten books and how soon every worker follows a merchant; saves
screenshots, and exits with 1 and a list when anything is not as it should be.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SHOP: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(SHOP.parent))  # what the checks of all examples share

from checking.browser import chromium  # noqa: E402
from checking.report import main  # noqa: E402
from checking.server import running_shop  # noqa: E402
from checking.steering import Steered, steer  # noqa: E402
from checking.walk import Walk, say  # noqa: E402
from checking.watch import Watch  # noqa: E402

ROW: Final = 6
BOOKS: Final = 10
PRODUCT: Final = "you_may_also_like"
BASKET: Final = "bought_together"
SHELF: Final = "/catalogue/category/books/non-fiction/essential-programming_3/"
# A page without recommendations has these cookies, and no others.
OSCARS: Final = frozenset({"csrftoken", "sessionid", "messages", "oscar_history", "oscar_open_basket"})


@dataclass(frozen=True, slots=True)
class Card:
    item: str
    title: str
    price: str
    reason: str
    pictured: bool


@dataclass(slots=True)
class Visit(Walk):
    """One visitor of the bookshop."""

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
        # Oscar's own templates are oscar's; what stands in them is ours.
        self.hear(what, ".reco-row")
        return cards

    def product_addresses(self) -> list[str]:
        found: list[str] = self.page.evaluate("[...document.querySelectorAll('.product_pod h3 a')].map(link => link.href)")
        return found


def shopping(visit: Visit) -> None:
    """Look around and fill a basket, with scripts or without."""
    visit.go("/")
    visit.look("1-home")
    visit.go(SHELF)
    visit.look("2-category")
    books = visit.product_addresses()[:BOOKS]
    if len(books) < BOOKS:
        visit.problems.append(f"category: {len(books)} books instead of {BOOKS}")
    for number, address in enumerate(books, 1):
        visit.go(address)
        title = (visit.page.locator("h1").first.text_content() or "").strip()
        if number == 1:
            visit.look("3-product")
        cards = visit.want(PRODUCT, f"product “{title}”")
        if any(card.item.rpartition(":")[2] == _key(address) for card in cards):
            visit.problems.append(f"product “{title}” is recommended on its own page")
        if visit.name == "desktop":
            say(f"\n{title}")
            for card in cards:
                say(f"    {card.title:<48.48} {card.price:>8}   {card.reason}")
    basket(visit, books)


def basket(visit: Visit, books: list[str]) -> None:
    """The row below the basket changes with what lies in it, without a new page too."""
    visit.go("/basket/")
    if visit.row(BASKET):
        visit.problems.append("basket: an empty one has a row")
    shown = []
    for address in books[:2]:
        visit.go(address)
        visit.page.locator("form#add_to_basket_form button[type=submit]").click()
        visit.go("/basket/")
        shown.append([card.item for card in visit.want(BASKET, "basket")])
    visit.look("4-basket")
    if shown[0] == shown[1]:
        visit.problems.append("basket: the row is the same after another book")
    if not visit.scripts:
        return
    with visit.page.expect_response(lambda response: "/basket/" in response.url and response.request.method == "POST"):
        visit.page.locator("#basket_formset a[data-behaviours~=remove]").first.click()
    # oscar's script puts the answer in the place of the basket a moment after it came.
    visit.page.wait_for_function("() => document.querySelectorAll('#basket_formset a[data-behaviours~=remove]').length === 1")
    left = [card.item for card in visit.want(BASKET, "basket after one was taken out")]
    if left == shown[1]:
        visit.problems.append("basket: the row is the same after a book was taken out")


def merchandising(visit: Visit, merchant: Visit) -> None:
    """What a merchant says in the admin holds on every page of every worker."""
    visit.go(SHELF)
    seed, other, *_, hidden, gone = visit.product_addresses()[:BOOKS]
    visit.go(seed)
    visit.page.locator("form#add_to_basket_form button[type=submit]").click()
    visit.page.wait_for_load_state("networkidle")
    paths = [seed.removeprefix(visit.base), other.removeprefix(visit.base), "/basket/"]
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in visit.page.context.cookies())
    agent = str(visit.page.evaluate("navigator.userAgent"))
    watching = Watch(visit.base, paths, {"Cookie": cookies, "User-Agent": agent})
    shop = Steered(SHOP, "catalogue.product", "is_public")
    steer(merchant, shop, watching, _key(hidden), _key(gone), _key(seed))


def _key(address: str) -> str:
    return address.rstrip("/").rpartition("_")[2]


def check(base: str, screenshots: Path) -> list[str]:
    problems: list[str] = []
    with chromium() as browser:
        for name, width, scripts in (("desktop", "desktop", True), ("phone", "phone", True), ("no-script", "desktop", False)):
            with Visit.of(browser, base, name, screenshots, width=width, scripts=scripts) as visit:
                shopping(visit)
                kept = {cookie.get("name", "") for cookie in visit.page.context.cookies()} - OSCARS
                if kept:
                    visit.problems.append(f"nobody consented, but these cookies were set: {', '.join(sorted(kept))}")
                problems += [f"{name}: {problem}" for problem in visit.problems]
        with (
            Visit.of(browser, base, "shopper", screenshots) as visit,
            Visit.of(browser, base, "merchant", screenshots) as merchant,
        ):
            merchandising(visit, merchant)
            problems += [f"merchandising: {problem}" for problem in (*visit.problems, *merchant.problems)]
    return problems


def start(log: Path) -> AbstractContextManager[str]:
    os.environ["BOOKSHOP_DEBUG"] = "0"
    return running_shop(SHOP, "bookshop.wsgi", log, page="/catalogue/the-c-programming-language_1/", marker=b"reco-card")


if __name__ == "__main__":
    sys.exit(main(__doc__, start, check))
