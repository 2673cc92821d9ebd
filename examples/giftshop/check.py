#!/usr/bin/env python
"""Walk through the gift shop with a real Chromium and say what is missing.

Two workers serve it as in earnest. Prints every row of recommendations with its products and reasons, the rows of ten
products and ten carts, and how soon every worker follows a merchant; saves screenshots at desktop and phone widths, and exits
with 1 and a list when anything is not as it should be.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import AbstractContextManager
from html import unescape
from pathlib import Path
from typing import Final

SHOP: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(SHOP.parent))  # what the checks of all examples share

import slates  # noqa: E402
from checking.browser import chromium  # noqa: E402
from checking.report import main  # noqa: E402
from checking.server import running_shop  # noqa: E402
from checking.steering import Steered, steer  # noqa: E402
from checking.walk import say  # noqa: E402
from checking.watch import Watch  # noqa: E402
from visit import Visit  # noqa: E402

CATEGORY: Final = "/c/kitchen-dining/"
NOTHING_FOUND: Final = "/search/?q=zeppelin"
NOT_FOUND: Final = "/nowhere/"
LATER: Final = re.compile('data-reco-row="([^"]+)"')
SEARCHES: Final = ("regency teacup", "hanging heart", "lunch bag", "alarm clock")
# What ten people came for: each the first that the search finds.
CARTS: Final = (
    ("regency teacup",),
    ("hanging heart t-light",),
    ("lunch bag", "snack boxes"),
    ("alarm clock",),
    ("jumbo bag",),
    ("bunting",),
    ("cake stand", "cake cases"),
    ("hot water bottle",),
    ("christmas decoration",),
    ("herb marker", "watering can"),
)
HOME_ROWS: Final = {"recommended_for_you": 8, "trending": 6, "new_arrivals": 6}
ROW: Final = 6
WITHOUT_CONSENT: Final = frozenset({"consent", "csrftoken", "sessionid", "messages"})


def shopping(visit: Visit) -> None:
    """Accept cookies, look around, buy something."""
    visit.go("/")
    visit.page.get_by_role("button", name="Accept").click()
    found = visit.rows("1-home")
    before = {name: visit.want(found, name, size, where="home") for name, size in HOME_ROWS.items()}

    visit.go(CATEGORY)
    visit.want(visit.rows("2-category"), "trending", ROW, where="category")

    seen: list[str] = []
    for number, words in enumerate(SEARCHES, 1):
        code, group = visit.open_first_result(words)
        visit.settle_similar(code)
        found = visit.rows(f"3-product-{number}")
        visit.want(found, "you_may_also_like", ROW, where=f"product {code}", seed_group=group)
        if seen:
            recent = visit.want(found, "recently_viewed", len(seen), where=f"product {code}")
            if recent is not None and recent.codes[:1] != (seen[-1],):
                visit.problems.append(f"product {code}: the page before, {seen[-1]}, does not head “recently viewed”")
        seen.append(code)

    filling(visit)
    visit.page.get_by_role("link", name="Check out").click()
    visit.rows("5-checkout")
    visit.page.get_by_label("Full name").fill("Ada Lark")
    visit.page.get_by_label("Email address").fill("ada@example.org")
    visit.page.get_by_label("Delivery address").fill("1 Juniper Road\nLarkhill")
    visit.page.get_by_role("button", name="Place the order").click()
    if "Thank you" not in (visit.page.locator("h1").text_content() or ""):
        visit.problems.append("checkout: no confirmation after the order was placed")
    visit.want(visit.rows("6-confirmation"), "recommended_for_you", ROW, where="confirmation")

    visit.go("/")
    found = visit.rows("7-home-again")
    after = visit.want(found, "recommended_for_you", HOME_ROWS["recommended_for_you"], where="home again")
    old = before["recommended_for_you"]
    if old is not None and after is not None and old.codes == after.codes:
        visit.problems.append("home: “recommended for you” did not change after four views and an order")
    visit.want(found, "recently_viewed", len(seen), where="home again")

    visit.go(NOTHING_FOUND)
    visit.want(visit.rows("8-nothing-found"), "trending", ROW, where="search without results")


def filling(visit: Visit) -> None:
    """The cart's row changes with what is put into the cart, and with what is taken out."""
    shown: list[tuple[str, ...]] = []
    for number, words in enumerate(("", SEARCHES[0])):
        if words:
            visit.open_first_result(words)
        visit.page.get_by_role("button", name="Add to cart").click()
        row = visit.want(visit.rows(f"4-cart-{number + 1}"), "bought_together", ROW, where="cart")
        shown.append(row.codes if row is not None else ())
    visit.page.get_by_role("button", name="Remove").last.click()
    visit.page.wait_for_load_state("networkidle")
    row = visit.want(slates.read(visit.page), "bought_together", ROW, where="cart after one was taken out")
    shown.append(row.codes if row is not None else ())
    for one, other in ((0, 1), (1, 2)):
        if shown[one] == shown[other]:
            visit.problems.append(f"cart: the row is the same although the cart has changed ({'taken out' if one else 'put in'})")


