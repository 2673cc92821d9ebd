import datetime as dt
import uuid
from decimal import Decimal
from types import MappingProxyType

import pytest
from django.utils.functional import SimpleLazyObject

import django_reco as reco
from django_reco import registry
from django_reco.paths import lookup_of, relations_of, resolve
from reco_sdk.errors import ConfigError, InvalidItem
from tests.django.shops.keys.models import Cover, Phone
from tests.django.shops.plain.models import Category, Label, OrderLine, Product
from tests.django.shops.variants.models import Department, Item, Maker, Stock

VARIANTS = {
    "ITEMS": {
        "model": "variants.Item",
        "text": ["name", "details", "maker.name"],
        "queryset": "objects.browsable",
        "price": "current_price",
        "available": "pieces",
        "categories": "departments",
        "brand": "maker",
        "canonical": "parent",
        "watch": {"variants.Stock": "item"},
    },
    "MODE": "inline",
}


def only(label="plain.product"):
    return registry.adapters()[label]


def test_string_configuration(products):
    adapter = only()
    item = adapter.item(products[0])
    assert item.id == f"plain.product:{products[0].pk}"
    assert (item.title, item.price, item.categories) == ("Linen summer dress A", 40.0, ("Women > Dresses",))
    assert (item.page_url, item.availability, item.quantity) == (f"/p/{products[0].pk}/", "in_stock", 5)
    assert item.published_at == products[0].created_at
    assert adapter.guesses["where"].path == "is_active"
    assert adapter.guesses["published"].reason == "DateTimeField 'created_at'"


def test_one_query_indexes_with_relations(products, django_assert_num_queries):
    with django_assert_num_queries(3):  # rows with their category; labels; the parent of the one category
        objects = list(only().index_queryset().filter(pk__in=[products[0].pk, products[1].pk]))
        assert len(only().items(objects)[0]) == 2


def test_hidden_rows_are_no_items(products):
    Product.objects.filter(pk=products[0].pk).update(is_active=False)
    assert products[0] not in only().index_queryset()
    assert products[0] not in only().result_queryset(None)


@pytest.mark.parametrize(("stock", "availability"), [(0, "out_of_stock"), (3, "in_stock")])
def test_stock(products, stock, availability):
    products[0].stock = stock
    assert only().item(products[0]).availability == availability
    assert only().visible(products[0], None) is (stock > 0)


def test_refused_item_is_named_and_the_rest_kept(products):
    products[0].title = "bad \x00 title"
    made, refused = only().items(products)
    assert len(made) == len(products) - 1
    assert refused[0].item_id == f"plain.product:{products[0].pk}"
    assert refused[0].field == "title"


@pytest.fixture
def variants(db, settings):
    settings.RECO = VARIANTS
    maker = Maker.objects.create(name="Acme")
    shirt = Item.objects.create(name="Shirt", details="Cotton", maker=maker)
    shirt.departments.add(Department.objects.create(name="Men"), Department.objects.create(name="Sale"))
    small = Item.objects.create(name="Shirt S", parent=shirt)
    Stock.objects.create(item=shirt, price=Decimal("12.50"), pieces=2)
    return shirt, small


def test_variants_callables_and_managers(variants):
    shirt, small = variants
    adapter = only("variants.item")
    made, refused = adapter.items(Item.objects.all())
    assert not refused
    assert [item.id for item in made] == [f"variants.item:{shirt.pk}"]
    item = made[0]
    assert (item.title, item.description, item.brand) == ("Shirt", "Cotton\nAcme", "Acme")
    assert (item.price, item.quantity, item.categories) == (12.5, 2, ("Men", "Sale"))
    assert registry.item_id_of(small) == f"variants.item:{shirt.pk}"


def test_watched_model_leads_to_the_item(variants):
    stock = Stock.objects.get()
    [(_, path)] = registry.watched()[Stock]
    assert registry.items_behind(stock, path) == [f"variants.item:{stock.item_id}"]


def test_watch_without_a_path_finds_the_only_way(variants, settings):
    settings.RECO = {**VARIANTS, "ITEMS": {**VARIANTS["ITEMS"], "watch": "variants.Stock"}}
    assert registry.watched()[Stock][0][1] == "item"
    settings.RECO = {**VARIANTS, "ITEMS": {**VARIANTS["ITEMS"], "watch": "variants.Maker"}}
    with pytest.raises(ConfigError, match="give the path"):
        registry.watched()


