"""What is kept of rows, and what is said, while the shop's database is away. Whole servers are in tests/servers."""

import logging

import pytest
from django.db import InterfaceError, OperationalError

from django_reco import Items, metrics
from django_reco.hydrate import hydrate
from django_reco.outage import KeptObjects, Outages
from django_reco.registry import adapters
from tests.django.shops.plain.models import Product


@pytest.fixture
def clock(monkeypatch):
    """Seconds that only a test lets go by."""
    seconds = [1_000.0]
    monkeypatch.setattr("django_reco.outage.time.monotonic", lambda: seconds[0])
    return seconds


def fetched(products):
    return hydrate([f"plain.product:{product.pk}" for product in products], None)


def test_what_is_kept_is_as_it_was_fetched_whatever_the_page_did_to_it(products, django_assert_num_queries):
    kept, found = KeptObjects(), fetched(products[:2])
    kept.keep(found)
    for item_id, obj in found.items():
        again = kept.get(item_id)
        assert again == obj
        assert again is not obj
    [first, _] = found
    found[first].title, found[first].reco, found[first].price_for_you = "for Ann", object(), 1
    found[first].category = None
    one, other = kept.get(first), kept.get(first)
    one.title, one.reco = "for Bob", object()
    with django_assert_num_queries(0):
        assert (other.title, other.category.name) == (products[0].title, products[0].category.name)
    assert not hasattr(other, "reco")
    assert not hasattr(other, "price_for_you")
    assert (other._state.adding, other._state.db) == (False, "default")


def test_what_was_not_fetched_stays_so(products):
    kept = KeptObjects()
    kept.keep({"a": Product.objects.only("title").get(pk=products[0].pk)})
    found = kept.get("a")
    assert found.get_deferred_fields() >= {"price"}
    assert found.price == products[0].price  # from the database, once it is there
    assert kept.get("b") is None


def test_only_so_many_are_kept_the_last_ones(products):
    kept = KeptObjects(limit=4)
    for product in products:
        kept.keep({str(product.pk): product})
    held = [kept.get(str(product.pk)) for product in products]
    assert held[-4:] == products[-4:]
    assert 4 <= len([obj for obj in held if obj is not None]) <= 8


def test_an_outage_is_said_once_and_one_row_a_second_finds_out(clock, caplog):
    outages = Outages()
    caplog.set_level(logging.INFO)
    assert outages.asks("default")
    for _ in range(3):
        outages.failed("default", OperationalError("connection refused\n\tIs the server running?"))
        assert not outages.asks("default")
        assert outages.asks("other")
        clock[0] += 1.0
        assert outages.asks("default")
        assert not outages.asks("default")  # the others go on meanwhile
    outages.answered("other")
    assert outages
    outages.answered("default")
    outages.answered("default")
    assert not outages
    assert outages.asks("default")
    assert [record.getMessage() for record in caplog.records] == [
        "reco: the database 'default' cannot be asked; rows show what they showed before: connection refused",
        "reco: the database 'default' answers again",
    ]


def test_errors_of_pages_in_an_outage_are_told_once_a_minute(clock, caplog):
    outages = Outages()
    assert not outages.tells(ValueError("a mistake"))  # which is told by whoever met it
    for _ in range(5):
        assert outages.tells(InterfaceError("connection already closed"))
        clock[0] += 20.0
    assert len(caplog.records) == 2
    caplog.clear()
    for number in range(200):
        assert outages.tells(OperationalError(f"backend {number} is gone"))
    assert len(outages._said_at) <= 50
    caplog.clear()
    outages.failed("default", OperationalError("refused"))
    assert outages.tells(OperationalError("refused again"))
    assert len(caplog.records) == 1


class Of:
    """A queryset that depends on who asks."""

    def result_queryset(self, request):
        return super().result_queryset(request).filter(title=request.user)


@pytest.mark.parametrize(
    ("attributes", "same"),
    [
        ({}, True),
        ({"result_queryset": Of.result_queryset}, False),
        ({"result_queryset": Of.result_queryset, "same_for_all": True}, True),
        ({"result_queryset_path": "objects"}, False),
        ({"result_queryset_path": "objects", "same_for_all": True}, True),
        ({"same_for_all": False}, False),
    ],
)
def test_only_what_everybody_is_shown_alike_is_kept(attributes, same):
    assert type("Ours", (Items,), attributes)(Product).shows_all_the_same is same


def test_the_setting_says_so(settings):
    settings.RECO = {**settings.RECO, "ITEMS": {"model": "plain.Product", "result_queryset": "objects", "same_for_all": True}}
    assert adapters()["plain.product"].shows_all_the_same


def test_tests_see_errors_and_their_own_rows_only(products, monkeypatch):
    """Rows of one test are none of the next one's."""

    def away(self, request):
        return Product.objects.extra(where=["nowhere()"])

    fetched(products)
    monkeypatch.setattr(Items, "result_queryset", away)
    with pytest.raises(OperationalError):
        fetched(products)
    assert "database.away" not in metrics.counts()
