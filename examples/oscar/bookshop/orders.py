"""Made-up customers and orders: the sandbox has books, but hardly anybody who bought any.

Each customer likes one shelf and a few words of its titles, so that some books are bought together more often than by chance. The
same seed makes the same orders, dated back from now.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.utils import timezone
from oscar.core.loading import get_model

SEED: Final = 20_13
CUSTOMERS: Final = 150
DAYS: Final = 120
WORD: Final = re.compile(r"[A-Za-z]{4,}")

Order = get_model("order", "Order")
Line = get_model("order", "Line")
Product = get_model("catalogue", "Product")
Site = get_model("sites", "Site")


def load(customers: int = CUSTOMERS, seed: int = SEED) -> int:
    """Make the customers and their orders; return how many lines they have."""
    chance = random.Random(seed)
    shelves = _shelves()
    accounts = _accounts(customers)
    lines = []
    for number, account in enumerate(accounts):
        shelf = shelves[number % len(shelves)]
        for turn in range(chance.randint(1, 4)):
            order = _order(account, f"{10_000 + number * 10 + turn}", chance)
            lines += [_line(order, product) for product in _basket(shelf, chance)]
    return len(Line.objects.bulk_create(lines))


def _shelves() -> list[list[Any]]:
    """Return the books by category."""
    found: dict[str, list[Any]] = defaultdict(list)
    books = Product.objects.filter(structure=Product.STANDALONE).prefetch_related("categories", "stockrecords").order_by("pk")
    for book in books:
        found[book.categories.all()[0].name].append(book)
    return list(found.values())


def _accounts(customers: int) -> list[Any]:
    made = get_user_model()
    people = [made(username=f"reader-{n}", email=f"reader-{n}@example.org", password="!") for n in range(customers)]  # noqa: S106
    made.objects.bulk_create(people)
    return list(made.objects.filter(username__startswith="reader-").order_by("pk"))


def _basket(shelf: Sequence[Any], chance: random.Random) -> list[Any]:
    """Return a book and two or three that share a word with it, or stand near it."""
    start = chance.randrange(len(shelf))
    words = {word.lower() for word in WORD.findall(shelf[start].title)}
    alike = [book for book in shelf if words & {word.lower() for word in WORD.findall(book.title)}]
    near = [shelf[(start + step) % len(shelf)] for step in range(-2, 3)]
    pool = list(dict.fromkeys([*alike, *near]))
    return [
        shelf[start],
        *chance.sample([b for b in pool if b is not shelf[start]], k=min(2 + chance.randrange(2), len(pool) - 1)),
    ]


def _order(account: Any, number: str, chance: random.Random) -> Any:
    placed = timezone.now() - timedelta(days=DAYS * chance.random())
    money = {"currency": "GBP", "total_incl_tax": 0, "total_excl_tax": 0, "shipping_incl_tax": 0, "shipping_excl_tax": 0}
    return Order.objects.create(
        number=number, user=account, site=Site.objects.get_current(), status="Complete", date_placed=placed, **money
    )


def _line(order: Any, product: Any) -> Any:
    record = product.stockrecords.all()[0]
    price: Decimal = record.price
    kinds = ("line_price_incl_tax", "line_price_excl_tax", "unit_price_incl_tax", "unit_price_excl_tax")
    kinds += ("line_price_before_discounts_incl_tax", "line_price_before_discounts_excl_tax")
    return Line(
        order=order,
        product=product,
        stockrecord=record,
        partner=record.partner,
        partner_name=record.partner.name,
        partner_sku=record.partner_sku,
        title=product.title,
        upc=product.upc,
        quantity=1,
        num_allocated=0,
        **dict.fromkeys(kinds, price),
    )
