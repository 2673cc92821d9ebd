import datetime as dt
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

import django_reco as reco
from django_reco.conf import OrdersSpec
from django_reco.orders import Orders, orders
from tests.django.shops.keys.models import Bought, Cover, Phone
from tests.django.shops.plain.models import Order, OrderLine
from tests.django.shops.variants.models import Item, Purchase, PurchaseItem

pytestmark = pytest.mark.django_db
PLAIN = OrdersSpec(
    model="plain.OrderLine",
    item="product",
    group="order",
    user="order.user",
    quantity="quantity",
    price="price",
    at="order.created_at",
    where={"order__paid": True},
)


class Log:
    """A store that knows each purchase once."""

    def __init__(self):
        self.by_id = {}
        self.calls = 0

    def __call__(self, purchases):
        before = len(self.by_id)
        self.calls += 1
        self.by_id.update({p.event_id: p for p in purchases})
        return len(self.by_id) - before


def order(products, *, paid=True, user=None, days=0, **fields):
    made = Order.objects.create(user=user, paid=paid, created_at=timezone.now() - dt.timedelta(days=days))
    for product in products:
        OrderLine.objects.create(order=made, product=product, price=product.price, **fields)
    return made


def test_lines_are_purchases(products, django_assert_num_queries):
    user = User.objects.create(username="u")
    made = order(products[:2], user=user, quantity=3)
    guest = order(products[2:3])
    log = Log()
    with django_assert_num_queries(1):
        report, state = Orders(PLAIN).read(None, log)
    assert (report.read, report.new, report.refused) == (3, 3, 0)
    first, _, third = log.by_id.values()
    assert first.item_id == f"plain.product:{products[0].pk}"
    assert (first.user_id, first.visitor_id, first.quantity, first.value) == (str(user.pk), None, 3, float(products[0].price))
    assert first.session_id == f"order:plain.order:{made.pk}"
    assert first.event_id == f"order:plain.orderline:{made.lines.first().pk}"
    assert first.at == made.created_at
    assert third.visitor_id == f"order:plain.order:{guest.pk}"
    assert Orders(PLAIN).read(state, log)[0].read == 0


def test_what_was_given_back_takes_its_purchase_back(products):
    spec = replace(PLAIN, refunded={"quantity": 7})
    log, user = Log(), User.objects.create(username="u")
    order(products[:2], user=user)
    Orders(spec).read(None, log)
    assert len(log.by_id) == 2
    _, back = Orders(spec, refunded=True).read(None, log)
    assert (len(log.by_id), back) == (2, None)

    given = OrderLine.objects.first()
    OrderLine.objects.filter(pk=given.pk).update(quantity=7)
    report, back = Orders(spec, refunded=True).read(back, log)
    assert (report.read, report.new) == (1, 1)
    refund = log.by_id[f"refund:order:plain.orderline:{given.pk}"]
    assert (refund.kind, refund.item_id, refund.user_id) == ("refund", f"plain.product:{given.product_id}", str(user.pk))
    assert refund.at == log.by_id[f"order:plain.orderline:{given.pk}"].at

    # One that was never read as bought, and an older one that is given back later, behind the cursor.
    order(products[2:3], quantity=7, days=2)
    report, back = Orders(spec, refunded=True).read(back, log)
    assert report.new == 1
    assert [one.kind for one in log.by_id.values()].count("purchase") == 3
    assert Orders(spec, refunded=True).read(back, log)[0].new == 0


def test_a_refund_of_the_shop_is_no_bestseller(products, settings):
    lines = {"model": "plain.OrderLine", "item": "product", "group": "order", "at": "order.created_at"}
    orders = {**lines, "where": {"order__paid": True}, "refunded": {"quantity": 7}}
    settings.RECO = {"ITEMS": "plain.Product", "ORDERS": orders, "MODE": "inline"}
    for _ in range(3):
        order(products[:1], quantity=7)
    order(products[1:2])
    assert reco.recommend(None, "bestsellers", n=8, strict=True).objects == (products[1],)


def test_new_lines_only(products):
    log = Log()
    order(products[:2], days=3)
    _, state = Orders(PLAIN).read(None, log)
    order(products[2:4])
    report, state = Orders(PLAIN).read(state, log)
    assert (report.read, report.new) == (2, 2)
    assert Orders(PLAIN).read(state, log)[1] == state


