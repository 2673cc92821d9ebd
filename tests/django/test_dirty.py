"""Marks: in the shop's own transaction, under a savepoint, and never in its way."""

from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from django_reco import dirty, metrics
from django_reco.models import DirtyMark
from django_reco.registry import item_id_of
from tests.django.shops.plain.models import Category, Label, OrderLine, Product
from tests.django.shops.variants.models import Item, Stock
from tests.django.test_items import VARIANTS

pytestmark = pytest.mark.django_db


def marks():
    found = list(DirtyMark.objects.order_by("id").values_list("item_id", flat=True))
    DirtyMark.objects.all().delete()
    return found


def make(title="Mug"):
    return Product.objects.create(title=title, slug="mug", price=Decimal(3))


def test_save_and_delete_mark():
    product = make()
    own = item_id_of(product)
    assert marks() == [own]
    product.save()
    assert marks() == [own]
    product.delete()
    assert marks() == [own]


def test_m2m_marks_from_both_sides():
    product, label = make(), Label.objects.create(name="new")
    marks()
    product.labels.add(label)
    assert marks() == [item_id_of(product)]
    label.product_set.remove(product)
    assert marks() == [item_id_of(product)]
    product.labels.set([label])
    product.labels.clear()
    assert set(marks()) == {item_id_of(product)}


def test_other_models_do_not_mark():
    with CaptureQueriesContext(connection) as queries:
        Category.objects.create(name="x")
    assert len(queries) == 1
    assert marks() == []


def test_deletes_of_other_models_keep_their_fast_path():
    with CaptureQueriesContext(connection) as queries:
        OrderLine.objects.all().delete()
    # A receiver for every sender would have Django fetch the rows before it deletes them.
    assert {q["sql"].split()[0] for q in queries} <= {"DELETE", "SAVEPOINT", "RELEASE"}


def test_watched_models_and_variants_mark_the_product(settings):
    settings.RECO = VARIANTS
    shirt = Item.objects.create(name="Shirt")
    small = Item.objects.create(name="Shirt S", parent=shirt)
    marks()
    Stock.objects.create(item=small, price=1)
    assert marks() == [item_id_of(shirt)]
    small.save()
    assert set(marks()) == {item_id_of(shirt), f"variants.item:{small.pk}"}
    assert Product.objects.create(title="x", slug="x", price=1)
    assert marks() == []  # that model is no item under these settings


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_the_mark_with_it():
    marks()
    with transaction.atomic():
        make()
        assert DirtyMark.objects.count() == 1
        transaction.set_rollback(True)
    assert marks() == []


@pytest.mark.django_db(transaction=True)
def test_our_failure_leaves_the_shops_transaction_whole(monkeypatch, caplog):
    monkeypatch.setattr(DirtyMark._meta, "db_table", "reco_not_there")
    with transaction.atomic():
        product = make()
        Category.objects.create(name="after")
    assert Product.objects.filter(pk=product.pk).exists()
    assert Category.objects.filter(name="after").exists()
    assert metrics.counts()["dirty.error"] == 1
    assert "the sweep will find it" in caplog.text
    make("Outside a transaction")
    assert metrics.counts()["dirty.error"] == 2


@pytest.mark.django_db(transaction=True)
def test_a_broken_transaction_of_the_shop_is_left_alone():
    with transaction.atomic():
        product = make()
        transaction.set_rollback(True)
        dirty.mark([item_id_of(product)], "default")
    assert "dirty.error" not in metrics.counts()


def test_the_mark_is_one_insert_in_a_savepoint():
    product = make()
    with CaptureQueriesContext(connection) as queries:
        product.save()
    said = [q["sql"].split()[0] for q in queries]
    assert said == ["UPDATE", "SAVEPOINT", "INSERT", "RELEASE"]


def test_a_path_that_breaks_is_counted(settings, caplog):
    settings.RECO = {**VARIANTS, "ITEMS": {**VARIANTS["ITEMS"], "watch": {"variants.Maker": "nothing.there"}}}
    from tests.django.shops.variants.models import Maker

    Maker.objects.create(name="x")
    assert metrics.counts()["dirty.error"] == 1


def test_take_and_discard():
    dirty.mark(["a:1", "a:2", "a:1"], "default")
    dirty.mark([], "default")
    taken = dirty.take("default", 10)
    assert [item_id for _, item_id in taken] == ["a:1", "a:2"]
    dirty.mark(["a:1"], "default")
    dirty.discard([number for number, _ in taken], "default")
    assert [item_id for _, item_id in dirty.take("default")] == ["a:1"]
    assert dirty.pending("default") == 1
