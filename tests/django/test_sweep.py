"""The indexer's parts against a real recommender in memory, without its thread."""

import pytest
from django.db import connection

from django_reco import dirty
from django_reco.backend import Backend
from django_reco.indexer import Indexer, process_dirty
from django_reco.sweep import pulse, sweep
from reco_sdk.config import Config
from reco_sdk.items.item import Item
from reco_sdk.request import Request
from tests.django.shops.keys.models import Phone
from tests.django.shops.plain.models import Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def backend():
    opened = Backend(Config(store="memory://", model="hashing"))
    opened.start()
    yield opened
    opened.close()


def stored(backend):
    return set(backend.stored_ids())


def ids(products):
    return {f"plain.product:{p.pk}" for p in products}


def test_first_sweep_then_nothing(backend, products):
    report = sweep(backend)
    assert (report.items, report.new, report.changed, report.deleted, report.refused) == (12, 12, 0, 0, [])
    assert stored(backend) == ids(products)
    again = sweep(backend)
    assert (again.items, again.new, again.changed, again.deleted) == (12, 0, 0, 0)


def test_bulk_writes_are_found(backend, products):
    sweep(backend)
    Product.objects.bulk_create([Product(title=f"Bulk {n}", slug="b", price=1) for n in range(600)])
    Product.objects.filter(pk=products[0].pk).update(price=1)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM plain_product WHERE id = %s", [products[1].pk])
    Product.objects.filter(pk=products[2].pk).update(is_active=False)
    products[3].title = "Renamed"
    Product.objects.bulk_update([products[3]], ["title"])
    report = sweep(backend)
    assert (report.new, report.changed, report.deleted) == (600, 2, 2)
    assert stored(backend) == ids(Product.objects.filter(is_active=True))


def test_dry_run_writes_nothing(backend, products):
    assert sweep(backend, dry_run=True).new == 12
    assert stored(backend) == set()
    sweep(backend)
    Product.objects.filter(pk=products[0].pk).delete()
    Product.objects.bulk_create([Product(title="Bulk", slug="b", price=1)])
    report = sweep(backend, dry_run=True)
    assert (report.new, report.deleted) == (1, 1)
    assert stored(backend) == ids(products)


def test_what_else_is_stored_is_left_alone(backend, products):
    backend.upsert([Item(id="from-elsewhere", title="x"), Item(id="plain.product:999999", title="gone")])
    assert sweep(backend).deleted == 1
    assert "from-elsewhere" in stored(backend)


def test_refused_items_keep_what_was_stored(backend, products):
    sweep(backend)
    Product.objects.filter(pk=products[0].pk).update(title="bad \x01")
    report = sweep(backend)
    assert [error.item_id for error in report.refused] == [f"plain.product:{products[0].pk}"]
    assert stored(backend) == ids(products)


def test_uuid_keys(backend, settings):
    settings.RECO = {"ITEMS": "keys.Phone", "MODE": "inline"}
    Phone.objects.bulk_create([Phone(name=f"Phone {n}", price=n) for n in range(1_100)])
    assert sweep(backend).new == 1_100
    assert sweep(backend).new == 0


def test_marks_are_worked_off(backend, products):
    process_dirty(backend)
    assert dirty.pending("default") == 0
    assert stored(backend) == ids(products)
    products[0].delete()
    Product.objects.filter(pk=products[1].pk).update(is_active=False)
    products[1].refresh_from_db()
    products[1].save()
    dirty.mark(["plain.product:424242", "other.thing:1"], "default")
    report = process_dirty(backend)
    assert report.deleted == 2
    assert dirty.pending("default") == 0
    assert stored(backend) == ids(products[2:])


def test_marks_stay_when_the_store_fails(backend, products, monkeypatch):
    from reco_sdk.errors import StoreError

    def full(items):
        raise StoreError("disk full")

    monkeypatch.setattr(backend, "upsert", full)
    with pytest.raises(StoreError):
        process_dirty(backend)
    assert dirty.pending("default") == 12


def test_more_marks_than_one_batch(backend):
    made = [Product(title=f"Thing {n}", slug="t", price=1) for n in range(1_050)]
    Product.objects.bulk_create(made)
    dirty.mark([f"plain.product:{p.pk}" for p in made], "default")
    assert process_dirty(backend).new == 1_050


def test_pulse_beats_on_rows_that_come_and_go(products):
    before = pulse()
    assert pulse() == before
    Product.objects.bulk_create([Product(title="x", slug="x", price=1)])
    assert pulse() != before


def test_a_turn_does_everything(backend, products, settings):
    settings.RECO = {**settings.RECO, "SWEEP_SECONDS": 1_000, "ORDERS_SECONDS": 0.001}
    indexer = Indexer(backend)
    Product.objects.bulk_create([Product(title="Bulk", slug="b", price=1)])
    indexer.turn()
    assert len(stored(backend)) == 13
    Product.objects.bulk_create([Product(title="Bulk 2", slug="b", price=1)])
    indexer.turn()
    assert len(stored(backend)) == 14
    Product.objects.filter(title="Bulk 2").update(title="Other")
    indexer.turn()  # no sign of it, and the sweep is not due
    slate = backend.recommend_now(Request(strategy="new_arrivals", n=50))
    assert len(slate.items) == 14