def test_paid_later_is_found_behind_the_cursor(products):
    log = Log()
    late = order(products[:2], paid=False, days=5)
    for day in range(4):
        order(products[2:4], days=day)
    _, state = Orders(PLAIN).read(None, log, chunk=3)
    assert len(log.by_id) == 8
    late.paid = True
    late.save()
    assert Orders(PLAIN).read(state, log, recount=False)[0].new == 0
    report, state = Orders(PLAIN).read(state, log, chunk=3)
    assert report.new == 2
    assert Orders(PLAIN).read(state, log)[0].read == 0


def test_deleted_orders_do_not_disturb(products):
    log = Log()
    old = order(products[:2], days=5)
    order(products[2:4])
    _, state = Orders(PLAIN).read(None, log)
    old.delete()
    report, state = Orders(PLAIN).read(state, log)
    assert report.read == 0
    order(products[:1])
    assert Orders(PLAIN).read(state, log)[0].new == 1


def test_same_time_many_lines(products):
    log = Log()
    at = timezone.now()
    for _ in range(10):
        Order.objects.filter(pk=order(products[:2]).pk).update(created_at=at)
    report, state = Orders(PLAIN).read(None, log, chunk=3)
    assert (report.read, report.new) == (20, 20)
    assert Orders(PLAIN).read(state, log)[0].read == 0


def test_lines_that_cannot_be(products, caplog):
    order(products[:1], quantity=0)
    order(products[1:2])
    log = Log()
    report, _ = Orders(PLAIN).read(None, log)
    assert (report.read, report.new, report.refused) == (2, 1, 1)
    assert "quantity" in caplog.text


def test_without_time_lines_are_read_by_key(products):
    order(products[:3])
    log = Log()
    source = Orders(OrdersSpec(model="plain.OrderLine", item="product"))
    report, state = source.read(None, log, chunk=2)
    assert report.new == 3
    assert source.read(state, log)[0].read == 0
    line = next(iter(log.by_id.values()))
    assert line.session_id.startswith("order:plain.orderline:")
    other = Orders(PLAIN)
    assert other.read(state, log)[0].new == 0  # read again in the other order, counted once
    assert other.read(state, log)[0].read == 3


def test_reverse_many_to_many(settings):
    settings.RECO = {"ITEMS": {"model": "variants.Item", "text": "name", "canonical": "parent"}, "MODE": "inline"}
    shirt = Item.objects.create(name="Shirt")
    small = Item.objects.create(name="S", parent=shirt)
    line = PurchaseItem.objects.create(item=small, ordered=True, quantity=2)
    PurchaseItem.objects.create(item=shirt, ordered=False)
    purchase = Purchase.objects.create(ordered_date=timezone.now(), user=User.objects.create(username="u"))
    purchase.lines.add(line)
    spec = OrdersSpec(
        model="variants.PurchaseItem",
        item="item",
        group="purchase_set",
        user="purchase_set.user",
        at="purchase_set.ordered_date",
        quantity="quantity",
        where={"ordered": True},
    )
    log = Log()
    Orders(spec).read(None, log)
    [bought] = log.by_id.values()
    assert (bought.item_id, bought.quantity) == (f"variants.item:{shirt.pk}", 2)
    assert bought.session_id == f"order:variants.purchase:{purchase.pk}"
    assert bought.user_id == str(purchase.user_id)
    assert bought.at == purchase.ordered_date


def test_generic_lines(settings):
    settings.RECO = {"ITEMS": ["keys.Phone", "keys.Cover"], "MODE": "inline"}
    phone = Phone.objects.create(name="P", price=1)
    cover = Cover.objects.create(code="c-1", name="C", price=1)
    user = User.objects.create(username="u")
    for obj in (phone, cover, user):
        kind = ContentType.objects.get_for_model(obj)
        Bought.objects.create(number="n1", product_content_type=kind, product_id=str(obj.pk))
    expected = [f"keys.phone:{phone.pk}", "keys.cover:c-1"]
    for spec in (
        OrdersSpec(model="keys.Bought", item="product_id", content_type="product_content_type", group="number", at="at"),
        OrdersSpec(model="keys.Bought", item="product", group="number", at="at"),
    ):
        log = Log()
        report, _ = Orders(spec).read(None, log)
        assert [p.item_id for p in log.by_id.values()] == expected
        assert report.without_item == 1
        assert {p.session_id for p in log.by_id.values()} == {"order:keys.bought:n1"}


def test_inline_mode_reads_orders(products, settings):
    import django_reco as reco

    settings.RECO = {
        **settings.RECO,
        "ORDERS": {"model": "plain.OrderLine", "item": "product", "group": "order", "at": "order.created_at"},
    }
    for _ in range(3):
        order([products[7]])
    assert reco.recommend(None, "bestsellers", n=1)[0] == products[7]
    assert [source.label for source in orders()] == ["plain.orderline"]
