"""Rows of what visitors did: better with each click, and content alone where nobody did anything."""

from dataclasses import replace

import pytest

from reco_sdk.strategies import STRATEGIES
from tests.core.support import WARDROBE, purchase, recommender, view

CONTENT = {"similar_items", "session_items", "session_vector", "same_category", "popular", "trending", "new_arrivals"}
LEARNED = {"co_occurrence", "co_purchase", "session_knn"}


def order(number, *items, ago=None):
    return [purchase(i, f"buyer{number}", session_id=f"order:{number}", event_id=f"{number}:{i}", ago=ago) for i in items]


def visits(count, *items):
    return [view(item, f"w{number}", ago=1_000 - place) for number in range(count) for place, item in enumerate(items)]


async def stored(reco, interactions):
    """Record as another process would have: the store has it, then this process reads it."""
    await reco.record_many(interactions)
    await reco.flush()
    await reco._follower.rank()


@pytest.mark.parametrize("strategy", ["similar_items", "you_may_also_like", "recommended_for_you", "bought_together"])
async def test_a_shop_where_nobody_did_anything_answers_from_content(strategy):
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        seeds = ["boots"] if STRATEGIES[strategy].needs_seed else []
        slate = await reco.recommend(strategy=strategy, seeds=seeds, n=7)
        assert len(slate) == 7
        assert {name for item in slate for name in item.contributions} <= CONTENT


async def test_without_orders_a_row_is_the_row_of_content_to_the_last_bit(monkeypatch):
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        await stored(reco, [view("boots", "alone")])
        rows = {}
        for name in ("with", "without"):
            slate = await reco.recommend(strategy="you_may_also_like", seeds=["rake"], visitor_id="v9", n=6)
            rows[name] = [(item.id, item.score) for item in slate]
            plain = dict(STRATEGIES)
            plain["you_may_also_like"] = type(plain["you_may_also_like"])(
                plain["you_may_also_like"].sources, plain["you_may_also_like"].fallback, needs_seed=True
            )
            monkeypatch.setattr("reco_sdk.engine.STRATEGIES", plain)
            reco.engine._answers.clear()
        assert rows["with"] == rows["without"]


async def test_what_is_viewed_together_rises_with_each_visit_and_says_why():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        places = []
        for visitors in (0, 1, 12):
            await stored(reco, visits(visitors, "boots", "kettle"))
            slate = await reco.recommend(strategy="similar_items", seeds=["boots"], n=7)
            places.append(slate.ids.index("kettle"))
        assert places[0] > places[2] == 0
        assert places[0] >= places[1]
        assert slate[0].reason == "Seen together with Brown leather winter boots"
        assert (slate[0].reason_kind, slate[0].reason_item_id) == ("co_occurrence", "boots")
        assert slate[0].score == pytest.approx(sum(slate[0].contributions.values()), abs=1e-6)


@pytest.mark.parametrize("synced", [False, True])
async def test_bought_together_names_what_orders_hold_beyond_chance(synced):
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        orders = [line for n in range(8) for line in order(n, "boots", "kettle", *(["hose"] if n < 1 else []))]
        # Everybody buys rakes: with boots no more than with anything else.
        orders += [line for n in range(8, 40) for line in order(n, "rake", *(["boots"] if n < 10 else []))]
        await stored(reco, orders)
        if synced:
            await reco.sync()
        slate = await reco.recommend(strategy="bought_together", seeds=["boots"], placement="cart", n=4)
        assert slate.ids[0] == "kettle"
        assert slate[0].reason == "Often bought together with Brown leather winter boots"
        assert "co_purchase" in slate[0].contributions
        reasons = {item.id: item.reason for item in slate}
        assert reasons.get("hose") == "Goes with Brown leather winter boots"  # who bought that is nobody's business
        assert "co_purchase" not in {name for item in slate if item.id == "rake" for name in item.contributions}


async def test_a_cart_of_several_items_asks_what_goes_with_all_of_them():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        lines = [line for n in range(6) for line in order(n, "boots", "kettle")]
        lines += [line for n in range(6, 12) for line in order(n, "hose", "kettle")]
        lines += [line for n in range(12, 18) for line in order(n, "hose", "rake")]
        lines += [line for n in range(18, 40) for line in order(n, "sneakers")]
        await stored(reco, lines)
        slate = await reco.recommend(strategy="bought_together", seeds=["boots", "hose"], placement="cart", n=3)
        assert slate.ids[:2] == ("kettle", "rake")
        assert not {"boots", "hose"} & set(slate.ids)


async def test_sessions_like_this_one_recommend_what_they_went_on_to():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        await stored(reco, visits(9, "boots", "hose", "kettle"))
        await reco.record_many([view("boots", "me", ago=20), view("hose", "me", ago=10)])
        slate = await reco.recommend(visitor_id="me", n=4)
        assert slate.ids[0] == "kettle"
        assert slate.tier == "personal"
        assert slate[0].contributions["session_knn"] > 0
        assert "boots" not in slate.ids


async def test_what_was_counted_follows_an_item_that_changes_leaves_and_arrives():
    boots, kettle = WARDROBE[3], WARDROBE[7]
    others = [item for item in WARDROBE if item.id not in {"kettle", "boots"}]
    async with recommender() as reco:
        await reco.upsert_items([*others, boots])
        await stored(reco, visits(9, "boots", "kettle"))  # the kettle is not there yet
        await reco.sync()

        async def row():
            return await reco.recommend(strategy="you_may_also_like", seeds=["boots"], n=7)

        assert "kettle" not in (await row()).ids
        await reco.upsert_items([kettle])
        assert (await row()).ids[0] == "kettle"
        await reco.upsert_items([replace(kettle, title="Another kettle"), replace(boots, title="Other boots")])
        assert (await row()).ids[0] == "kettle"
        assert (await row())[0].reason == "Seen together with Other boots"
        await reco.upsert_items([replace(kettle, availability="out_of_stock")])
        assert "kettle" not in (await row()).ids
        await reco.delete_items(["kettle"])
        assert "kettle" not in (await row()).ids
        await reco.sync()
        assert "kettle" not in (await row()).ids


async def test_a_snapshot_says_what_was_counted_before_it_and_after_it():
    slates = []
    for syncs in (0, 1, 2):
        async with recommender() as reco:
            await reco.upsert_items(WARDROBE)
            await reco.sync()
            for part in range(4):
                await stored(reco, visits(2 + part, "boots", "kettle", "hose")[part::2] + order(part, "boots", "rake", ago=5))
                if part < syncs:
                    await reco.sync()
            for strategy in ("similar_items", "you_may_also_like", "bought_together"):
                slate = await reco.recommend(strategy=strategy, seeds=["boots"], n=7)
                slates.append((syncs, strategy, [(i.id, i.contributions) for i in slate]))
    learned = {
        syncs: [[(i, {k: v for k, v in c.items() if k in LEARNED}) for i, c in rows] for s, _, rows in slates if s == syncs]
        for syncs in (0, 1, 2)
    }
    assert learned[0] == learned[1] == learned[2]