def declining(visit: Visit) -> None:
    """Who declines is shown the shop and is not remembered; and all of it works without a script."""
    visit.go("/")
    visit.page.get_by_role("button", name="Decline").click()
    visit.page.wait_for_load_state("networkidle")
    visit.open_first_result(SEARCHES[0])
    visit.want(visit.rows("product"), "you_may_also_like", ROW, where="product, no script")
    visit.go(CATEGORY)
    visit.look("category")
    framed = slates.read(visit.page.frames[-1])
    visit.want(framed, "trending", ROW, where="category, no script")
    if visit.page.frames[-1] == visit.page.main_frame:
        visit.problems.append("category, no script: no frame stands for the row that comes later")
    visit.page.go_back()
    visit.page.get_by_role("button", name="Add to cart").click()
    visit.want(visit.rows("cart"), "bought_together", ROW, where="cart, no script")
    visit.go("/")
    found = visit.rows("home")
    for name, size in HOME_ROWS.items():
        visit.want(found, name, size, where="home, no script")
    if any(slate.strategy == "recently_viewed" for slate in found):
        visit.problems.append("home, no script: “recently viewed” although cookies were declined")
    kept = {cookie.get("name", "") for cookie in visit.page.context.cookies()} - WITHOUT_CONSENT
    if kept:
        visit.problems.append(f"cookies were declined, but these were set: {', '.join(sorted(kept))}")


def reading(visit: Visit) -> None:
    """Print the rows of ten products, and of ten carts with what goes with them; everybody comes for the first time."""
    for number, cart in enumerate(CARTS, 1):
        visit.page.context.clear_cookies()
        for place, words in enumerate(cart):
            code, group = visit.open_first_result(words)
            if not place:
                visit.settle_similar(code)
                row = visit.want(slates.read(visit.page), "you_may_also_like", ROW, where=f"product {code}", seed_group=group)
                say(f"\nproduct {number}: {visit.page.locator('h1').text_content()}")
                for line in row.lines() if row is not None else ():
                    say(line)
            visit.page.get_by_role("button", name="Add to cart").click()
        visit.page.wait_for_load_state("networkidle")
        row = visit.want(slates.read(visit.page), "bought_together", ROW, where=f"cart {number}")
        titles = visit.page.locator(".line-words > a").all_inner_texts()
        if len(titles) != len(cart):
            visit.problems.append(f"cart {number}: holds {len(titles)} products instead of {len(cart)}")
        say(f"cart {number}: {' + '.join(titles)}")
        for line in row.lines() if row is not None else ():
            say(line)


def merchandising(visit: Visit, merchant: Visit) -> None:
    """What a merchant says in the admin holds on every page of every worker."""
    visit.go("/")
    visit.page.get_by_role("button", name="Accept").click()
    visit.open_first_result(SEARCHES[1])
    seed, product = visit.key(), visit.page.url
    visit.page.get_by_role("button", name="Add to cart").click()
    # Of the category whose page is watched; and what was looked at is to vanish from “recently viewed” too.
    visit.go(CATEGORY)
    cards = visit.page.locator(".grid .card:not(.gone)")
    keys = []
    for address in cards.locator("a").evaluate_all("links => links.map(link => link.href)")[:2]:
        visit.go(address)
        keys.append(visit.key())
    hidden, gone = keys
    later = LATER.findall(visit.page.request.get(visit.base + CATEGORY).text())
    if not later:
        visit.problems.append("category: no row that comes later")
    paths = ["/", product.removeprefix(visit.base), "/cart/", NOTHING_FOUND, NOT_FOUND, *map(unescape, later)]
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in visit.page.context.cookies())
    agent = str(visit.page.evaluate("navigator.userAgent"))
    watching = Watch(visit.base, paths, {"Cookie": cookies, "User-Agent": agent})
    steer(merchant, Steered(SHOP, "shop.product", "is_active"), watching, hidden, gone, seed)


def check(base: str, screenshots: Path) -> list[str]:
    problems: list[str] = []

    def keep(visit: Visit) -> None:
        problems.extend(f"{visit.name}: {problem}" for problem in visit.problems)

    with chromium() as browser:
        with Visit.of(browser, base, "desktop", screenshots) as visit:
            visit.loud = True
            shopping(visit)
            keep(visit)
        with Visit.of(browser, base, "phone", screenshots, width="phone") as visit:
            shopping(visit)
            keep(visit)
        with Visit.of(browser, base, "no-script", screenshots, scripts=False) as visit:
            declining(visit)
            keep(visit)
        with Visit.of(browser, base, "reader", screenshots) as visit:
            reading(visit)
            keep(visit)
        with (
            Visit.of(browser, base, "shopper", screenshots) as visit,
            Visit.of(browser, base, "merchant", screenshots) as merchant,
        ):
            merchandising(visit, merchant)
            keep(visit)
            keep(merchant)
    return problems


def start(log: Path) -> AbstractContextManager[str]:
    os.environ["GIFTSHOP_DEBUG"] = "0"  # with its own page for what is not found
    return running_shop(SHOP, "giftshop.wsgi", log)


if __name__ == "__main__":
    sys.exit(main(__doc__, start, check))
