"""The text recipe: what of an item is embedded."""

from __future__ import annotations

import hashlib
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_sdk import Item
from reco_sdk.items.text import DEFAULT_RECIPE, TextRecipe, strip_html


def text(**fields) -> str:
    return DEFAULT_RECIPE.text(Item(**{"id": "1", "title": "Red linen dress", **fields}))


def test_a_bare_item_is_its_title():
    assert text() == "Red linen dress"


def test_title_and_leaf_categories():
    assert text(categories=["Women > Dresses", "Sale > Summer"]) == "Red linen dress. Dresses. Summer"


def test_parts_stand_in_order_of_weight():
    assert text(
        brand="Acme",
        categories=["Women > Clothes"],
        attributes={"zip": "side", "material": "linen, cotton", "size": ["S", "M"]},
        description="<p>Cool &amp; light.</p>",
    ) == ("Red linen dress. Acme. Clothes. material linen, cotton. size S, M. zip side. Cool & light")


def test_what_the_title_says_is_not_said_again():
    assert text(title="Acme dress", brand="ACME", categories=["Dress"], description="acme dress") == "Acme dress"


def test_numbers_say_nothing_and_are_left_out():
    assert text(attributes={"gtin": "4006381333931", "weight": "12.5"}) == "Red linen dress"


def test_where_it_may_be_shown_is_not_told():
    assert text(attributes={"sites": ("eu", "us"), "languages": "de"}) == "Red linen dress"


def test_few_attributes_the_telling_ones_first():
    attributes = {f"a{i}": f"v{i}x" for i in range(9)} | {"colour": "teal"}
    parts = text(attributes=attributes).split(". ")[1:]
    assert parts == ["colour teal", "a0 v0x", "a1 v1x", "a2 v2x", "a3 v3x"]


def test_the_order_of_attributes_does_not_change_the_hash():
    one = Item(id="1", title="T", attributes={"b": "x", "a": "y"})
    two = Item(id="1", title="T", attributes={"a": "y", "b": "x"})
    assert DEFAULT_RECIPE.text_hash(one) == DEFAULT_RECIPE.text_hash(two)


def test_a_long_description_is_cut_at_a_word():
    shown = text(description="word " * 10_000)
    assert len(shown) <= len("Red linen dress. ") + 500
    assert shown.endswith("word")


def test_one_endless_word_is_cut_hard():
    assert len(text(description="x" * 5_000)) == len("Red linen dress. ") + 500


def test_the_hash_is_sha256_of_the_text_and_nothing_else():
    item = Item(id="1", title="Mug", price=3.0)
    assert DEFAULT_RECIPE.text_hash(item) == hashlib.sha256(b"Mug").hexdigest()
    assert TextRecipe(version="2").text_hash(item) == DEFAULT_RECIPE.text_hash(item)
    assert DEFAULT_RECIPE.text_hash(Item(id="2", title="Mug", price=9.0)) == DEFAULT_RECIPE.text_hash(item)


def test_a_shop_gives_a_function_or_a_subclass():
    class Shouting(TextRecipe):
        def text(self, item: Item) -> str:
            return item.title.upper()

    item = Item(id="1", title="Mug", brand="Acme")
    assert TextRecipe(version="mine", build=lambda i: f"{i.brand}: {i.title}").text(item) == "Acme: Mug"
    assert Shouting(version="loud").text(item) == "MUG"
    assert Shouting(version="loud").text_hash(item) == hashlib.sha256(b"MUG").hexdigest()


def test_a_recipe_is_frozen():
    with pytest.raises(FrozenInstanceError):
        DEFAULT_RECIPE.version = "x"


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain", "plain"),
        ("<p>a</p><p>b</p>", "a b"),
        ("a<br>b", "a b"),
        ("5 &lt; 6 &amp; 7", "5 < 6 & 7"),
        ("<style>p {color: red}</style>x<script>y()</script>", "x"),
        ("two\n\n lines\t", "two lines"),
        ("<!-- hidden -->seen", "seen"),
        ("I <3 you", "I <3 you"),
        ("", ""),
    ],
)
def test_strip_html(given_text, shown):
    assert strip_html(given_text) == shown


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=300))
def test_any_description_gives_a_text_that_starts_with_the_title(description):
    assert text(description=description).startswith("Red linen dress")


def test_hostile_markup_is_read_in_bounded_time():
    assert text(description="<" * 100_000).startswith("Red linen dress")
    assert text(description="<script>" * 20_000) == "Red linen dress"
