"""Segments: rules that are meant for some shoppers, and who is known to be new, to come back, to have bought."""

import pytest

from reco_sdk import Request
from reco_sdk.ranking.rules import Rule
from reco_sdk.rulebook import conflicts
from tests.core.support import NOON, FakeClock, act, recommender, view
from tests.core.test_rules import ITEMS

ASKED = {"strategy": "similar_items", "placement": "item", "seeds": ("i9",)}


def hides(segment):
    return Rule(id=segment, action="hide", where="price >= 0", segments=(segment,))


@pytest.fixture
async def shop():
    clock = FakeClock()
    async with recommender(clock=clock) as reco:
        await reco.upsert_items(ITEMS)
        reco.clock_of_test = clock
        yield reco


@pytest.mark.parametrize(
    ("done", "segments"),
    [
        ([], {"new_visitor"}),
        ([view("i1", at=NOON)], {"new_visitor"}),
        ([view("i1", ago=86_400)], {"returning_visitor"}),
        ([view("i1", ago=86_400), view("i2", at=NOON)], {"returning_visitor"}),
        ([act("purchase", "i1", ago=60)], {"returning_visitor", "customer"}),
        ([act("purchase", "gone", ago=60)], {"returning_visitor", "customer"}),
        ([act("purchase", "i1", ago=90), act("refund", "i1", ago=60)], {"new_visitor"}),
    ],
)
@pytest.mark.parametrize("synced", [False, True])
async def test_who_is_known_without_a_setting(shop, done, segments, synced):
    await shop.record_many(done)
    if synced:
        await shop.sync()
    for name in ("new_visitor", "returning_visitor", "customer"):
        await shop.put_rule(hides(name))
        meant = shop.recommend_now(Request(visitor_id="v1", **ASKED)).ids == ()
        assert meant is (name in segments)
        await shop.delete_rule(name)


async def test_nobody_is_a_new_visitor_and_a_browser_is_its_account(shop):
    await shop.put_rule(hides("new_visitor"))
    assert shop.recommend_now(Request(**ASKED)).ids == ()
    await shop.record_many([act("purchase", "i1", who="v1", ago=60)])
    await shop.alias("v1", "u1")
    assert shop.recommend_now(Request(user_id="u1", **ASKED)).ids != ()
    assert shop.recommend_now(Request(visitor_id="v2", **ASKED)).ids == ()


async def test_segments_come_with_the_request_too(shop):
    await shop.put_rule(hides("vip"))
    assert (await shop.recommend(strategy="similar_items", seeds=["i9"], segments=["vip"])).ids == ()
    assert (await shop.recommend(strategy="similar_items", seeds=["i9"])).ids != ()
    told = await shop.why_not("i1", strategy="similar_items", seeds=["i9"], segments=["vip"])
    assert (told.stage, told.changes[0].rules) == ("rule", ("vip",))


async def test_which_segments_decide_over_a_row(shop):
    await shop.put_rule(Rule(id="cart", action="hide", items=("i1",), segments=("vip", "staff"), placements=("cart",)))
    await shop.put_rule(Rule(id="rows", action="hide", items=("i1",), segments=("press",), strategies=("trending",)))
    rules = shop.engine.state.rules
    assert rules.segments_at("cart", ["trending"]) == {"vip", "staff", "press"}
    assert rules.segments_at("cart", ["similar_items"]) == {"vip", "staff"}
    assert rules.segments_at("home", ["similar_items"]) == frozenset()


def test_rules_for_segments_may_meet_in_one_shopper():
    def kinds(one, other):
        rules = [Rule(id=f"p{n}", action="pin", items=(f"i{n}",), slot=1, segments=s) for n, s in enumerate((one, other))]
        return [conflict.kind for conflict in conflicts(rules)]

    assert kinds(("vip",), ("press",)) == ["slot"]
    assert kinds(("returning_visitor",), ("customer",)) == ["slot"]
    assert kinds(("new_visitor",), ("customer", "returning_visitor")) == []
    assert kinds(("new_visitor",), ("customer", "vip")) == ["slot"]
