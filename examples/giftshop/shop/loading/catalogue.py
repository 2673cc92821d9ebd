"""Categories and products, with the stock and popularity that follow from the orders."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from django.utils.text import slugify

from shop.loading.files import moment, rows
from shop.loading.orders import sales
from shop.loading.progress import Progress
from shop.models import Category, Product

POPULAR_DAYS: Final = 90
# What nobody could buy for half a year is sold out; the log knows no stock, so it is read from the sales.
SOLD_OUT_DAYS: Final = 180
WEEKS_IN_STOCK: Final = 4


def load(shift: timedelta, progress: Progress) -> dict[str, int]:
    """Fill both tables and answer with the key of every stock code."""
    records = list(rows("products.csv.gz"))
    categories = _categories({record["category"] for record in records})
    recent_orders, recent_units, last_sold, last_day = _demand()
    products: list[Product] = []
    for done, record in enumerate(records, 1):
        code = record["stock_code"]
        gone = (last_day - last_sold.get(code, date.min)).days > SOLD_OUT_DAYS
        weekly = recent_units[code] * 7 / POPULAR_DAYS
        products.append(
            Product(
                stock_code=code,
                title=record["title"],
                slug=slugify(record["title"]) or code.lower(),
                category=categories[record["category"]],
                group_code=record["group_code"],
                price=Decimal(record["price"]),
                stock=0 if gone else max(3, round(weekly * WEEKS_IN_STOCK)),
                order_count=recent_orders[code],
                published_at=moment(record["first_sold"], shift),
            )
        )
        progress(done, len(records))
    # Keys stay what they are: carts, and what was learnt about a product, speak of them.
    Product.objects.bulk_create(
        products,
        update_conflicts=True,
        unique_fields=["stock_code"],
        update_fields=[
            "title", "slug", "category", "group_code", "price", "stock", "is_active", "order_count", "published_at"
        ],
    )  # fmt: skip
    Category.objects.exclude(parent=None).filter(products=None).delete()
    return dict(Product.objects.values_list("stock_code", "pk"))


def _categories(paths: set[str]) -> dict[str, Category]:
    names = sorted({path.split(" > ")[0] for path in paths})
    _save([Category(name=name, slug=slugify(name), path=name) for name in names])
    departments = {category.path: category for category in Category.objects.filter(parent=None)}
    shelves = []
    for path in sorted(paths):
        department, shelf = path.split(" > ")
        shelves.append(Category(parent=departments[department], name=shelf, slug=slugify(shelf), path=path))
    _save(shelves)
    return {category.path: category for category in Category.objects.exclude(parent=None)}


def _save(categories: list[Category]) -> None:
    Category.objects.bulk_create(
        categories, update_conflicts=True, unique_fields=["path"], update_fields=["name", "slug", "parent"]
    )


def _demand() -> tuple[Counter[str], Counter[str], dict[str, date], date]:
    recent_orders: Counter[str] = Counter()
    recent_units: Counter[str] = Counter()
    last_sold: dict[str, date] = {}
    everything = list(sales())
    last_day = max(sale.day for sale in everything)
    first_recent = last_day - timedelta(days=POPULAR_DAYS)
    for sale in everything:
        last_sold[sale.stock_code] = sale.day
        if sale.day > first_recent:
            recent_orders[sale.stock_code] += 1
            recent_units[sale.stock_code] += sale.quantity
    return recent_orders, recent_units, last_sold, last_day
