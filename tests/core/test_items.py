"""An item is accepted as it will be stored, or refused with its id, the field and the mend."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_sdk import Item, RecoError
from reco_sdk.errors import InvalidItem
from reco_sdk.items.item import AVAILABILITIES, check_unique_ids

REFUSED = [
    ({"title": ""}, "title", "missing"),
    ({"title": "   "}, "title", "missing"),
    ({"title": None}, "title", "missing"),
    ({"title": 7}, "title", "not text"),
    ({"title": "x" * 1_001}, "title", "at most 1,000"),
    ({"description": "x" * 10_000_000}, "description", "10,000,000 characters"),
    ({"price": math.nan}, "price", "leave it out"),
    ({"price": math.inf}, "price", "leave it out"),
    ({"price": -math.inf}, "price", "leave it out"),
    ({"price": -0.01}, "price", "leave it out"),
    ({"price": "cheap"}, "price", "not a number"),
    ({"price": True}, "price", "leave it out"),
    ({"price": 10**400}, "price", "not a number"),
    ({"sale_price": math.nan}, "sale_price", "leave it out"),
    ({"currency": "EURO"}, "currency", "ISO 4217"),
    ({"currency": ["EUR"]}, "currency", "ISO 4217"),
    ({"availability": "maybe"}, "availability", "in_stock"),
    ({"availability": ["in_stock"]}, "availability", "in_stock"),
    ({"availability": None}, "availability", "in_stock"),
    ({"quantity": -1}, "quantity", "leave it out"),
    ({"quantity": 1.5}, "quantity", "leave it out"),
    ({"quantity": True}, "quantity", "leave it out"),
    ({"quantity": 2**64}, "quantity", "leave it out"),
    ({"rating": 5.1}, "rating", "scale it"),
    ({"rating_count": -3}, "rating_count", "leave it out"),
    ({"title": "Red\x00dress"}, "title", "control character U[+]0000"),
    ({"title": "Red\ndress"}, "title", "control character U[+]000A"),
    ({"title": "Red \ud800"}, "title", "lone surrogate U[+]D800"),
    ({"description": "bell \x07"}, "description", "control character U[+]0007"),
    ({"brand": "\x85x\x85y"}, "brand", "control character U[+]0085"),
    ({"categories": "Women"}, "categories", "list of texts"),
    ({"categories": [1]}, "categories", "not text"),
    ({"categories": None}, "categories", "list of texts"),
    ({"tags": ["x"] * 201}, "tags", "at most 200"),
    ({"tags": ["a\x01"]}, "tags", "control character"),
    ({"attributes": ["colour"]}, "attributes", "mapping"),
    ({"attributes": {"colour": 3}}, "attributes.colour", "text or a list"),
    ({"attributes": {"colour": [3]}}, "attributes.colour", "not text"),
    ({"attributes": {"colour": ["x"] * 201}}, "attributes.colour", "at most 200"),
    ({"attributes": {3: "x"}}, "attributes", "not text"),
    ({"attributes": {"a\x00": "x"}}, "attributes", "control character"),
    ({"published_at": "soon"}, "published_at", "ISO 8601"),
    ({"published_at": 5}, "published_at", "datetime"),
    ({"expires_at": "9999-12-31T23:59:59-05:00"}, "expires_at", "leave it out"),
    ({"published_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))}, "published_at", "leave it out"),
]


@pytest.mark.parametrize(("fields", "field", "mend"), REFUSED, ids=lambda value: repr(value)[:40])
def test_what_cannot_be_is_refused_with_item_field_and_mend(fields, field, mend):
    with pytest.raises(InvalidItem, match=mend) as caught:
        Item(**{"id": "sku-1", "title": "Dress", **fields})
    assert (caught.value.item_id, caught.value.field) == ("sku-1", field)
    assert "sku-1" in str(caught.value)
    assert len(str(caught.value)) < 1_000  # ten megabytes are not repeated


@pytest.mark.parametrize("bad", ["", " ", None, 7, "a\x00", "\ud800", "x" * 256])
def test_an_id_is_short_text(bad):
    with pytest.raises(InvalidItem) as caught:
        Item(id=bad, title="Dress")
    assert caught.value.field == "id"


@pytest.mark.parametrize("missing", ["id", "title"])
@pytest.mark.parametrize("value", [None, ""])
def test_plain_fields_need_id_and_title(missing, value):
    with pytest.raises(InvalidItem, match="every item needs one") as caught:
        Item.from_dict({"id": "sku-1", "title": "Dress", missing: value})
    assert caught.value.field == missing


def test_a_field_that_no_item_has_is_named():
    with pytest.raises(InvalidItem, match="colour: is not a field"):
        Item.from_dict({"id": "sku-1", "title": "Dress", "colour": "red"})


def test_errors_are_value_errors_too():
    assert issubclass(InvalidItem, RecoError)
    assert issubclass(InvalidItem, ValueError)


def test_values_are_normalised():
    item = Item(
        id=" sku-1 ",
        title=" Dress ",
        brand=" ",
        categories=["Women>Dresses", "Women > Dresses", " > ", "", "> Sale >"],
        currency=" eur ",
        price="59.90",
        tags=("new", "new", " "),
        published_at="2026-01-01T10:00:00+02:00",
        expires_at=datetime(2027, 1, 1),
        description="two\nlines",
    )
    assert (item.id, item.title, item.brand, item.currency, item.price) == ("sku-1", "Dress", None, "EUR", 59.9)
    assert item.categories == ("Women > Dresses", "Sale")
    assert item.tags == ("new",)
    assert item.published_at == datetime(2026, 1, 1, 8, tzinfo=UTC)
    assert item.expires_at == datetime(2027, 1, 1, tzinfo=UTC)


def test_joiners_and_no_break_spaces_are_text():
    assert Item(id="x", title="Café\u00a0crème 👩\u200d🚀").title == "Café\u00a0crème 👩\u200d🚀"


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        ({}, None),
        ({"price": 5}, 5),
        ({"price": 5, "sale_price": 4}, 4),
        ({"price": 5, "sale_price": 6}, 5),
        ({"sale_price": 0}, 0),
    ],
)
def test_the_price_is_what_is_asked_now(fields, price):
    assert Item(id="x", title="x", **fields).effective_price == price


@pytest.mark.parametrize("availability", sorted(AVAILABILITIES))
@pytest.mark.parametrize("quantity", [None, 0, 3])
def test_available_means_can_be_bought_now(availability, quantity):
    wanted = availability in {"preorder", "backorder"} or (availability == "in_stock" and quantity != 0)
    assert Item(id="x", title="x", availability=availability, quantity=quantity).is_available is wanted


def test_an_id_stands_once_in_a_batch():
    a, b = Item(id="a", title="x"), Item(id="b", title="x")
    check_unique_ids([a, b])
    with pytest.raises(InvalidItem, match=r"'a'.*stands twice"):
        check_unique_ids([a, b, Item(id="a", title="y")])


text = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12).filter(str.strip)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
items = st.builds(
    Item,
    id=text,
    title=text,
    description=st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12),
    group_id=st.none() | text,
    categories=st.lists(text, max_size=3),
    price=st.none() | st.floats(0, 1e6),
    quantity=st.none() | st.integers(0, 2**63 - 1),
    availability=st.sampled_from(sorted(AVAILABILITIES)),
    attributes=st.dictionaries(text, text | st.lists(text, max_size=3), max_size=3),
    tags=st.lists(text, max_size=3),
    published_at=st.none() | times,
)


@given(items)
def test_an_item_survives_json_and_normalising_twice_changes_nothing(item):
    again = Item.from_dict(item.to_dict())
    assert again == item
    assert again.content_hash == item.content_hash
    assert hash(again) == hash(item)


@given(items, items)
def test_the_content_hash_tells_items_apart(one, other):
    assert (one.to_dict() == other.to_dict()) == (one.content_hash == other.content_hash)


@given(
    st.dictionaries(
        st.sampled_from(sorted(Item.__dataclass_fields__)),
        st.none() | st.text() | st.integers() | st.floats() | st.lists(st.text()),
    )
)
def test_anything_else_is_refused_by_name(fields):
    item = error = None
    try:
        item = Item.from_dict({"id": "x", "title": "x", **fields})
    except InvalidItem as refusal:
        error = refusal
    if error is not None:
        assert error.field.split(".")[0] in Item.__dataclass_fields__
    else:
        assert Item.from_dict(item.to_dict()) == item