def test_two_models_with_other_keys(db, settings):
    settings.RECO = {"ITEMS": ["keys.Phone", "keys.Cover"], "MODE": "inline"}
    phone = Phone.objects.create(name="Phone", price=1)
    cover = Cover.objects.create(code="C:1/é", name="Cover", price=2)
    assert registry.item_id_of(phone) == f"keys.phone:{phone.pk}"
    assert only("keys.phone").pk_of(registry.item_id_of(phone)) == phone.pk
    assert only("keys.cover").pk_of(registry.item_id_of(cover)) == "C:1/é"
    with pytest.raises(ConfigError, match="no id"):
        only("keys.phone").pk_of("keys.phone:x")
    assert isinstance(phone.pk, uuid.UUID)


def test_class_form_wins(products, settings):
    try:

        @reco.register("plain.Product")
        class ProductItems(reco.Items):
            text = ("title", "brand")
            price = ""
            tags = "labels"
            attributes = MappingProxyType({"slug": "slug"})

            def result_queryset(self, request):
                return super().result_queryset(request).exclude(title__endswith="B")

        products[0].labels.add(Label.objects.create(name="new"))
        item = only().item(products[0])
        assert (item.price, item.tags, dict(item.attributes)) == (None, ("new",), {"slug": "dress-0"})
        assert products[1] not in only().result_queryset(None)
        with pytest.raises(ConfigError, match="subclass"):
            reco.register("plain.Product")(dict)
    finally:
        registry._registered.clear()
        registry.reset()


def text_of_product(product):
    return f"all about {product.title}"


def test_text_callable(products, settings):
    settings.RECO = {"ITEMS": {"model": "plain.Product", "text": "tests.django.test_items.text_of_product"}, "MODE": "inline"}
    item = only().item(products[0])
    assert (item.title, item.description) == ("Linen summer dress A", "all about Linen summer dress A")


def test_lazy_and_foreign_objects(products):
    lazy = SimpleLazyObject(lambda: products[0])
    assert registry.item_id_of(lazy) == f"plain.product:{products[0].pk}"
    assert registry.item_id_of("plain.product:7") == "plain.product:7"
    assert registry.item_id_of("other.thing:7") is None
    assert registry.item_id_of(Category(name="x")) is None
    assert registry.item_id_of(Product()) is None
    assert registry.item_id_of(3) is None


class Parler:
    class _parler_meta:
        @staticmethod
        def get_all_fields():
            return ["title"]

    @property
    def title(self):
        raise AttributeError("no translation")

    def safe_translation_getter(self, name, language_code=None, any_language=False):
        return "Titel" if any_language else None


def test_translated_fields_in_any_language():
    assert resolve(Parler(), "title") == "Titel"


class Thing:
    def __init__(self, **fields):
        self.__dict__.update(fields)

    def destroy(self):
        raise AssertionError

    destroy.alters_data = True


def test_paths():
    thing = Thing(inner={"a": Thing(b=lambda: 3)}, many=[Thing(x=[1, 2]), Thing(x=3), None], none=None)
    assert resolve(thing, "inner.a.b") == 3
    assert resolve(thing, "inner__a__b") == 3
    assert resolve(thing, "inner.missing.b") is None
    assert resolve(thing, "many.x") == [1, 2, 3]
    assert resolve(thing, "none.anything") is None
    with pytest.raises(ConfigError, match="has no 'nope'"):
        resolve(thing, "nope")
    with pytest.raises(ConfigError, match="changes data"):
        resolve(thing, "destroy")


def test_relations_and_lookups():
    assert relations_of(Product, ["category.parent.name", "labels.name", "title"]) == (
        ["category", "category__parent"],
        ["labels"],
    )
    assert lookup_of(OrderLine, "order.created_at") == "order__created_at"
    assert lookup_of(OrderLine, "order_id") == "order_id"
    assert lookup_of(OrderLine, "order.lines") is None
    assert lookup_of(Product, "get_absolute_url") is None


class Money:
    amount = Decimal("9.90")

    class currency:
        code = "EUR"


def test_money_dates_and_words(products):
    product = products[0]
    product.price = Money()
    product.created_at = dt.date(2026, 1, 2)
    item = only().item(product)
    assert (item.price, item.currency) == (9.9, "EUR")
    assert item.published_at == dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    product.price = "free"
    with pytest.raises(InvalidItem, match="price"):
        only().item(product)
