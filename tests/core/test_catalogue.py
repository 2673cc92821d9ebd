"""The catalogue as columns says the same as its items, in memory and mapped from arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_sdk import Item
from reco_sdk.items.catalogue import Columns, attribute_kind, facet
from reco_sdk.items.tables import IdTable, TextTable, key_hash
from tests.core.test_items import items

NAMES = ("brand", "language", "tag")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_are_found_by_row(texts):
    table = TextTable.of(texts)
    assert len(table) == len(texts)
    assert [table[row] for row in range(len(table))] == texts


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True), st.text())
def test_ids_are_found_by_row_and_rows_by_id(ids, other):
    table = IdTable.of(ids)
    assert [table[row] for row in range(len(table))] == ids
    assert [table.row(item_id) for item_id in ids] == list(range(len(ids)))
    assert table.row(other) == (ids.index(other) if other in ids else -1)


def test_ids_whose_hashes_collide_are_still_told_apart(monkeypatch):
    monkeypatch.setattr("reco_sdk.items.tables.key_hash", len)
    table = IdTable.of(["a", "b", "cc", "d"])
    assert [table.row(i) for i in ("a", "b", "cc", "d", "e", "ee", "fff")] == [0, 1, 2, 3, -1, -1, -1]


def test_a_key_hash_is_the_same_everywhere():
    assert isinstance(key_hash("\ud800"), int)  # whatever a visitor sends


@given(st.lists(items, max_size=8, unique_by=lambda item: item.id))
def test_columns_say_what_the_items_say(catalogue):
    for columns in (Columns.of(catalogue), Columns.from_arrays(Columns.of(catalogue).to_arrays().__getitem__)):
        assert len(columns) == len(catalogue)
        for row, item in enumerate(catalogue):
            assert columns.ids.row(item.id) == row
            assert columns.titles[row] == item.title
            assert columns.available[row] == item.is_available
            price = item.effective_price
            assert np.isnan(columns.price[row]) if price is None else columns.price[row] == price
            for column, value in ((columns.quantity, item.quantity), (columns.rating, item.rating)):
                assert np.isnan(column[row]) if value is None else column[row] == value
            brands = [item.brand.casefold().strip()] if item.brand else []
            assert columns.facets.values(row, "brand") == brands
            assert columns.facets.values(row, "availability") == [item.availability]
            for tag in item.tags:
                assert row in columns.facets.rows(facet("tag", tag))
            for name, value in item.attributes.items():
                for entry in (value,) if isinstance(value, str) else value:
                    assert row in columns.facets.rows(facet(attribute_kind(name), entry))
            leaf = item.categories[0].split(">")[-1].strip() if item.categories else ""
            assert columns.category_names[row] == leaf
        for one in catalogue:
            for other in catalogue:
                same = (one.group_id or one.id) == (other.group_id or other.id)
                assert (columns.group[catalogue.index(one)] == columns.group[catalogue.index(other)]) == same


def test_a_category_holds_what_lies_under_it():
    columns = Columns.of(
        [
            Item(id="a", title="x", categories=["Women > Dresses > Summer", "Sale"]),
            Item(id="b", title="x", categories=["women > dresses"]),
            Item(id="c", title="x", categories=["Women's > Dresses"]),
            Item(id="d", title="x"),
        ]
    )

    def under(path):
        return columns.facets.rows(facet("category", path)).tolist()

    assert under("Women") == [0, 1]
    assert under("WOMEN > Dresses") == [0, 1]
    assert under("Women > Dresses > Summer") == [0]
    assert under("Sale") == [0]
    assert under("Dresses") == []
    assert columns.main_category[3] == -1


@pytest.mark.parametrize(("name", "value"), [("a", "b=c"), ("a=b", "c")])
def test_an_equals_sign_does_not_make_two_attributes_one(name, value):
    columns = Columns.of([Item(id="x", title="x", attributes={name: value})])
    found = [len(columns.facets.rows(facet(attribute_kind(n), v))) for n, v in (("a", "b=c"), ("a=b", "c"))]
    assert found == ([1, 0] if name == "a" else [0, 1])
