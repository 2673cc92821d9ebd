"""Buy again, on sale, across categories, bestsellers of a category: each names what it says, and nothing else."""

from dataclasses import replace

import pytest

from reco_sdk import Filters
from tests.core.support import NOON, WARDROBE, FakeClock, act, purchase, recommender, view

DAY = 86_400
SALE = [replace(item, sale_price=item.price * share) for item, share in zip(WARDROBE[:4], (0.5, 0.8, 1.0, 0.9), strict=True)]


def bought(who, item, *days, user=None):
    fields = {"user_id": user} if user else {}
    return [purchase(item, who, ago=day * DAY, event_id=f"{who}:{user}:{item}:{day}", **fields) for day in days]


async def stored(reco, interactions):
    await reco.import_interactions(interactions)
    await reco._follower.rank()


def order(number, *items):
    return [purchase(i, f"buyer{number}", session_id=f"order:{number}", event_id=f"{number}:{i}", ago=number) for i in items]


@pytest.mark.parametrize("synced", [False, True])
async def test_what_is_due_again_comes_first_and_is_nobody_elses(synced):
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        # Hoses are bought every month; kettles by everybody once.
        log = [line for n in range(8) for line in bought(f"h{n}", "hose", 95, 65, 35)]
        log += [line for n in range(8) for line in bought(f"k{n}", "kettle", 200)]
        log += [*bought("me", "hose", 31), *bought("me", "kettle", 31), *bought("me", "rake", 1)]
        await stored(reco, log)
        if synced:
            await reco.sync()
        slate = await reco.recommend(strategy="buy_again", visitor_id="me", n=8)
        assert slate.ids[0] == "hose"
        assert sorted(slate.ids) == ["hose", "kettle", "rake"]
        assert slate.tier == "personal"
        assert (slate[0].reason, slate[0].reason_kind) == ("You bought this", "repeat_purchase")
        assert slate[0].score == pytest.approx(sum(slate[0].contributions.values()), abs=1e-6)
        assert not await reco.recommend(strategy="buy_again", visitor_id="stranger")
        again = await reco.recommend(strategy="buy_again", visitor_id="h1")
        assert again[0].reason == "You bought this 3 times"


async def test_buy_again_knows_an_accounts_browsers_and_forgets_what_went_back():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        log = [*bought("phone", "hose", 40), *bought("laptop", "rake", 50), *bought("laptop", "boots", 50)]
        await stored(reco, [*log, act("refund", "boots", "laptop", ago=45 * DAY)])
        await reco.alias("phone", "anne")
        await reco.alias("laptop", "anne")
        slate = await reco.recommend(strategy="buy_again", user_id="anne")
        assert sorted(slate.ids) == ["hose", "rake"]
        await stored(reco, bought(None, "boots", 30, user="anne"))
        assert sorted((await reco.recommend(strategy="buy_again", user_id="anne")).ids) == ["boots", "hose", "rake"]


async def test_an_answer_that_is_kept_is_given_to_its_buyer_alone():
    async with recommender(cache_ttl_seconds=3_600.0) as reco:
        await reco.upsert_items(WARDROBE)
        await stored(reco, [*bought("one", "hose", 40), *bought("two", "rake", 40)])
        for who, item in (("one", "hose"), ("two", "rake"), ("one", "hose")):
            assert (await reco.recommend(strategy="buy_again", visitor_id=who)).ids == (item,)


async def test_what_is_sold_out_is_not_bought_again():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        await stored(reco, bought("me", "hose", 40))
        await reco.upsert_items([replace(WARDROBE[5], availability="out_of_stock")])
        assert not await reco.recommend(strategy="buy_again", visitor_id="me")


@pytest.mark.parametrize("synced", [False, True])
async def test_on_sale_shows_what_is_asked_less_for_and_nothing_else(synced):
    async with recommender() as reco:
        await reco.upsert_items([*SALE, *WARDROBE[4:]])
        if synced:
            await reco.sync()
        slate = await reco.recommend(strategy="on_sale", n=8)
        assert slate.ids == ("red-dress", "blue-dress", "boots")
        assert [item.reason for item in slate] == ["50 % off", "20 % off", "10 % off"]
        await stored(reco, [view("kettle", "v2"), *[view("boots", f"w{n}") for n in range(9)]])
        assert (await reco.recommend(strategy="on_sale", n=8)).ids[0] == "boots"
        await reco.upsert_items([replace(WARDROBE[3], sale_price=None), replace(WARDROBE[7], sale_price=10.0)])
        assert set((await reco.recommend(strategy="on_sale", n=8)).ids) == {"red-dress", "blue-dress", "kettle"}


async def test_on_sale_begins_with_what_the_visitor_likes():
    async with recommender() as reco:
        await reco.upsert_items([*SALE, *WARDROBE[4:]])
        await reco.record(view("sneakers", "me"))
        slate = await reco.recommend(strategy="on_sale", visitor_id="me", n=3)
        assert slate.ids[0] == "boots"
        assert slate.tier == "personal"


@pytest.mark.parametrize("synced", [False, True])
async def test_across_categories_names_what_orders_hold_then_what_their_categories_do_then_text(synced):
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        if synced:
            await reco.sync()

        async def row(seed, **fields):
            return await reco.recommend(strategy="cross_category", seeds=[seed], n=8, **fields)

        by_text = await row("boots")
        assert {item.reason_kind for item in by_text} == {"similar_elsewhere"}
        assert not {"sneakers", "boots"} & set(by_text.ids)
        log = [line for n in range(9) for line in order(n, "boots", "kettle", "sneakers")]
        log += [line for n in range(9, 30) for line in order(n, "rake", "hose")]
        await stored(reco, log)
        sold = await row("boots")
        assert sold.ids[0] == "kettle"
        assert sold[0].reason_item_id == "boots"
        assert "sneakers" not in sold.ids
        assert sold[0].score == pytest.approx(sum(sold[0].contributions.values()), abs=1e-6)
        if not synced:
            return  # what categories there are is known by a snapshot
        # Nobody bought these clogs; but who buys shoes buys for the kitchen.
        await reco.upsert_items([replace(WARDROBE[3], id="clogs", title="Wooden clogs")])
        new = await row("clogs")
        assert new.ids[0] == "kettle"
        assert new[0].reason == "Goes with Shoes"
        assert not {"boots", "sneakers"} & set(new.ids)


async def test_across_categories_passes_over_what_lies_above_and_below():
    async with recommender() as reco:
        items = [
            replace(WARDROBE[n], id=f"i{n}", categories=[c])
            for n, c in enumerate(["Shoes", "Shoes > Men", "Shoes > Men > Boots"])
        ]
        other = replace(WARDROBE[4], id="other", categories=["Shoes > Women"])
        await reco.upsert_items([*items, other])
        slate = await reco.recommend(strategy="cross_category", seeds=["i1"], n=8)
        assert set(slate.ids) <= {"other"}
        assert not {"i0", "i2"} & set(slate.ids)


async def test_bestsellers_of_a_category_are_asked_by_filter():
    async with recommender(clock=FakeClock(NOON)) as reco:
        await reco.upsert_items(WARDROBE)
        await stored(reco, [*order(1, "boots"), *order(2, "boots"), *order(3, "sneakers"), *order(4, "rake"), *order(5, "rake")])
        slate = await reco.recommend(strategy="bestsellers", filters=Filters(categories=("Men",)), n=8)
        assert slate.ids == ("boots", "sneakers")
