"""What a shopper reads beside an item tells of others only where enough of them stand behind it."""

import pytest

from tests.core.support import WARDROBE, purchase, recommender, view
from tests.core.test_behaviour_rows import order, stored, visits

TELLING = ("together", "Chosen by", "Popular with", "Trending", "Bestseller")


def told(slate):
    return [item.reason for item in slate if any(word in item.reason for word in TELLING)]


def acts(people, each):
    """Return ``each`` visits and orders of boots and a kettle by each of so many people, a day apart, and what hides none."""
    out = []
    for person in range(people):
        for time in range(each):
            ago = 86_400 * (1 + time) + person
            out += [view(item, f"p{person}", ago=ago + 60) for item in ("boots", "kettle")]
            out += [purchase(item, f"p{person}", session_id=f"order:{person}:{time}", ago=ago) for item in ("boots", "kettle")]
    return out


@pytest.mark.parametrize("synced", [False, True])
@pytest.mark.parametrize(
    "strategy", ["similar_items", "you_may_also_like", "bought_together", "recommended_for_you", "bestsellers"]
)
async def test_what_few_did_often_is_told_nobody(strategy, synced):
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        await stored(reco, acts(people=4, each=6))
        if synced:
            await reco.sync()
        seeds = ["boots"] if strategy in {"similar_items", "you_may_also_like", "bought_together"} else []
        slate = await reco.recommend(strategy=strategy, seeds=seeds, n=7)
        assert "kettle" in slate.ids
        assert told(slate) == []
        await stored(reco, visits(1, "boots", "kettle") + order(99, "boots", "kettle", ago=9))
        slate = await reco.recommend(strategy=strategy, seeds=seeds, n=7)
        assert told(slate)


async def test_neighbours_are_told_of_when_they_are_enough():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        for people, reason in ((4, "You may also like"), (6, "Chosen by visitors who viewed the same")):
            await stored(reco, visits(people, "boots", "hose", "kettle"))
            await reco.record_many([view("boots", "me", ago=20), view("hose", "me", ago=10)])
            found = {item.id: item for item in await reco.recommend(visitor_id="me", n=4)}
            assert found["kettle"].reason_kind == "session_knn"
            assert found["kettle"].reason == reason
