"""A small catalogue, loaded once; every test leaves it as it was."""

import pytest
from django.core.management import call_command
from oscar.core.loading import get_model

Product = get_model("catalogue", "Product")
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        call_command("load_books", limit=8, no_covers=True, verbosity=0)


@pytest.fixture
def shopper(client, db):
    client.defaults["HTTP_USER_AGENT"] = BROWSER
    return client


@pytest.fixture
def book(db):
    return Product.objects.filter(structure="standalone").order_by("pk")[0]


@pytest.fixture
def shirt(db):
    return Product.objects.get(title="Oscar T-shirt")
