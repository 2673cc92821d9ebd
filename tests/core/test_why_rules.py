"""What rules do is named in explanations; and whatever stands in an item's way, the changes that are proposed show it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk import Filters, Item, Request
from reco_sdk.explaining import explain, why_not
from reco_sdk.ranking.diversity import Diversity
from reco_sdk.ranking.rules import Rule
from tests.core.support import NOON, WARDROBE, recommender, view


@pytest.fixture
async def shop():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        yield reco


async def test_a_rule_that_hides_is_named_by_id_and_note_and_taking_it_back_shows_the_item(shop):
    request = Request(strategy="similar_items", seeds=("boots",), n=8)
    for rule in (
        Rule(id="recall", action="hide", items=("kettle",), note="burns"),
        Rule(id="no-volt", action="hide", where='brand == "Volt" and price < seed.price'),
        Rule(id="elsewhere", action="hide", items=("kettle",), placements=("cart",)),
    ):
        await shop.put_rule(rule)
    found = why_not(shop.engine, "kettle", request)
    assert found.stage == "rule"
    assert found.text == "hidden here by rule no-volt, rule recall (burns)"
    (change,) = found.changes
    assert (change.text, change.rules) == ("take back or change rule no-volt, rule recall (burns)", ("no-volt", "recall"))
    assert found.to_dict()["changes"][0]["rules"] == ["no-volt", "recall"]
    assert "kettle" not in shop.engine.recommend(request).ids
    for rule_id in change.rules:
        await shop.delete_rule(rule_id)
    assert "kettle" in shop.engine.recommend(request).ids


async def test_pins_boosts_and_lists_are_told(shop):
    request = Request(strategy="similar_items", seeds=("boots",), n=3)
    await shop.put_rule(Rule(id="spring", action="pin", items=("kettle",), slot=2, note="spring sale"))
    await shop.put_rule(Rule(id="more", action="boost", items=("sneakers",), factor=3))
    why = explain(shop.engine, request)
    pinned = why.items[1]
    assert pinned.id == "kettle"
    assert {part.source: part.text for part in pinned.evidence}["rule:spring"] == "pinned to place 2 by rule spring (spring sale)"
    assert pinned.ranks["pins"] == 2
    assert not pinned.fallback
    texts = [part.text for item in why.items if item.id == "sneakers" for part in item.evidence]
    assert "boosted 3 times by rule more" in texts
    for item in why.items:
        assert item.score == pytest.approx(sum(part.contribution for part in item.evidence), abs=1e-6)
    await shop.put_rule(Rule(id="list", action="replace", items=("rake", "hose")))
    why = explain(shop.engine, request)
    assert [(item.id, item.evidence[0].text) for item in why.items if item.id != "kettle"] == [
        ("rake", "listed by rule list"),
        ("hose", "listed by rule list"),
    ]
    missed = why_not(shop.engine, "sneakers", request)
    assert (missed.stage, missed.text) == ("rule", "rule list lists what is shown here")
    assert missed.changes[0].rules == ("list",)


async def test_what_a_pin_moves_out_is_told(shop):
    request = Request(strategy="similar_items", seeds=("boots",), n=2)
    *_, last, other = shop.engine.recommend(replace(request, n=3)).ids
    await shop.put_rule(Rule(id="first", action="pin", items=(other,), slot=1))
    missed = why_not(shop.engine, last, request)
    assert (missed.stage, missed.text) == ("rule", "what is pinned by rule first has its place")
    assert missed.changed(request).n == 3


async def test_what_new_items_move_out_is_told_and_nothing_is_counted_as_shown():
    async with recommender() as reco:
        await reco.upsert_items([*WARDROBE, Item(id="new", title="Cotton towel", published_at=NOON - timedelta(days=1))])
        await reco.record(view("boots"))
        request = Request(n=3, visitor_id="v1", diversity=Diversity(new_share=1.0))
        why = explain(reco.engine, request)
        told = {item.id: {part.source: part.text for part in item.evidence} for item in why.items}
        assert told["new"]["exposure"].startswith("new: the last places")
        assert reco.engine.exposure.places == 0
        before = reco.engine.recommend(Request(n=3, visitor_id="v1")).ids
        missed = why_not(reco.engine, before[-1], request)
        assert missed.stage == "newcomers"


texts = st.sampled_from(("red dress", "blue dress", "red linen dress", "kettle", "steel kettle", "garden hose"))
items = st.lists(
    st.builds(
        dict,
        title=texts,
        brand=st.sampled_from(("Alba", "Volt")),
        price=st.sampled_from((5.0, 20.0, 60.0)),
        group_id=st.sampled_from((None, None, "g")),
        availability=st.sampled_from(("in_stock", "in_stock", "out_of_stock")),
        published_at=st.sampled_from((None, None, NOON - timedelta(days=3), NOON + timedelta(days=3))),
        expires_at=st.sampled_from((None, None, NOON - timedelta(days=1))),
    ),
    min_size=4,
    max_size=14,
).map(
    lambda given: [
        Item(id=f"i{n}", **{**fields, "group_id": fields["group_id"] if n else None}) for n, fields in enumerate(given)
    ]
)
filters = st.builds(
    Filters,
    price_max=st.sampled_from((None, None, 30.0)),
    brands=st.sampled_from(((), (), ("Alba",))),
    exclude_ids=st.sampled_from((frozenset(), frozenset({"i1", "i2"}))),
    only_ids=st.sampled_from((None, None, frozenset({"i0", "i3"}))),
    where=st.sampled_from(("", "", "price > 10")),
)
named = st.sampled_from(({"items": ("i1",)}, {"items": ("i2", "i3")}, {"brands": ("Volt",)}, {"where": "price < 30"}))
steered = st.lists(
    st.tuples(
        st.sampled_from(
            ({"action": "hide"}, {"action": "pin", "slot": 1}, {"action": "boost", "factor": 9.0}, {"action": "bury"})
        ),
        named,
    ).map(lambda pair: {**pair[0], **pair[1]}),
    max_size=3,
)


@settings(max_examples=25, deadline=None)
@given(
    items, filters, steered, st.integers(1, 4), st.sampled_from(("similar_items", "trending", "recommended_for_you")), st.data()
)
async def test_the_changes_that_are_proposed_show_the_item(catalogue, wanted, rules, n, strategy, data):
    async with recommender() as reco:
        await reco.record_many([view("i1", "me", ago=60), view("i2", "you", ago=50)])
        await reco.upsert_items(catalogue)  # now, so that what was viewed is ranked
        for place, fields in enumerate(rules):
            await reco.put_rule(Rule(id=f"r{place}", **fields))
        request = Request(
            strategy=strategy, n=n, filters=wanted, visitor_id="me", seeds=("i0",) if strategy == "similar_items" else ()
        )
        item = data.draw(st.sampled_from(catalogue[1:]))
        shown = item.id in reco.engine.recommend(request).ids
        found = await reco.why_not(item.id, request)
        assert found.shown == shown
        if shown:
            return
        assert found.changes, found
        await reco.upsert_items([found.changed_item(item)])
        for change in found.changes:
            for rule_id in change.rules:
                await reco.delete_rule(rule_id)
        assert item.id in reco.engine.recommend(found.changed(request)).ids, found
