"""A shop that forked oscar's catalogue: a product with a field of its own, and an adapter that reads it."""

import pytest
from django.apps import apps
from oscar.core.loading import get_model

Product = get_model("catalogue", "Product")
pytestmark = pytest.mark.skipif(not hasattr(Product, "secret"), reason="this shop forked nothing")


def test_the_forks_own_product_is_the_item(shopper, book):
    assert apps.get_app_config("catalogue").name == "tests.forked.catalogue"
    assert "reco-card" in shopper.get(book.get_absolute_url()).text


def test_the_forks_own_field_narrows_what_is_shown(shopper, book, settings):
    settings.RECO = {"PRESET": "oscar", "MODE": "inline", "ITEMS": {"where": {"secret": False}}}
    before = shopper.get(book.get_absolute_url()).text
    secret = next(p for p in Product.objects.exclude(pk=book.pk) if f'data-reco-item="catalogue.product:{p.pk}"' in before)
    Product.objects.filter(pk=secret.pk).update(secret=True)
    assert f'data-reco-item="catalogue.product:{secret.pk}"' not in shopper.get(book.get_absolute_url()).text
