"""Merchandising rules: values checked, meant where they say, and pins and hides that hold whatever the models say."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_sdk import Filters, Item, Request
from reco_sdk.errors import InvalidRule
from reco_sdk.ranking.rules import Rule
from tests.core.support import NOON, recommender

ITEMS = [
    Item(
        id=f"i{n}",
        title=f"thing {n % 5} {'red' if n % 2 else 'blue'}",
        brand=("Acme", "Blåhaj", "Cato")[n % 3],
        categories=("Women > Dresses" if n % 4 else "Men",),
        price=float(n),
        group_id=f"g{n // 2}" if n < 8 else None,
        availability="out_of_stock" if n % 7 == 6 else "in_stock",
    )
    for n in range(24)
]
SOLD_OUT = {item.id for item in ITEMS if not item.is_available}
IDS = [item.id for item in ITEMS]


@pytest.fixture
async def shop():
    async with recommender() as reco:
        await reco.upsert_items(ITEMS)
        yield reco


@pytest.mark.parametrize(
    ("fields", "field", "mend"),
    [
        ({"id": "no spaces"}, "id", "letters"),
        ({"action": "show"}, "action", "pin, boost"),
        ({"items": ()}, "items", "give items"),
        ({"items": "i1"}, "items", "list"),
        ({"action": "pin"}, "slot", "1 .the first."),
        ({"action": "pin", "slot": 0}, "slot", "place"),
        ({"slot": 1}, "slot", "pin"),
        ({"action": "boost", "factor": 0.5}, "factor", "above 1"),
        ({"action": "bury", "factor": 2}, "factor", "below 1"),
        ({"factor": 2}, "factor", "boost and bury"),
        ({"action": "replace", "items": ()}, "strategy", "one of the two"),
        ({"strategy": "popular"}, "strategy", "replace"),
        ({"where": "prize > 3"}, "where", "did you mean price"),
        ({"starts_at": "soon"}, "starts_at", "ISO 8601"),
        ({"starts_at": NOON, "ends_at": NOON}, "ends_at", "after"),
        ({"priority": 1.5}, "priority", "whole number"),
        ({"note": "a\x00"}, "note", "null"),
        ({"enabled": 1}, "enabled", "true or false"),
    ],
)
def test_what_cannot_be_is_refused_with_field_and_mend(fields, field, mend):
    with pytest.raises(InvalidRule, match=mend) as caught:
        Rule(**{"id": "r", "action": "hide", "items": ("i1",), **fields})
    assert caught.value.field == field


def test_a_rule_goes_through_json_and_a_store_unchanged():
    rule = Rule(
        id="r", action="pin", items=["a", "a", " b "], slot=2, starts_at="2026-01-01", placements=("home",), enabled=False
    )
    assert rule.items == ("a", "b")
    assert Rule.from_dict(rule.to_dict()) == Rule.of_stored(rule.stored()) == rule
    with pytest.raises(InvalidRule, match="known are id"):
        Rule.from_dict({"id": "r", "action": "hide", "colour": "red"})


async def test_each_action_does_what_it_says(shop):
    before = (await shop.similar_items("i9", 6)).ids
    await shop.put_rule(Rule(id="hide", action="hide", items=(before[0],)))
    assert before[0] not in (await shop.similar_items("i9", 6)).ids
    await shop.put_rule(Rule(id="boost", action="boost", items=(before[4],), factor=100))
    boosted = await shop.similar_items("i9", 6)
    assert boosted.ids[0] == before[4]
    assert boosted[0].contributions["rule:boost"] == pytest.approx(0.99 * boosted[0].score)
    await shop.put_rule(Rule(id="bury", action="bury", items=(before[4],), factor=0.001, priority=1))
    item = next(i for i in await shop.similar_items("i9", 20) if i.id == before[4])
    assert {"rule:boost", "rule:bury"} <= set(item.contributions)
    await shop.put_rule(Rule(id="pin", action="pin", items=("i17",), slot=3))
    assert (await shop.similar_items("i9", 6)).ids[2] == "i17"
    await shop.put_rule(Rule(id="list", action="replace", items=("i1", "i6", "i3"), placements=("cart",)))
    assert (await shop.similar_items("i9", 6, placement="cart")).ids == ("i1", "i3")
    await shop.put_rule(
        Rule(id="other", action="replace", strategy="new_arrivals", placements=("home",), strategies=("trending",))
    )
    assert (await shop.recommend(strategy="trending")).strategy == "trending"
    for rule in await shop.rules():
        assert await shop.delete_rule(rule.id)
    assert (await shop.similar_items("i9", 6)).ids == before


@pytest.mark.parametrize(
    ("scope", "meant", "other"),
    [
        ({"placements": ("item",)}, {}, {"placement": "cart"}),
        ({"strategies": ("similar_items",)}, {}, {"strategy": "you_may_also_like"}),
        ({"in_categories": ("women",)}, {}, {"seeds": ("i8",)}),
        ({"in_categories": ("Men",)}, {"filters": Filters(categories=("Men",)), "seeds": ("i9",)}, {}),
        ({"segments": ("vip",)}, {"segments": ("vip",)}, {}),
        ({"languages": ("DE",)}, {"filters": Filters(attributes={"languages": ("de",)}, available=False)}, {}),
    ],
)
async def test_a_rule_is_meant_where_it_says(shop, scope, meant, other):
    await shop.put_rule(Rule(id="r", action="hide", where="price >= 0", **scope))
    asked = {"strategy": "similar_items", "placement": "item", "seeds": ("i9",)}
    assert shop.recommend_now(Request(**{**asked, **meant})).ids == ()
    assert shop.recommend_now(Request(**{**asked, **other})).ids != ()


async def test_dates_begin_and_end_a_rule(shop):
    day = timedelta(days=1)
    await shop.put_rule(Rule(id="past", action="hide", where="price >= 0", ends_at=NOON - day))
    await shop.put_rule(Rule(id="later", action="hide", where="price >= 0", starts_at=NOON + day))
    await shop.put_rule(Rule(id="off", action="hide", where="price >= 0", enabled=False))
    assert (await shop.recommend()).ids != ()
    await shop.put_rule(Rule(id="now", action="hide", where="price >= 0", starts_at=NOON - day))
    assert (await shop.recommend()).ids == ()


async def test_what_speaks_of_the_seed_is_worked_out_for_each_request(shop):
    await shop.put_rule(Rule(id="r", action="hide", where="brand != seed.brand"))
    slate = await shop.similar_items("i9", 5)
    assert {ITEMS[int(i[1:])].brand for i in slate.ids} == {ITEMS[9].brand}
    assert (await shop.recommend()).ids != ()


async def test_an_item_that_comes_later_is_steered_too(shop):
    await shop.put_rule(Rule(id="r", action="hide", brands=("acme",)))
    await shop.upsert_items([Item(id="new", title="thing 4 red", brand="ACME", price=1.0)])
    assert "new" not in (await shop.recommend(n=30)).ids
    await shop.sync()
    assert not {"new", "i0"} & set((await shop.recommend(n=30)).ids)


async def test_conflicts_are_told(shop):
    for rule in (
        Rule(id="a", action="pin", items=("i1", "i2"), slot=1),
        Rule(id="b", action="pin", items=("i3",), slot=2),
        Rule(id="c", action="pin", items=("i3",), slot=2, placements=("cart",), ends_at="2020-01-01"),
        Rule(id="d", action="hide", where='brand == "Acme" and id == "i3"'),
        Rule(id="e", action="boost", where="price > 1000"),
    ):
        await shop.put_rule(rule)
    told = {(c.kind, c.rule_ids) for c in await shop.rule_conflicts()}
    assert {("slot", ("a", "b")), ("hidden", ("b", "d")), ("nothing", ("e",))} <= told
    with pytest.raises(InvalidRule, match="checkout"):
        await shop.put_rule(Rule(id="x", action="hide", items=("i1",), placements=("nowhere",)))


async def test_the_history_is_kept(shop):
    await shop.put_rule(Rule(id="a", action="hide", items=("i1",)), by="anna")
    await shop.delete_rule("a", by="ben")
    assert [(c.by, c.after is None) for c in await shop.rule_history("a")] == [("ben", True), ("anna", False)]


some = st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True).map(tuple)
targets = st.one_of(
    some.map(lambda ids: {"items": ids}),
    st.sampled_from(("Acme", "Cato")).map(lambda brand: {"brands": (brand,)}),
    st.sampled_from(("price > 12", "price < seed.price", 'category under "Men"')).map(lambda where: {"where": where}),
)
rules = st.one_of(
    targets.map(lambda given: {"action": "hide", **given}),
    st.tuples(targets, st.integers(1, 6)).map(lambda pair: {"action": "pin", "slot": pair[1], **pair[0]}),
    st.tuples(targets, st.sampled_from((3.0, 50.0))).map(lambda pair: {"action": "boost", "factor": pair[1], **pair[0]}),
    targets.map(lambda given: {"action": "bury", **given}),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rules, max_size=5), st.sampled_from(("similar_items", "trending", "recommended_for_you")), st.integers(1, 8))
async def test_pins_and_hides_hold_whatever_the_models_say(shop, given_rules, strategy, n):
    steered = [Rule(id=f"r{place}", priority=-place, **fields) for place, fields in enumerate(given_rules)]
    for rule in steered:
        await shop.put_rule(rule)
    try:
        seeds = ("i9",) if strategy == "similar_items" else ()
        slate = shop.recommend_now(Request(strategy=strategy, n=n, seeds=seeds))
        hidden = {i.id for i in ITEMS for r in steered if r.action == "hide" and names(r, i, ITEMS[9] if seeds else None)}
        assert not hidden & set(slate.ids)
        assert not SOLD_OUT & set(slate.ids)
        groups = [ITEMS[int(i[1:])].group_id or i for i in slate.ids]
        assert len(set(groups)) == len(groups)
        scores = [item.score for item in slate]
        assert scores == sorted(scores, reverse=True) or max(b - a for a, b in pairwise(scores)) < 1e-6
        for item in slate:
            assert sum(item.contributions.values()) == pytest.approx(item.score, abs=1e-6)
        first = next((r for r in steered if r.action == "pin" and r.items), None)
        if first is not None and first is next(r for r in steered if r.action == "pin"):
            fit = [i for i in first.items if i not in hidden | SOLD_OUT and i not in seeds and ITEMS[int(i[1:])].group_id is None]
            if fit and first.slot <= n and len(first.items) == 1:
                assert slate.ids[min(first.slot, len(slate.ids)) - 1] == fit[0] or fit[0] in slate.ids[: first.slot]
                assert fit[0] in slate.ids
    finally:
        for rule in steered:
            await shop.delete_rule(rule.id)


def names(rule, item, seed):
    if item.id in rule.items or item.brand in rule.brands:
        return True
    return {
        "": False,
        "price > 12": item.price > 12,
        "price < seed.price": seed is not None and item.price < seed.price,
        'category under "Men"': item.categories == ("Men",),
    }[rule.where]
