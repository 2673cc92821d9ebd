"""Filter expressions: they say of each item what a plain evaluation says, and refuse the rest with position and mend."""

import os
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reco_sdk import Filters, Item
from reco_sdk.errors import InvalidExpression, InvalidRequest
from reco_sdk.ranking.expression_builder import FIELDS, MAX_DEPTH, MAX_SIZE
from reco_sdk.ranking.expressions import MAX_LENGTH, parse_expression
from reco_sdk.snapshot.base import Base
from reco_sdk.snapshot.view import View
from tests.core import expression_oracle as oracle

NOW = oracle.datetime(2026, 2, 10, tzinfo=oracle.UTC).timestamp()


def view_of(items, in_base):
    """Return a view whose first items are a snapshot's, as far as an expression reads one."""
    base = Base.empty(0.0)
    columns = type(base.columns).of(items[:in_base])
    base.columns, n = columns, in_base
    base.vectors, base.has_vector = np.zeros((n, 1), np.float32), np.zeros(n, np.bool_)
    base.group_order = np.argsort(columns.group, kind="stable").astype(np.int32)
    base.group_sorted = columns.group[base.group_order]
    return View(base, items[in_base:], {}, (), 1)


def rows_where(text, items, seeds=(), in_base=None, now=NOW):
    view = view_of(items, len(items) if in_base is None else in_base)
    return np.flatnonzero(parse_expression(text).mask(view, now, seeds)).tolist()


@settings(max_examples=300)
@given(oracle.trees, st.lists(oracle.items, min_size=1, max_size=6), st.data())
def test_it_says_what_a_plain_evaluation_says(tree, items, data):
    in_base = data.draw(st.integers(0, len(items)))
    seeds = data.draw(st.lists(st.integers(0, len(items) - 1), max_size=2))
    text = oracle.shown(tree)
    if oracle.speaks_of_seed(tree):
        expected = [row for row, item in enumerate(items) if any(oracle.holds(tree, item, items[seed]) for seed in seeds)]
    else:
        expected = [row for row, item in enumerate(items) if oracle.holds(tree, item, None)]
    for _ in range(2):  # the second time, what is kept
        assert rows_where(text, items, seeds, in_base) == expected, text


WORDS = (
    "and or not in between under is known price brand seed . seed.price tags attributes [ ] ( ) == != < = - + * / , category "
    '"a" \'b\' 1 2.5 1e999 30 days now true __class__ __import__ eval os lambda : ; \\ " # 0x1 é'
)
written = st.text(max_size=60) | st.lists(st.sampled_from(WORDS.split(" ")), max_size=14).map(" ".join)


def check(text):
    """Read it and work it out, or see it refused as it should be; either way within the bounds."""
    error = None
    try:
        expression = parse_expression(text)
    except InvalidExpression as refused:
        error = refused
    if error is None:
        assert expression.root.size <= MAX_SIZE
        assert expression.root.depth <= MAX_DEPTH
        mask = expression.mask(view_of([Item(id="a", title="a", price=1.0)], 1), NOW, [0])
        assert (mask.shape, mask.dtype) == ((1,), np.bool_)
    else:
        assert 0 <= error.position <= len(text)
        assert error.field == "where"
        assert len(str(error)) < 500


@settings(max_examples=int(os.environ.get("FUZZ", "400")))
@given(written)
@example("not " * 3_000 + "available")
@example("(" * 9_000)
@example("-" * 9_000 + "1 < 2")
@example("1+" * 4_000 + "1 < 2")
@example("available or " * 700 + "available")
@example('tag in ["' + '","'.join("a" * 1_000) + '"]')
@example('"' + "\\" * 9_000)
@example("a" * 9_000)
@example("attributes." + "a." * 4_000)
@example("price.__class__.__mro__ == 1")
@example("seed.seed.price > 1")
@example("\ud800 == 1")
@example('brand == "\ud800"')
def test_whatever_is_written_is_read_or_refused(text):
    check(text)


