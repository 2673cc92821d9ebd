"""MODE = "inline": inside TestCase everything is visible at once, and nothing outlives its test."""

from decimal import Decimal

from django.db import transaction
from django.test import Client, TestCase, TransactionTestCase

import django_reco as reco
from tests.django.conftest import BROWSER, make_products
from tests.django.shops.plain.models import Product


def shopper():
    client = Client(headers={"user-agent": BROWSER})
    client.cookies["consent"] = "yes"
    return client


def shown(strategy="bestsellers", **options):
    return [product.title for product in reco.recommend(None, strategy, n=50, **options)]


class InlineTest(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.products = make_products()

    def test_a_save_shows_at_once(self):
        Product.objects.create(title="Teapot", slug="teapot", price=Decimal(9))
        assert "Teapot" in shown()

    def test_b_the_other_tests_product_is_gone(self):
        assert "Teapot" not in shown()
        assert len(shown()) == len(self.products)

    def test_rollback_leaves_no_phantom(self):
        try:
            with transaction.atomic():
                Product.objects.create(title="Phantom", slug="phantom", price=1)
                assert "Phantom" in shown()
                raise RuntimeError
        except RuntimeError:
            pass
        assert "Phantom" not in shown()

    def test_bulk_writes_show_at_once(self):
        Product.objects.bulk_create([Product(title="Bulk", slug="bulk", price=1)])
        Product.objects.filter(pk=self.products[0].pk).update(title="Renamed dress")
        Product.objects.filter(pk=self.products[1].pk).delete()
        found = shown()
        assert {"Bulk", "Renamed dress"} <= set(found)
        assert self.products[1].title not in found

    def view_one(self):
        client = shopper()
        client.get(f"/p/{self.products[0].pk}/")
        return client.get("/").content.decode()

    def test_c_a_view_changes_the_very_next_slate(self):
        client = shopper()
        assert "Recently viewed" not in client.get("/").content.decode()
        client.get(f"/p/{self.products[0].pk}/")
        page = client.get("/").content.decode()
        assert "Recently viewed" in page
        self.__class__.visitor = client.cookies["reco_visitor"].value

    def test_d_what_was_viewed_is_forgotten_with_its_test(self):
        client = shopper()
        client.cookies["reco_visitor"] = self.__class__.visitor
        assert "Recently viewed" not in client.get("/").content.decode()


class InlineTransactionTest(TransactionTestCase):
    def test_a(self):
        make_products()
        client = shopper()
        client.get(f"/p/{Product.objects.first().pk}/")
        assert "Recently viewed" in client.get("/").content.decode()
        self.__class__.visitor = client.cookies["reco_visitor"].value

    def test_b(self):
        assert shown() == []
        make_products()
        client = shopper()
        client.cookies["reco_visitor"] = self.__class__.visitor
        assert "Recently viewed" not in client.get("/").content.decode()


class UnsetModeTest(TestCase):
    """A shop that says nothing about its tests: its database in memory is reason enough to work in line."""

    def test_in_memory_database_is_worked_with_in_line(self):
        with self.settings(RECO={"ITEMS": "plain.Product", "STORE": "sqlite:////nowhere/production.sqlite3"}):
            make_products()
            assert len(shown()) == 12
