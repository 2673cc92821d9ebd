"""Every page answers, with recommendations and without."""

import os
import re
import subprocess
import sys

import pytest
from defusedxml.ElementTree import fromstring
from django.conf import settings
from django.core.management import call_command

from shop.art import picture
from shop.art.motifs import _SHELVES, _WORDS
from shop.models import Category, Product


@pytest.mark.parametrize(
    "path",
    ["/", "/categories/", "/about/", "/c/christmas/", "/c/kitchen-dining/mugs-cups/", "/search/", "/search/?q=teapot",
     "/search/?q=zeppelin", "/orders/", "/c/garden/?page=2&sort=cheap", "/c/garden/?page=999&sort=nonsense", "/cart/"],
)  # fmt: skip
def test_page_answers(client, db, path):
    response = client.get(path)
    assert response.status_code == 200
    assert "<h1" in response.text


def test_a_picture_is_a_file_that_needs_nothing_else(client, teacup):
    answer = client.get(teacup.picture_url)
    assert answer.headers["Content-Type"] == "image/svg+xml"
    names = {element.get("id") for element in fromstring(answer.content).iter()}
    used = re.findall(r'(?:href="|url\()#([\w-]+)', answer.text)
    assert used
    assert set(used) <= names
    assert client.get("/picture/nothing.svg").status_code == 404


def test_every_category_answers(client, db):
    for category in Category.objects.select_related("parent"):
        assert client.get(category.get_absolute_url()).status_code == 200


def test_product_page_shows_colours_and_buy_button(client, teacup):
    page = client.get(teacup.get_absolute_url()).text
    assert teacup.title in page
    assert "Add to cart" in page
    assert "Pink Regency Teacup and Saucer" in page


def test_wrong_slug_redirects_and_unknown_code_is_not_found(client, teacup):
    assert client.get(f"/product/{teacup.stock_code}/wrong/").headers["Location"] == teacup.get_absolute_url()
    assert client.get("/product/99999/nothing/").status_code == 404


def test_sold_out_product_cannot_be_bought(client, teacup):
    Product.objects.filter(pk=teacup.pk).update(stock=0)
    assert "Sold out" in client.get(teacup.get_absolute_url()).text
    client.post(f"/cart/add/{teacup.pk}/", {"quantity": "1"})
    assert "Your cart is empty" in client.get("/cart/").text


def test_search_asks_for_every_word_and_knows_stock_codes(client, db):
    found = client.get("/search/?q=red+teapots").context["page"].object_list
    assert found
    assert all("teapot" in product.title.lower() or "Teapot" in product.category.path for product in found)
    assert [product.stock_code for product in client.get("/search/?q=85123a").context["page"]] == ["85123A"]


def test_sorting_by_price(client, db):
    prices = [product.price for product in client.get("/c/garden/?sort=dear").context["page"]]
    assert prices == sorted(prices, reverse=True)


def test_consent_is_asked_and_remembered(client, db):
    if settings.RECO_ENABLED:
        assert "May we remember" in client.get("/").text
    answer = client.post("/cookies/", {"answer": "accept", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"
    assert client.cookies["consent"].value == "accepted"
    assert "May we remember" not in client.get("/").text


def test_every_motif_is_drawn():
    sprite = (settings.BASE_DIR / "shop/static/shop/motifs.svg").read_text()
    for motif in {*_SHELVES.values(), *(motif for motif, _ in _WORDS)}:
        assert f'id="{motif}"' in sprite


def test_a_picture_is_always_the_same():
    first = picture("22727", "Alarm Clock Bakelike Red", "Home Decor")
    picture.cache_clear()
    assert picture("22727", "Alarm Clock Bakelike Red", "Home Decor") == first
    assert "#clock" in first
    assert "#cf4a45" in first


def test_no_migration_is_missing(db):
    call_command("makemigrations", "shop", check=True, dry_run=True, verbosity=0)


def test_shop_runs_without_recommendations(tmp_path):
    environment = {
        **os.environ,
        "GIFTSHOP_RECO": "0",
        "GIFTSHOP_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "giftshop.settings",
    }
    steps = (
        ["migrate", "-v0"],
        ["load_shop", "--products-only"],
        ["shell", "-v0", "-c", (
         "import sys; from django.test import Client; c = Client();"
         "page = c.get('/'); assert page.status_code == 200 and 'data-slate' not in page.text;"
         "page = c.get('/product/85123A/white-hanging-heart-t-light-holder/'); assert page.status_code == 200;"
         "assert 'django_reco' not in sys.modules and 'reco_sdk' not in sys.modules")],
    )  # fmt: skip
    for step in steps:
        done = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *step],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
