"""What shoppers do in an oscar shop, as interactions; orders as purchases, each counted once."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from django_reco.indexer import read_orders
from django_reco.recommender import process
from django_reco.testing import reset
from oscar.apps.order.signals import order_placed
from oscar.core.loading import get_model

Line = get_model("order", "Line")
Order = get_model("order", "Order")
Product = get_model("catalogue", "Product")
WishList = get_model("wishlists", "WishList")

AGES_AGO = timedelta(days=400)


@pytest.fixture
def reader(shopper):
    person = get_user_model().objects.create_user("ada", "ada@example.org", "ada")
    shopper.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    yield person
    reset()


def done(person):
    """What is known of an account: (kind, item or words), oldest first."""
    backend = process.backend(in_line=True)
    backend.flush()
    stored = backend.facade.run(backend.facade.core.store.interactions_since(0))
    mine = [entry.interaction for entry in stored if entry.interaction.user_id == str(person.pk)]
    return [(entry.kind, entry.item_id or entry.query) for entry in mine]


def test_views_baskets_searches_and_wishes_are_recorded(shopper, reader, book, shirt):
    child = shirt.children.first()
    shopper.get(child.get_absolute_url())
    shopper.post(f"/basket/add/{book.pk}/", {"quantity": 1})
    shopper.get("/search/", {"q": "design patterns"})
    shopper.get("/search/")
    WishList.objects.create(owner=reader).add(book)
    assert done(reader) == [
        ("view_item", f"catalogue.product:{shirt.pk}"),
        ("add_to_cart", f"catalogue.product:{book.pk}"),
        ("search", "design patterns"),
        ("add_to_wishlist", f"catalogue.product:{book.pk}"),
    ]


def placed(person, number, *products):
    money = {"currency": "GBP", "total_incl_tax": 0, "total_excl_tax": 0}
    order = Order.objects.create(number=number, user=person, date_placed=timezone.now() - AGES_AGO, **money)
    prices = ("line_price_incl_tax", "line_price_excl_tax", "line_price_before_discounts_incl_tax")
    prices += ("line_price_before_discounts_excl_tax",)
    for product in products:
        Line.objects.create(
            order=order,
            product=product,
            title="-",
            partner_name="-",
            partner_sku="-",
            num_allocated=0,
            **dict.fromkeys(prices, 1),
        )
    return order


def test_an_order_is_a_purchase_of_each_line_once(shopper, reader, book, shirt, django_capture_on_commit_callbacks):
    order = placed(reader, "77-1", book, shirt.children.first())
    expected = [("purchase", f"catalogue.product:{book.pk}"), ("purchase", f"catalogue.product:{shirt.pk}")]
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            order_placed.send(sender=None, order=order, user=reader)
    assert done(reader) == expected
    read_orders(process.backend(), rebuild=True)
    assert done(reader) == expected


def test_what_is_rolled_back_was_never_bought(shopper, reader, book, django_capture_on_commit_callbacks):
    order = placed(reader, "77-2", book)
    with django_capture_on_commit_callbacks():  # none of them runs
        order_placed.send(sender=None, order=order, user=reader)
    order.lines.all().delete()
    assert done(reader) == []
