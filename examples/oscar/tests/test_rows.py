"""The rows on oscar's own pages: what may stand in them, what heads them, what they cost."""

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_model

Product = get_model("catalogue", "Product")
Recommendation = get_model("catalogue", "ProductRecommendation")
StockRecord = get_model("partner", "StockRecord")


def shown(client, address, strategy="you_may_also_like"):
    page = client.get(address)
    assert page.status_code == 200
    return keys(page.text, strategy)


def keys(html, strategy):
    row = html.partition(f'data-reco-strategy="{strategy}"')[2].partition("</section>")[0]
    return [int(key) for key in re.findall(r'data-reco-item="catalogue\.product:(\d+)"', row)]


def add(client, product):
    return client.post(f"/basket/add/{product.pk}/", {"quantity": 1, "product_id": product.pk}, follow=True)


def test_product_page_has_a_row_of_other_products(shopper, book):
    found = shown(shopper, book.get_absolute_url())
    assert len(set(found)) == 6
    assert book.pk not in found
    assert not Product.objects.filter(pk__in=found).exclude(parent=None).exists()


def test_row_writes_title_and_price_as_oscar_does(shopper, book):
    html = shopper.get(book.get_absolute_url()).text
    first = Product.objects.get(pk=keys(html, "you_may_also_like")[0])
    card = html.partition(f'data-reco-item="catalogue.product:{first.pk}"')[2].partition("</li>")[0]
    assert f"£{first.stockrecords.get().price}" in card
    assert first.get_absolute_url() in card


def test_child_has_the_row_of_its_parent(shopper, shirt):
    child = shirt.children.first()
    found = shown(shopper, child.get_absolute_url())
    assert shirt.pk not in found
    assert found == shown(shopper, shirt.get_absolute_url())


def test_parents_are_shown_at_a_price_of_their_children(shopper, shirt):
    other = Product.objects.get(title="Django T-shirt")
    html = shopper.get(other.get_absolute_url()).text
    assert shirt.pk in keys(html, "you_may_also_like")
    card = html.partition(f'data-reco-item="catalogue.product:{shirt.pk}"')[2].partition("</li>")[0]
    assert "£14.99" in card


def test_what_is_not_public_is_never_shown(shopper, book):
    before = shown(shopper, book.get_absolute_url())
    Product.objects.filter(pk__in=before[:3]).update(is_public=False)
    after = shown(shopper, book.get_absolute_url())
    assert len(after) == 6
    assert not set(before[:3]) & set(after)


def test_what_is_sold_out_is_never_shown(shopper, book):
    before = shown(shopper, book.get_absolute_url())
    StockRecord.objects.filter(product__in=before[:2]).update(num_in_stock=0)
    after = shown(shopper, book.get_absolute_url())
    assert len(after) == 6
    assert not set(before[:2]) & set(after)


def test_a_parent_is_sold_out_with_its_last_public_child(shopper, shirt):
    other = Product.objects.get(title="Django T-shirt")
    StockRecord.objects.filter(product__parent=shirt).update(num_in_stock=0)
    assert shirt.pk not in shown(shopper, other.get_absolute_url())
    StockRecord.objects.filter(product=shirt.children.first()).update(num_in_stock=5)
    assert shirt.pk in shown(shopper, other.get_absolute_url())
    Product.objects.filter(pk=shirt.children.first().pk).update(is_public=False)
    assert shirt.pk not in shown(shopper, other.get_absolute_url())


def test_the_shops_own_recommendations_head_the_row_and_are_not_listed_twice(shopper, book, shirt):
    last, other = Product.objects.filter(structure="standalone").order_by("-pk")[:2]
    Recommendation.objects.create(primary=book, recommendation=other, ranking=1)
    Recommendation.objects.create(primary=book, recommendation=last, ranking=9)
    Recommendation.objects.create(primary=book, recommendation=shirt.children.first(), ranking=0)
    html = shopper.get(book.get_absolute_url()).text
    found = keys(html, "you_may_also_like")
    assert found[:3] == [last.pk, other.pk, shirt.pk]
    assert len(set(found)) == 6
    assert "Recommended items" not in html


def test_a_recommendation_that_is_hidden_or_sold_out_is_not_shown(shopper, book):
    one, two, three = Product.objects.filter(structure="standalone").order_by("-pk")[:3]
    for ranking, product in enumerate((one, two, three)):
        Recommendation.objects.create(primary=book, recommendation=product, ranking=ranking)
    Product.objects.filter(pk=three.pk).update(is_public=False)
    StockRecord.objects.filter(product=two).update(num_in_stock=0)
    found = shown(shopper, book.get_absolute_url())
    assert found[0] == one.pk
    assert not {two.pk, three.pk} & set(found)


def test_the_basket_has_a_row_that_goes_with_it(shopper, book):
    assert keys(shopper.get("/basket/").text, "bought_together") == []
    one = keys(add(shopper, book).text, "bought_together")
    other = Product.objects.filter(structure="standalone").order_by("-pk")[0]
    two = keys(add(shopper, other).text, "bought_together")
    assert one
    assert one != two
    assert not {book.pk, other.pk} & set(two)


def test_the_part_that_oscars_script_replaces_has_the_row(shopper, book):
    basket = add(shopper, book).context["basket"]
    line = basket.all_lines()[0]
    form = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": line.pk, "form-0-quantity": 2}
    answer = shopper.post("/basket/", form, headers={"X-Requested-With": "XMLHttpRequest"})
    assert keys(answer.json()["content_html"], "bought_together")


def test_a_row_costs_two_queries_of_its_own(shopper, book):
    """Its products, and their stock; the shop's own recommendations are asked for in the page's stead."""
    shopper.get(book.get_absolute_url())
    with CaptureQueriesContext(connection) as queries:
        shopper.get(book.get_absolute_url())
    asked = [query["sql"] for query in queries]
    assert sum("catalogue_productrecommendation" in sql for sql in asked) == 1
    assert sum("reco_image" in sql for sql in asked) == 1


def test_without_the_preset_pages_are_oscars_own(shopper, book, settings):
    settings.RECO = {"ITEMS": "catalogue.Product", "MODE": "inline"}
    page = shopper.get(book.get_absolute_url()).text
    assert "reco-" not in page
