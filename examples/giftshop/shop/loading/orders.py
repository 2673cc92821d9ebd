"""Customers, orders and order lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Final

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.utils import timezone

from shop.loading.files import moment, rows
from shop.loading.progress import Progress
from shop.models import Order, OrderLine

BATCH: Final = 5000


@dataclass(frozen=True, slots=True)
class Sale:
    order: int
    stock_code: str
    quantity: int
    pence: int
    day: date


def sales() -> Iterator[Sale]:
    """Every order line with its order's position and day, oldest first."""
    days = [date.fromisoformat(row["placed_at"][:10]) for row in rows("orders.csv.gz")]
    order = -1
    for row in rows("order_lines.csv.gz"):
        order += int(row["order_step"])
        yield Sale(order, row["stock_code"], int(row["quantity"]), int(row["pence"]), days[order])


def days_to_yesterday(*, keep: bool) -> timedelta:
    """How far all dates move so that the last order was placed yesterday."""
    if keep:
        return timedelta(0)
    last = max(datetime.fromisoformat(row["placed_at"]) for row in rows("orders.csv.gz"))
    return timedelta(days=(timezone.localdate() - timedelta(days=1) - last.date()).days)


def load(products: dict[str, int], shift: timedelta, progress: Progress) -> None:
    headers = list(rows("orders.csv.gz"))
    customers = _customers({row["customer"] for row in headers})
    Order.objects.bulk_create(
        [
            Order(
                number=row["number"],
                user_id=customers[row["customer"]],
                country=row["country"],
                placed_at=moment(row["placed_at"], shift),
            )
            for row in headers
        ],
        batch_size=BATCH,
    )
    keys = dict(Order.objects.values_list("number", "pk"))
    order_keys = [keys[row["number"]] for row in headers]
    everything = list(sales())
    done = 0
    source = iter(everything)
    while chunk := list(islice(source, BATCH)):
        OrderLine.objects.bulk_create(
            [
                OrderLine(
                    order_id=order_keys[sale.order],
                    product_id=products[sale.stock_code],
                    quantity=sale.quantity,
                    unit_price=Decimal(sale.pence).scaleb(-2),
                )
                for sale in chunk
            ]
        )
        done += len(chunk)
        progress(done, len(everything))


def _customers(numbers: set[str]) -> dict[str, int]:
    """Accounts that nobody can log in to, kept when they are there already."""
    names = {number: f"customer-{number}" for number in sorted(numbers)}
    unusable = make_password(None)
    User.objects.bulk_create([User(username=name, password=unusable) for name in names.values()], ignore_conflicts=True)
    keys = dict(User.objects.filter(username__startswith="customer-").values_list("username", "pk"))
    return {number: keys[name] for number, name in names.items()}
