"""Every slate explains itself."""

from dataclasses import replace

import pytest

from reco_sdk import Filters
from reco_sdk.explaining import explain
from reco_sdk.request import Request
from tests.core.support import WARDROBE, recommender, view
from tests.core.test_behaviour_rows import order, stored, visits

STARTS = {"similar_items", "you_may_also_like", "bought_together"}
ALL = ["recommended_for_you", "similar_items", "you_may_also_like", "bought_together", "trending", "bestsellers", "new_arrivals"]


@pytest.fixture
async def shop():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        orders = [line for n in range(8) for line in order(n, "boots", "kettle", ago=90_000 * (n + 1))]
        orders += [line for n in range(20, 50) for line in order(n, "rake", ago=90_000)]
        await stored(reco, orders + visits(9, "boots", "hose", "kettle"))
        await reco.record_many([view("boots", "me", ago=20), view("red-dress", "me", ago=10)])
        yield reco


@pytest.mark.parametrize("strategy", ALL)
async def test_the_parts_of_a_score_sum_to_it_and_places_are_the_slates(shop, strategy):
    request = Request(strategy=strategy, n=7, visitor_id="me", seeds=("boots",) if strategy in STARTS else ())
    slate = shop.engine.recommend(request)
    why = explain(shop.engine, request)
    assert [item.id for item in why.items] == list(slate.ids)
    assert why.tier == slate.tier
    for item, shown in zip(why.items, slate, strict=True):
        assert item.score == pytest.approx(sum(part.contribution for part in item.evidence), abs=1e-6)
        assert item.score == shown.score
        assert item.ranks["slate"] == shown.position + 1
        assert item.fallback == ("fusion" not in item.ranks)
        assert all(part.text for part in item.evidence)
    assert sum(value for name, value in why.timings_ms.items() if name != "total") <= why.timings_ms["total"]


async def test_evidence_is_said_in_plain_words_with_its_counts(shop):
    why = explain(shop.engine, Request(strategy="bought_together", seeds=("boots",), placement="cart", n=3))
    (kettle,) = [item for item in why.items if item.id == "kettle"]
    texts = {part.source: part.text for part in kettle.evidence}
    assert texts["co_purchase"] == "bought together with Brown leather winter boots in 8 orders"
    why = explain(shop.engine, Request(strategy="you_may_also_like", seeds=("boots",), visitor_id="me", n=7))
    found = {item.id: {part.source: part for part in item.evidence} for item in why.items}
    assert found["sneakers"]["similar_items"].text == "similar to Brown leather winter boots: leather, winter, shoes"
    assert found["kettle"]["co_occurrence"].text == "viewed together with Brown leather winter boots by 17 visitors"
    assert found["kettle"]["co_occurrence"].people == 17
    assert found["kettle"]["co_occurrence"].item_id == "boots"
    assert found["blue-dress"]["session_items"].text.startswith("you viewed Red linen summer dress: linen, summer, dress")


async def test_the_whole_texts_tell_more_than_titles(shop):
    lined = [replace(item, description="With a felt lining") for item in WARDROBE if item.id in {"boots", "sneakers"}]
    await shop.upsert_items(lined)
    why = await shop.why(strategy="similar_items", seeds=["boots"], n=3)
    (sneakers,) = [item for item in why.items if item.id == "sneakers"]
    assert sneakers.evidence[0].text == "similar to Brown leather winter boots: leather, winter, shoes, felt"


async def test_why_takes_a_request_or_what_recommend_takes(shop):
    asked = await shop.why(Request(strategy="similar_items", seeds=("boots",), n=3, placement="item"))
    same = await shop.why(strategy="similar_items", seeds=["boots"], n=3, placement="item", filters=Filters())
    assert [item.id for item in asked.items] == [item.id for item in same.items]
    assert asked.to_dict()["items"][0]["evidence"]
    before = shop.impressions.counts
    await shop.why(strategy="trending")
    assert shop.impressions.counts == before  # nobody is shown this


async def test_an_empty_slate_is_explained_as_well(shop):
    why = await shop.why(strategy="recently_viewed", visitor_id="nobody")
    assert (why.items, why.tier, why.candidates) == ((), "empty", 0)
