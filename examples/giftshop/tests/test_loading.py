"""``load_shop``: complete, idempotent, with dates that end yesterday."""

import csv
import gzip
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from shop.loading import files
from shop.models import Category, Order, OrderLine, Product

ORDERS = 40


@pytest.fixture
def first_orders(tmp_path, monkeypatch):
    """The data files, cut to the first orders."""
    (tmp_path / "products.csv.gz").write_bytes((files.DATA / "products.csv.gz").read_bytes())
    orders = list(files.rows("orders.csv.gz"))[:ORDERS]
    lines, order = [], -1
    for line in files.rows("order_lines.csv.gz"):
        order += int(line["order_step"])
        if order >= ORDERS:
            break
        lines.append(line)
    for name, rows in (("orders.csv.gz", orders), ("order_lines.csv.gz", lines)):
        with gzip.open(tmp_path / name, "wt", newline="") as out:
            writer = csv.DictWriter(out, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    monkeypatch.setattr(files, "DATA", tmp_path)
    return lines


def test_catalogue_is_whole(db):
    assert 3_500 < Product.objects.count() < 3_700
    assert 10 <= Category.objects.filter(parent=None).count() <= 14
    assert not Product.objects.filter(category__parent=None).exists()
    leftovers = Product.objects.filter(category__path="Gifts > More gifts").count()
    assert leftovers < Product.objects.count() / 10
    assert Product.objects.in_stock().count() > 2_000


def test_orders_end_yesterday_and_belong_to_customers(db, first_orders):
    call_command("load_shop", replace=True, verbosity=0)
    assert Order.objects.count() == ORDERS
    assert OrderLine.objects.count() == len(first_orders)
    last = Order.objects.first()
    assert timezone.localtime(last.placed_at).date() == timezone.localdate() - timedelta(days=1)
    assert last.user.username.startswith("customer-")
    assert not last.user.has_usable_password()
    assert last.total > 0


def test_dates_can_be_kept(db, first_orders):
    call_command("load_shop", replace=True, keep_dates=True, verbosity=0)
    assert {order.placed_at.year for order in Order.objects.all()} == {2011}


def test_loading_twice_changes_nothing(db, first_orders):
    before = Product.objects.count()
    call_command("load_shop", verbosity=0)
    assert Product.objects.count() == before
    assert Order.objects.count() == 0


def test_replacing_keeps_keys_and_mends_what_was_changed(db, first_orders):
    before = dict(Product.objects.values_list("stock_code", "pk"))
    Product.objects.filter(stock_code="85123A").update(title="Something Else")
    call_command("load_shop", replace=True, verbosity=0)
    assert dict(Product.objects.values_list("stock_code", "pk")) == before
    assert Product.objects.get(stock_code="85123A").title == "White Hanging Heart T-Light Holder"
