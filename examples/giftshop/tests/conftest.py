"""The catalogue is loaded once; every test sees it and leaves it as it was."""

import pytest
from django.core.management import call_command

from shop.models import Product


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        call_command("load_shop", products_only=True, verbosity=0)


@pytest.fixture
def teacup(db):
    return Product.objects.get(stock_code="22697")
