from decimal import Decimal

import pytest

from django_reco.testing import reset
from tests.django.shops.plain.models import Category, Product

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def _nothing_left():
    yield
    reset()


@pytest.fixture
def browser(client):
    """A shopper's browser that said yes to cookies."""
    client.defaults["HTTP_USER_AGENT"] = BROWSER
    client.cookies["consent"] = "yes"
    return client


def make_products():
    women = Category.objects.create(name="Women")
    dresses = Category.objects.create(name="Dresses", parent=women)
    kitchen = Category.objects.create(name="Kitchen")
    made = []
    for n in range(6):
        made.append(
            Product(title=f"Linen summer dress {'ABCDEF'[n]}", slug=f"dress-{n}", category=dresses, price=Decimal(40 + n))
        )
    for n in range(6):
        made.append(Product(title=f"Ceramic coffee mug {'ABCDEF'[n]}", slug=f"mug-{n}", category=kitchen, price=Decimal(8 + n)))
    for product in made:
        product.save()
    return made


@pytest.fixture
def products(db):
    return make_products()
