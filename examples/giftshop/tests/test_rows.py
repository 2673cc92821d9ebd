"""The rows on the shop's pages, with the recommender of this process."""

import time

import pytest
from django.conf import settings

from shop.models import Product

pytestmark = pytest.mark.skipif(not settings.RECO_ENABLED, reason="the shop runs without recommendations")
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"


@pytest.fixture
def visitor(client, db):
    """A browser that accepted cookies."""
    client.defaults["HTTP_USER_AGENT"] = BROWSER
    client.post("/cookies/", {"answer": "accept", "next": "/"})
    return client


def test_product_page_has_a_row_without_the_product_and_its_colours(visitor, teacup):
    page = visitor.get(teacup.get_absolute_url()).text
    row = page.partition('data-strategy="you_may_also_like"')[2].partition("</section>")[0]
    assert row.count('class="card"') == 6
    assert f'data-group="{teacup.group_id}"' not in row
    assert "Similar to Green Regency Teacup and Saucer" in row


def test_next_page_remembers_the_one_before(visitor, teacup):
    visitor.get(teacup.get_absolute_url())
    other = Product.objects.in_stock().filter(category=teacup.category).exclude(group_code=teacup.group_code).first()
    page = visitor.get(other.get_absolute_url()).text
    row = page.partition('data-strategy="recently_viewed"')[2].partition("</section>")[0]
    assert f'data-code="{teacup.stock_code}"' in row
    assert f'data-code="{other.stock_code}"' not in row


def test_the_page_of_orders_offers_what_may_be_due_again(visitor, teacup):
    from django_reco.recommender import process  # noqa: PLC0415 - the shop also runs without it

    assert 'data-strategy="buy_again"' not in visitor.get("/orders/").text
    visitor.post(f"/cart/add/{teacup.pk}/", {"quantity": "1"})
    visitor.post("/checkout/", {"name": "Ada", "email": "a@example.org", "address": "1 Row", "country": "United Kingdom"})
    process.backend().flush()
    # What was bought is counted with the next ranking, a moment later.
    for _ in range(100):
        row = visitor.get("/orders/").text.partition('data-strategy="buy_again"')[2].partition("</section>")[0]
        if row:
            break
        time.sleep(0.1)
    assert f'data-code="{teacup.stock_code}"' in row
    assert "You bought this" in row


def test_who_declines_is_not_remembered(client, teacup):
    client.defaults["HTTP_USER_AGENT"] = BROWSER
    client.post("/cookies/", {"answer": "decline", "next": "/"})
    client.get(teacup.get_absolute_url())
    assert "reco_visitor" not in client.cookies
    assert "recently_viewed" not in client.get("/").text


def test_sold_out_is_not_recommended(visitor, teacup):
    Product.objects.filter(category=teacup.category).exclude(pk=teacup.pk).update(stock=0)
    assert 'data-strategy="you_may_also_like"' not in visitor.get(teacup.get_absolute_url()).text
