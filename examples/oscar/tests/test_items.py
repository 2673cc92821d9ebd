"""Oscar's products as items."""

from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_reco.registry import adapters
from oscar.core.loading import get_model

Product = get_model("catalogue", "Product")
ProductAttribute = get_model("catalogue", "ProductAttribute")
Review = get_model("reviews", "ProductReview")


def items():
    adapter = adapters()["catalogue.product"]
    made, refused = adapter.items(adapter.index_queryset())
    assert not refused
    return {item.id: item for item in made}


def test_parents_and_standalone_products_are_items(book, shirt):
    Product.objects.filter(pk=book.pk).update(is_public=False)
    found = items()
    assert f"catalogue.product:{book.pk}" not in found
    assert f"catalogue.product:{shirt.pk}" in found
    assert not {f"catalogue.product:{child.pk}" for child in shirt.children.all()} & set(found)


def test_an_item_says_what_the_strategy_and_the_shop_say(book, shirt):
    record = book.stockrecords.get()
    item = items()[f"catalogue.product:{book.pk}"]
    assert item.title == book.title
    assert (float(item.price), item.currency, item.quantity) == (float(record.price), "GBP", record.num_in_stock)
    assert item.categories == ("Books > Non-Fiction > Essential programming",)
    assert item.page_url == book.get_absolute_url()
    parent = items()[f"catalogue.product:{shirt.pk}"]
    assert (float(parent.price), parent.availability) == (14.99, "in_stock")


def test_reviews_and_attributes_are_taken_along(book):
    for score in (3, 5):
        Review.objects.create(product=book, score=score, title="-", body="-", status=Review.APPROVED, name="-", email="a@b.org")
    Review.objects.create(product=book, score=1, title="-", body="-", status=Review.FOR_MODERATION, name="-", email="a@b.org")
    ProductAttribute.objects.create(product_class=book.product_class, name="Language", code="language", type="text")
    book = Product.objects.get(pk=book.pk)
    book.attr.language = "English"
    book.save()
    book.update_rating()
    item = items()[f"catalogue.product:{book.pk}"]
    assert (item.rating, item.rating_count) == (4.0, 2)
    assert item.attributes == {"language": "English"}


def test_the_number_of_queries_does_not_grow_with_the_catalogue(book):
    items()
    with CaptureQueriesContext(connection) as all_of_them:
        items()
    Product.objects.filter(pk__gt=book.pk, structure="standalone").update(is_public=False)
    with CaptureQueriesContext(connection) as a_few:
        items()
    assert len(all_of_them) - len(a_few) <= 2  # the ancestors of a category each


def test_the_settings_have_no_fault(db):
    call_command("check", fail_level="WARNING")


def test_what_is_given_beside_the_preset_wins(settings, book):
    settings.RECO = {"PRESET": "oscar", "MODE": "inline", "ITEMS": {"title": "slug", "text": ["slug"]}, "EVENTS": {}}
    assert items()[f"catalogue.product:{book.pk}"].title == book.slug
