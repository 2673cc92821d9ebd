"""From the shelf to the confirmation."""

import pytest

from shop.models import Order, Product

ADDRESS = {"name": "Ada", "email": "ada@example.org", "address": "1 Juniper Road", "country": "United Kingdom"}


@pytest.fixture
def full_cart(client, teacup):
    client.post(f"/cart/add/{teacup.pk}/", {"quantity": "3"})
    return teacup


def test_cart_adds_up(client, full_cart):
    page = client.get("/cart/")
    assert len(page.context["cart"]) == 3
    assert page.context["cart"].total == full_cart.price * 3


def test_quantity_changes_and_line_goes(client, full_cart):
    client.post(f"/cart/change/{full_cart.pk}/", {"quantity": "2"})
    assert client.get("/cart/").context["cart"].total == full_cart.price * 2
    client.post(f"/cart/change/{full_cart.pk}/", {"quantity": "0"})
    assert "Your cart is empty" in client.get("/cart/").text


@pytest.mark.parametrize("quantity", ["0", "-1", "many", "", "99999999999"])
def test_nonsense_quantity_buys_at_most_one(client, teacup, quantity):
    client.post(f"/cart/add/{teacup.pk}/", {"quantity": quantity})
    assert len(client.get("/cart/").context["cart"]) <= 1


def test_no_more_than_there_is(client, teacup):
    Product.objects.filter(pk=teacup.pk).update(stock=2)
    client.post(f"/cart/add/{teacup.pk}/", {"quantity": "9"})
    assert len(client.get("/cart/").context["cart"]) == 2


def test_order_is_placed_once_and_stock_falls(client, full_cart):
    before = Product.objects.get(pk=full_cart.pk).stock
    answer = client.post("/checkout/", ADDRESS, follow=True)
    order = Order.objects.get(name="Ada")
    assert "Thank you, Ada" in answer.text
    assert order.total == full_cart.price * 3
    assert Product.objects.get(pk=full_cart.pk).stock == before - 3
    assert client.post("/checkout/", ADDRESS).headers["Location"] == "/cart/"
    assert Order.objects.filter(name="Ada").count() == 1


def test_incomplete_address_is_refused(client, full_cart):
    page = client.post("/checkout/", {**ADDRESS, "email": "nowhere"})
    assert page.status_code == 200
    assert "valid email" in page.text
    assert not Order.objects.filter(name="Ada").exists()


def test_orders_are_listed_to_who_placed_them(client, full_cart):
    assert "none yet" in client.get("/orders/").text
    client.post("/checkout/", ADDRESS)
    number = Order.objects.get(name="Ada").number
    page = client.get("/orders/").text
    assert number in page
    assert full_cart.title in page
    client.cookies.clear()
    assert number not in client.get("/orders/").text


def test_somebody_elses_order_is_not_shown(client, full_cart):
    client.post("/checkout/", ADDRESS)
    number = Order.objects.get(name="Ada").number
    client.cookies.clear()
    assert client.get(f"/order/{number}/").status_code == 404
