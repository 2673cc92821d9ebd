"""The books of oscar's sandbox: categories, products, stock, covers, and shirts in several sizes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from django.core.files import File
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.core.loading import get_model

DATA: Final = Path(__file__).resolve().parent.parent / "data"
FILES: Final = ("books.essential.csv", "books.hacking.csv", "books.computers-in-fiction.csv")
SHIRTS: Final = ("Oscar T-shirt", "commandlinefu T-shirt", "Django T-shirt")
SIZES: Final = ("Small", "Medium", "Large")

Product = get_model("catalogue", "Product")
ProductClass = get_model("catalogue", "ProductClass")
ProductImage = get_model("catalogue", "ProductImage")
Partner = get_model("partner", "Partner")
StockRecord = get_model("partner", "StockRecord")


def rows(limit: int | None = None) -> Iterator[dict[str, str]]:
    """Yield the books of all files, as many of each as wanted."""
    names = ("kind", "category", "upc", "title", "description", "partner", "sku", "price", "stock")
    for name in FILES:
        with (DATA / name).open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file)):
                if limit is not None and number >= limit:
                    break
                yield dict(zip(names, row, strict=True))


def load(limit: int | None = None, *, covers: bool = True) -> int:
    """Load books and shirts into an empty shop; return how many products can be bought."""
    count = 0
    known: dict[str, Any] = {}
    for row in rows(limit):
        if row["upc"] in known:  # on two shelves
            known[row["upc"]].categories.add(create_from_breadcrumbs(row["category"]))
            continue
        product = known[row["upc"]] = _product(
            row["kind"], row["category"], upc=row["upc"], title=row["title"], description=row["description"]
        )
        _stock(product, row["partner"], row["sku"], Decimal(row["price"]), int(row["stock"]))
        if covers:
            _cover(product)
        count += 1
    return count + sum(_shirt(title, number) for number, title in enumerate(SHIRTS))


def _product(kind: str, category: str, **fields: Any) -> Any:
    made, _ = ProductClass.objects.get_or_create(name=kind, defaults={"track_stock": True, "requires_shipping": True})
    product = Product.objects.create(product_class=made, **fields)
    product.categories.add(create_from_breadcrumbs(category))
    return product


def _stock(product: Any, partner: str, sku: str, price: Decimal, pieces: int) -> None:
    keeper, _ = Partner.objects.get_or_create(name=partner)
    StockRecord.objects.create(product=product, partner=keeper, partner_sku=sku, price=price, num_in_stock=pieces)


def _cover(product: Any) -> None:
    path = DATA / "covers" / f"{product.upc}.jpg"
    if path.exists():
        with path.open("rb") as file:
            ProductImage.objects.create(product=product, original=File(file, name=path.name))


def _shirt(title: str, number: int) -> int:
    parent = _product("T-shirt", "Clothing", title=title, description=f"A {title} of cotton.", structure=Product.PARENT)
    for size in SIZES:
        child = Product.objects.create(parent=parent, structure=Product.CHILD, title=f"{title}, {size.lower()}")
        _stock(child, "Clothing partner", f"shirt-{number}-{size}", Decimal("14.99") + number, 20)
    return len(SIZES)
