import pytest
from tests.django.shops.plain.models import Category, Product

pytestmark = pytest.mark.django_db


def make():
    women = Category.objects.create(name="Women")
    dresses = Category.objects.create(name="Dresses", parent=women)
    for n in range(12):
        Product.objects.create(title=f"{['Red','Blue','Green'][n%3]} linen dress {n}", slug=f"d{n}", category=dresses, price=10 + n)
    return list(Product.objects.all())


def test_page(client):
    products = make()
    page = client.get(products[0].get_absolute_url(), headers={"user-agent": "Firefox"}).content.decode()
    print(page)
    assert "You may also like" in page
    print(client.get("/", headers={"user-agent": "Firefox"}).content.decode())
