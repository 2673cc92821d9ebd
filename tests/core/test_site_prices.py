"""Prices by site: filters, expressions, rules, caps and what is on sale read what the request's site asks."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk import Filters, Item, Request
from reco_sdk.errors import InvalidItem, InvalidRequest
from reco_sdk.items.catalogue import Columns
from reco_sdk.ranking.diversity import Diversity
from reco_sdk.ranking.rules import Rule
from tests.core.support import recommender

ITEMS = [
    Item(
        id=f"i{n}",
        title=f"thing {n}",
        price=10.0 + n,
        sale_price=9.0 if n == 11 else None,
        prices={"uk": 100.0 - n} if n % 2 else {"uk": (50.0, 40.0), "se": 7.0} if n % 4 == 0 else {},
    )
    for n in range(12)
]
ODD = {f"i{n}" for n in range(1, 12, 2)}


@pytest.fixture(params=["new", "in the snapshot", "changed"])
async def shop(request):
    async with recommender() as reco:
        await reco.upsert_items(ITEMS)
        if request.param != "new":
            await reco.sync()
        if request.param == "changed":
            await reco.upsert_items([Item(id="i1", title="thing 1 anew", price=11.0, prices={"uk": 99.0}), ITEMS[2]])
        yield reco


def shown(shop, strategy="new_arrivals", **filters):
    return set(
        shop.recommend_now(Request(strategy=strategy, n=20, strict=strategy != "new_arrivals", filters=Filters(**filters))).ids
    )


def test_filters_expressions_and_sales(shop):
    assert shown(shop, price_max=15) == {"i0", "i1", "i2", "i3", "i4", "i5", "i11"}
    assert shown(shop, price_max=45, site="uk") == {"i0", "i2", "i4", "i6", "i8", "i10"}
    assert shown(shop, price_min=90, site="uk") == ODD - {"i11"}
    assert shown(shop, where="price between 90 and 96", site="uk") == {"i5", "i7", "i9"}
    assert shown(shop, where="discount >= 0.2", site="uk") == {"i0", "i4", "i8"}
    assert shown(shop, "on_sale", site="uk") == {"i0", "i4", "i8"}
    assert shown(shop, "on_sale") == shown(shop, "on_sale", site="elsewhere") == {"i11"}
    assert shown(shop, site="uk") == shown(shop) == {item.id for item in ITEMS}


def test_an_expression_about_the_seed_compares_what_the_site_asks(shop):
    asked = {"strategy": "similar_items", "n": 20, "seeds": ("i1",)}
    near = "price between 0.95*seed.price and 1.05*seed.price"
    assert set(shop.recommend_now(Request(**asked, filters=Filters(where=near, site="uk"))).ids) <= ODD
    assert set(shop.recommend_now(Request(**asked, filters=Filters(where=near))).ids) <= {"i0", "i11"}


async def test_rules_act_on_what_the_site_asks(shop):
    await shop.put_rule(Rule(id="dear", action="hide", where="price > 45", sites=("uk",)))
    await shop.put_rule(Rule(id="cheap", action="hide", where="price < 8"))
    assert shown(shop, site="uk") == {"i0", "i2", "i4", "i6", "i8", "i10"}
    assert shown(shop) == {item.id for item in ITEMS}
    assert shown(shop, site="se") == {item.id for item in ITEMS} - {"i0", "i4", "i8"}
    assert shop.engine.state.rules.at_site(shop.engine.state.view.at_site("uk")) is shop.engine.state.rules.at_site(
        shop.engine.state.view.at_site("uk")
    )


async def test_why_not_names_the_price_of_the_site(shop):
    request = Request(strategy="new_arrivals", n=20, filters=Filters(price_max=60, site="uk"))
    told = shop.why_not_now("i3", request)
    assert told.stage == "filter"
    assert told.changed(request).filters.price_max == 97.0
    assert "i3" in shop.recommend_now(told.changed(request)).ids


def test_bands_of_prices_are_those_of_the_site(shop):
    diversity = Diversity(price_share=0.5)
    asked = {"strategy": "new_arrivals", "n": 6, "diversity": diversity}
    view = shop.engine.state.view.at_site("uk")
    ids = shop.recommend_now(Request(**asked, filters=Filters(site="uk"))).ids
    dear = sum(float(view.price[view.row(item_id)]) > 80 for item_id in ids)
    assert len(ids) == 6
    assert dear <= 3


def test_a_site_without_prices_of_its_own_costs_nothing(shop):
    view = shop.engine.state.view
    assert view.at_site("elsewhere") is view
    assert shop.engine.state.at_site("elsewhere") is shop.engine.state
    assert view.at_site("uk") is view.at_site("uk")


@pytest.mark.parametrize(
    ("prices", "field", "mend"),
    [
        ({"uk": "dear"}, "prices.uk", "not a number"),
        ({"uk": -1}, "prices.uk", "not between"),
        ({"uk": (1, 2, 3)}, "prices.uk", "price and sale price"),
        ({"uk": ()}, "prices.uk", "price and sale price"),
        ([1], "prices", "mapping"),
        ({f"s{n}": 1 for n in range(201)}, "prices", "at most 200"),
    ],
)
def test_prices_that_cannot_be(prices, field, mend):
    with pytest.raises(InvalidItem, match=mend) as found:
        Item(id="a", title="a", prices=prices)
    assert found.value.field == field


def test_a_site_is_text():
    with pytest.raises(InvalidRequest, match="site"):
        Filters(site=7)


PRICES = st.floats(0, 1e6, allow_nan=False)
SITES = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.one_of(PRICES, st.tuples(PRICES, PRICES)), max_size=3)


@given(st.lists(st.tuples(st.none() | PRICES, SITES), max_size=8))
@settings(max_examples=60, deadline=None)
def test_columns_at_a_site_are_what_each_item_says(given_items):
    items = [Item(id=str(n), title="t", price=price, prices=prices) for n, (price, prices) in enumerate(given_items)]
    items = [Item.from_dict(json.loads(json.dumps(item.to_dict()))) for item in items]
    columns = Columns.of(items)
    columns = Columns.from_arrays(columns.to_arrays().__getitem__)
    for site in ("", "a", "b", "c", "d"):
        asked = [item.asked_at(site) for item in items]
        at = columns.at_site(site)
        assert np.array_equal(at.price, np.asarray([np.nan if p is None else p for p, _ in asked], float), equal_nan=True)
        assert np.allclose(at.discount, np.asarray([d for _, d in asked], np.float32))
