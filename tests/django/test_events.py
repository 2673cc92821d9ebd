import pytest
from django.contrib.auth.models import User

from django_reco import metrics
from tests.django import signals
from tests.django.test_context import recorded, request_of

EVENTS = {
    "tests.django.signals.product_viewed": {"kind": "view_item", "item": "product"},
    "tests.django.signals.basket_addition": {"kind": "add_to_cart", "item": "lines.product", "quantity": "amount"},
    "tests.django.signals.searched": {"kind": "search", "query": "words"},
}


class Line:
    def __init__(self, product):
        self.product = product


@pytest.fixture(autouse=True)
def _events(settings):
    settings.RECO = {**settings.RECO, "EVENTS": EVENTS}


def test_signals_become_interactions(products):
    request = request_of()
    signals.product_viewed.send(sender=None, product=products[0], request=request, user=request.user, spec="x", response=1)
    signals.basket_addition.send(sender=None, lines=[Line(products[1]), Line(products[2])], amount=3, request=request)
    signals.searched.send(sender=None, words="mug", request=request)
    found = recorded()
    assert [(i.kind, i.quantity, i.query) for i in found] == [
        ("view_item", 1, None),
        ("add_to_cart", 3, None),
        ("add_to_cart", 3, None),
        ("search", 1, "mug"),
    ]
    assert [i.item_id for i in found[:3]] == [f"plain.product:{p.pk}" for p in products[:3]]


def test_signal_without_request_needs_an_account(products):
    user = User.objects.create(username="u")
    signals.product_viewed.send(sender=None, product=products[0], user=user)
    signals.product_viewed.send(sender=None, product=products[0], user=None)
    signals.product_viewed.send(sender=None, product=products[0])
    signals.product_viewed.send(sender=None, product=products[0], user=User(username="b", is_staff=True, pk=9))
    assert [i.user_id for i in recorded()] == [str(user.pk)]


@pytest.mark.parametrize("sent", [{}, {"product": None}, {"product": 3}, {"product": "x"}])
def test_a_signal_never_breaks_its_sender(products, sent):
    signals.product_viewed.send(sender=None, request=request_of(), **sent)
    signals.basket_addition.send(sender=None, request=request_of(), lines=[3], amount="x")
    assert recorded() == []
    assert metrics.counts()["event.error"] >= 1


def test_the_page_does_not_count_the_view_a_signal_reports(browser, products):
    browser.get(f"/p/{products[0].pk}/")
    assert recorded() == []


def test_gone_with_the_setting(products, settings):
    settings.RECO = {**settings.RECO, "EVENTS": {}}
    signals.product_viewed.send(sender=None, product=products[0], request=request_of())
    assert recorded() == []
