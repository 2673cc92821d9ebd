#!/usr/bin/env python
"""Make the shop's data files from the raw order log: ``prepare_data.py ONLINE_RETAIL.parquet``.

Needs pyarrow; the shop itself only reads the compressed CSV files that this writes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from statistics import median_low
from typing import Final

import pyarrow.parquet as pq

from prepare.categories import category_of
from prepare.titles import readable_title
from prepare.variants import group_codes

logger = logging.getLogger("prepare_data")

DATA: Final = Path(__file__).resolve().parent / "data"
FIRST_ORDER_DAY: Final = date(2011, 1, 9)  # ten months before the last order of the log
NOT_GOODS: Final = frozenset({"Next Day Carriage", "Packing Charge", "High Resolution Image"})
STOCK_CODE: Final = re.compile(r"^\d{5}")


@dataclass(frozen=True, slots=True)
class Line:
    invoice: str
    stock_code: str
    description: str
    quantity: int
    placed_at: datetime
    pence: int
    customer: int
    country: str


@dataclass(slots=True)
class Product:
    descriptions: Counter[str] = field(default_factory=Counter)
    prices: list[int] = field(default_factory=list)
    first_sold: datetime = datetime.max  # noqa: DTZ901 - the log's times name no zone


def clean_lines(source: Path) -> Iterator[Line]:
    """Sales of goods to known customers, in the order of the log."""
    for batch in pq.ParquetFile(source).iter_batches():
        for row in batch.to_pylist():
            customer = row["CustomerID"]
            code = (row["StockCode"] or "").strip().upper()
            known = customer is not None and customer == customer  # noqa: PLR0124 - a missing customer is a NaN
            if not known or row["Quantity"] <= 0 or row["UnitPrice"] <= 0:
                continue
            if row["InvoiceNo"].startswith("C") or not STOCK_CODE.match(code):
                continue
            yield Line(
                invoice=row["InvoiceNo"],
                stock_code=code,
                description=row["Description"] or "",
                quantity=int(row["Quantity"]),
                placed_at=row["InvoiceDate"],
                pence=max(1, round(row["UnitPrice"] * 100)),
                customer=int(customer),
                country=row["Country"],
            )


def products_of(lines: Iterable[Line]) -> list[list[object]]:
    found: dict[str, Product] = defaultdict(Product)
    for line in lines:
        product = found[line.stock_code]
        product.descriptions[" ".join(line.description.split())] += 1
        product.prices.append(line.pence)
        product.first_sold = min(product.first_sold, line.placed_at)
    titles = {code: readable_title(product.descriptions.most_common(1)[0][0]) for code, product in found.items()}
    titles = {code: title for code, title in titles.items() if title and title not in NOT_GOODS}
    groups = group_codes(titles)
    rows: list[list[object]] = []
    for code in sorted(titles):
        product = found[code]
        price = f"{median_low(product.prices) / 100:.2f}"
        path = " > ".join(category_of(titles[code]))
        rows.append([code, titles[code], path, groups.get(code, ""), price, product.first_sold.date().isoformat()])
    return rows


def orders_of(lines: Iterable[Line], known: set[str]) -> tuple[list[list[object]], list[list[object]]]:
    """(orders, lines), each line naming its order by its position in the first list."""
    headers: dict[str, Line] = {}
    baskets: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for line in lines:
        if line.placed_at.date() < FIRST_ORDER_DAY or line.stock_code not in known:
            continue
        headers.setdefault(line.invoice, line)
        entry = baskets[line.invoice].setdefault(line.stock_code, [0, line.pence])
        entry[0] += line.quantity
    orders: list[list[object]] = []
    order_lines: list[list[object]] = []
    for invoice in sorted(headers, key=lambda number: (headers[number].placed_at, number)):
        head = headers[invoice]
        orders.append([invoice, head.customer, head.country, head.placed_at.strftime("%Y-%m-%dT%H:%M")])
        for code, (quantity, pence) in sorted(baskets[invoice].items()):
            order_lines.append([len(orders) - 1, code, quantity, pence])
    # An order number repeats for every line: only its change is written.
    previous = -1
    for row in order_lines:
        number = int(str(row[0]))
        row[0] = number - previous
        previous = number
    return orders, order_lines


def write(name: str, header: list[str], rows: list[list[object]]) -> None:
    path = DATA / name
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    # A fixed time stamp: the same source gives the same bytes.
    path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))
    logger.info("%s: %s rows, %.0f kB", path.name, f"{len(rows):,}", path.stat().st_size / 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="online_retail.parquet")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    DATA.mkdir(exist_ok=True)
    lines = list(clean_lines(arguments.source))
    products = products_of(lines)
    orders, order_lines = orders_of(lines, {str(row[0]) for row in products})
    write("products.csv.gz", ["stock_code", "title", "category", "group_code", "price", "first_sold"], products)
    write("orders.csv.gz", ["number", "customer", "country", "placed_at"], orders)
    write("order_lines.csv.gz", ["order_step", "stock_code", "quantity", "pence"], order_lines)


if __name__ == "__main__":
    main()