@pytest.mark.parametrize(
    ("text", "position", "mend"),
    [
        ("prize > 3", 0, "did you mean price?"),
        ("seed.prize > 3", 5, "did you mean price?"),
        ('brand = "x"', 6, "write =="),
        ('price > "3"', 8, "leave out the quotes"),
        ('brand < "x"', 0, "no order"),
        ("price between 1 or 2", 16, "'or' cannot stand here"),
        ("price > 1 and", 13, "ends too early"),
        ("price > 1 & available", 10, "write and"),
        ('brand == "abc', 9, "not closed"),
        ("price > 1 price < 2", 10, "may be missing"),
        ("price", 0, "no condition"),
        ('category == "x"', 0, "under another"),
        ('category in ["x"]', 0, "under"),
        ('brand under "x"', 0, "only a category"),
        ("category under 3", 15, "path"),
        ("brand == 3", 9, "quotes"),
        ('availability == "gone"', 16, "in_stock"),
        ("published_at > now - 30", 21, "30 days"),
        ('published_at > "soon"', 15, "2026-01-31"),
        ("brand == tag", 9, "seed.tag"),
        ("brand == seed.category", 9, "under another"),
        ("brand in seed.category", 9, "cannot be compared"),
        ("price.x > 3", 0, "no parts"),
        ("attributes > 3", 0, "attributes.colour"),
        ("seed > 3", 0, "seed.price"),
        ("tag in brand", 7, "did you mean seed.brand"),
        ("tag in 3", 7, "list"),
        ("price in []", 0, "there is none"),
        ("available < true", 0, "no order"),
        ("price + brand > 3", 8, "makes no sense"),
        ("-brand == 3", 1, "no sign"),
        ("1 is known", 0, "only a field"),
        ("price > 1e400", 8, "too large"),
        ("", 0, "empty"),
        ("x" * (MAX_LENGTH + 1), MAX_LENGTH, "10,000"),
        ("(" * 50 + "available" + ")" * 50, 40, "40 deep"),
    ],
)
def test_what_is_wrong_is_said_with_position_and_mend(text, position, mend):
    with pytest.raises(InvalidExpression) as caught:
        parse_expression(text)
    assert caught.value.position == position
    assert mend in str(caught.value)
    assert f"character {position + 1}" in str(caught.value)


def test_a_category_holds_what_is_under_it_and_case_does_not_matter():
    items = [
        Item(id="a", title="a", categories=("Women > Dresses > Summer",)),
        Item(id="b", title="b", categories=("Men", "women>dresses")),
        Item(id="c", title="c", categories=("Women's",)),
    ]
    assert rows_where('category under "women > DRESSES"', items) == [0, 1]
    assert rows_where('category not under ["Men", "Women\'s"]', items) == [0]


def test_ids_and_groups():
    items = [Item(id="a", title="a", group_id="g"), Item(id="b", title="b", group_id="g"), Item(id="c", title="c")]
    assert rows_where('id in ["a", "c", "none"]', items) == [0, 2]
    assert rows_where('id != "a"', items, in_base=1) == [1, 2]
    assert rows_where("group_id == seed.group_id", items, [0], in_base=1) == [0, 1]
    assert rows_where('group_id == "g"', items) == [0, 1]
    assert rows_where("id == seed.id", items, [2]) == [2]
    assert rows_where('seed.id == "b" and id is known', items, [1]) == [0, 1, 2]


def test_times_and_spans():
    at = [oracle.datetime(2026, 2, day, tzinfo=oracle.UTC) for day in (1, 9)]
    items = [Item(id=f"{day}", title="t", published_at=day) for day in (*at, None)]
    assert rows_where("published_at > now - 3 days", items) == [1]
    assert rows_where("now - published_at >= 9 days", items) == [0]
    assert rows_where("not (published_at > now - 72 hours)", items) == [0, 2]
    assert rows_where('published_at == "2026-02-01"', items) == [0]
    assert rows_where('published_at < "2026-02-09T00:30+01:00"', items) == [0]
    assert rows_where("expires_at is unknown and published_at + 1 day < now", items) == [0]


def test_what_speaks_of_the_seed_holds_for_one_of_several_and_never_without():
    items = [Item(id=brand, title=brand, brand=brand) for brand in "abc"]
    assert rows_where("brand == seed.brand", items, [0, 2]) == [0, 2]
    assert rows_where("not (brand == seed.brand)", items) == []


def test_filters_take_an_expression():
    view = view_of([Item(id="a", title="a", price=5.0), Item(id="b", title="b", price=9.0)], 1)
    assert Filters(where="price > 6").mask(view, NOW).tolist() == [False, True]
    assert Filters(where="price > 6").varying is None
    assert Filters(where="price > seed.price").varying.text == "price > seed.price"
    assert Filters(where="price > 6") == Filters(where="price > 6") != Filters()
    with pytest.raises(InvalidExpression, match="did you mean price"):
        Filters(where="prise > 6")
    with pytest.raises(InvalidRequest, match="text"):
        Filters(where=3)


def test_every_field_is_documented():
    from tests.project.documents import ROOT

    text = (ROOT / "docs" / "filters.md").read_text(encoding="utf-8")
    assert [name for name in FIELDS if f"`{name}`" not in text] == []


def test_the_parser_is_loaded_only_where_an_expression_is_used():
    import subprocess

    code = """
import sys
from reco_sdk import Filters
from reco_sdk.engine import Engine
Filters(brands=("a",))
assert "lark" not in sys.modules
Filters(where="price > 1")
assert "lark" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
