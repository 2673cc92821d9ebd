"""The request path on a wardrobe whose right answers are seen by eye."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from reco_sdk import Filters, Item, Request
from reco_sdk.errors import InvalidRequest, UnknownItem
from reco_sdk.request import PLACEMENTS
from reco_sdk.strategies import STRATEGIES
from tests.core.support import NOON, WARDROBE, FakeClock, act, purchase, recommender, view


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(params=["delta", "snapshot"])
async def reco(request, clock):
    """The wardrobe, all of it in the delta, or all of it in a snapshot."""
    async with recommender(clock=clock) as reco:
        await reco.upsert_items(WARDROBE)
        if request.param == "snapshot":
            await reco.sync()
        yield reco


def item(item_id):
    return next(i for i in WARDROBE if i.id == item_id)


# -- what is refused


@pytest.mark.parametrize("n", [0, -1, 10**6, 1.0, True, "8", None])
async def test_n_is_refused_out_of_bounds(reco, n):
    with pytest.raises(InvalidRequest, match="1 to 1,000") as caught:
        await reco.similar_items("boots", n=n)
    assert caught.value.field == "n"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"strategy": "psychic"}, "strategy"),
        ({"strategy": ["trending"]}, "strategy"),
        ({"placement": "moon"}, "placement"),
        ({"placement": None}, "placement"),
        ({"strategy": "similar_items"}, "seeds"),
        ({"seeds": (7,)}, "seeds"),
        ({"seeds": "\ud800"}, "seeds"),
        ({"visitor_id": 7}, "visitor_id"),
        ({"visitor_id": "\ud800"}, "visitor_id"),
        ({"user_id": "a\x00b"}, "user_id"),
    ],
)
def test_a_request_names_what_is_wrong(fields, field):
    with pytest.raises(InvalidRequest) as caught:
        Request(**fields)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "fields",
    [
        {"price_min": float("nan")},
        {"price_max": float("inf")},
        {"price_min": "5"},
        {"price_min": 10**400, "price_max": 5},
        {"price_min": 6, "price_max": 5},
        {"brands": 7},
        {"brands": [7]},
        {"tags": None},
        {"only_ids": [None]},
        {"exclude_ids": 3},
        {"attributes": {"colour": 7}},
        {"attributes": 7},
        {"attributes": "colour"},
    ],
)
def test_filters_name_what_is_wrong(fields):
    with pytest.raises(InvalidRequest):
        Filters(**fields)


async def test_a_seed_that_is_not_there_or_was_deleted_is_named(reco):
    with pytest.raises(UnknownItem, match="'nothing'"):
        await reco.similar_items("nothing")
    await reco.delete_items(["boots"])
    with pytest.raises(UnknownItem, match="'boots'"):
        await reco.similar_items("boots")
    slate = await reco.recommend(strategy="similar_items", seeds=["boots", "sneakers"], n=3)  # the one that is left answers
    assert {entry.reason_item_id for entry in slate if entry.reason_kind == "similar_items"} <= {"sneakers"}


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
async def test_an_empty_catalogue_gives_an_empty_slate(strategy):
    async with recommender() as reco:
        request = {"strategy": strategy, "visitor_id": "v1"}
        if not STRATEGIES[strategy].needs_seed:
            slate = await reco.recommend(**request)
            assert (len(slate), slate.tier) == (0, "empty")
        await reco.upsert_items(WARDROBE)
        await reco.delete_items([i.id for i in WARDROBE])
        await reco.sync()
        if not STRATEGIES[strategy].needs_seed:
            assert len(await reco.recommend(**request)) == 0


async def test_one_item_has_nothing_like_it():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE[:1])
        for _ in range(2):
            assert (await reco.similar_items("red-dress")).ids == ()
            assert (await reco.recommend()).ids == ("red-dress",)
            await reco.sync()


# -- known answers


async def test_dresses_are_like_dresses_and_tools_like_tools(reco):
    assert (await reco.similar_items("red-dress", n=2)).ids[0] == "blue-dress"
    assert set((await reco.similar_items("red-dress", n=2)).ids) == {"blue-dress", "black-dress"}
    assert (await reco.similar_items("hose", n=1)).ids == ("rake",)
    assert (await reco.similar_items("boots", n=1)).ids == ("sneakers",)


async def test_a_reason_names_the_seed_or_the_category(reco):
    slate = await reco.similar_items("red-dress", n=7)
    assert "red-dress" not in slate.ids
    assert len(slate) == 7
    for entry in slate:
        if entry.reason_kind == "similar_items":
            assert (entry.reason, entry.reason_item_id) == ("Similar to Red linen summer dress", "red-dress")
            assert entry.reason_title == "Red linen summer dress"
    assert slate[0].reason_kind == "similar_items"
    assert slate.tier == "similar"


async def test_with_several_seeds_the_reason_names_the_nearest(reco):
    slate = await reco.recommend(strategy="similar_items", placement="cart", seeds=["red-dress", "hose"], n=2)
    assert {(e.id, e.reason_item_id) for e in slate} == {("blue-dress", "red-dress"), ("rake", "hose")}


async def test_a_session_is_answered_with_what_is_like_it(reco):
    await reco.record_many([view("hose", ago=60), view("red-dress", ago=10)])
    slate = await reco.recommend(visitor_id="v1", n=4)
    assert slate.tier == "personal"
    assert slate.ids[0] == "blue-dress"
    assert "rake" in slate.ids
    reasons = {e.id: (e.reason, e.reason_item_id) for e in slate}
    assert reasons["blue-dress"] == ("Because you viewed Red linen summer dress", "red-dress")
    assert reasons["rake"] == ("Because you viewed Green garden hose with nozzle", "hose")
    assert not {"hose", "red-dress"} & set(slate.ids)


async def test_what_was_dismissed_pushes_away(reco):
    await reco.record_many([view("boots", ago=60), act("dismiss", "red-dress", ago=10)])
    slate = await reco.recommend(visitor_id="v1", n=8)
    order = [i for i in slate.ids if slate[slate.ids.index(i)].reason_kind in {"session_items", "session_vector"}]
    assert order[0] == "sneakers"
    assert not {"blue-dress", "red-dress"} & set(order)


async def test_a_stranger_is_shown_something_useful_at_once(reco):
    slate = await reco.recommend(visitor_id="never-seen", n=5)
    assert (len(slate), slate.tier) == (5, "popular")
    await reco.record_many([purchase("kettle", "v2"), view("boots", "v3")])
    await reco.flush()
    slate = await reco.recommend(n=5)
    assert slate.ids[:2] == ("kettle", "boots")
    assert slate[0].reason == "From the catalogue"  # one buyer may be known
    await reco.record_many([purchase("kettle", f"w{number}") for number in range(5)])
    await reco.flush()
    slate = await reco.recommend(n=5)
    assert slate[0].reason in {"Popular with other shoppers", "Trending now"}
    assert slate[4].reason == "From the catalogue"


async def test_before_any_click_ratings_and_dates_decide():
    async with recommender() as reco:
        await reco.upsert_items(
            [
                Item(id="plain", title="Plain"),
                Item(id="rated", title="Rated", rating_count=10),
                Item(id="new", title="New", published_at=NOON - timedelta(days=1)),
                Item(id="old", title="Old", published_at=NOON - timedelta(days=100)),
            ]
        )
        assert (await reco.recommend(strategy="bestsellers", n=4)).ids == ("rated", "new", "old", "plain")


async def test_recently_viewed_is_the_latest_first_each_once(reco):
    await reco.record_many(
        [view("hose", ago=50), view("kettle", ago=40), view("hose", ago=30), act("add_to_cart", "rake", ago=20)]
    )
    await reco.record_many([purchase("kettle", ago=10), act("dismiss", "boots", ago=5), view("gone", ago=1)])
    slate = await reco.recommend(strategy="recently_viewed", visitor_id="v1", placement="account")
    assert slate.ids == ("rake", "hose", "kettle")  # what was bought may be looked at again
    assert [e.reason for e in slate] == ["You viewed this"] * 3
    assert (await reco.recommend(strategy="recently_viewed", visitor_id="v2")).ids == ()


async def test_bestsellers_are_counted_by_order_lines(reco):
    for n, who in enumerate("abcdef"):
        await reco.record(view("boots", who, ago=n))
        await reco.record(purchase(("kettle", "kettle", "kettle", "rake", "rake", "hose")[n], who, ago=n))
    await reco.flush()
    slate = await reco.recommend(strategy="bestsellers", n=4)
    assert slate.ids == ("kettle", "rake", "hose", "boots")
    assert [e.reason for e in slate[:3]] == ["From the catalogue"] * 3  # of so few buyers, one may be known
    await reco.record_many([purchase("kettle", who) for who in "gh"])
    await reco.flush()
    slate = await reco.recommend(strategy="bestsellers", n=4)
    assert [e.reason for e in slate[:3]] == ["Bestseller", *["From the catalogue"] * 2]


async def test_trending_is_what_rises_and_bestsellers_what_always_sold(reco, clock):
    for n in range(30):
        await reco.record(purchase("kettle", f"k{n}", ago=86_400 * (2 + n % 20)))
    for n in range(6):
        await reco.record(purchase("rake", f"r{n}", ago=3_600))
    await reco.flush()
    assert (await reco.recommend(strategy="bestsellers", n=2)).ids == ("kettle", "rake")
    assert (await reco.recommend(strategy="trending", n=2)).ids == ("rake", "kettle")


async def test_new_arrivals_are_the_newest_first(clock):
    async with recommender(clock=clock) as reco:
        days = {"a": 3, "b": 1, "c": 90, "future": -2}
        await reco.upsert_items([Item(id=i, title=f"Thing {i}", published_at=NOON - timedelta(days=d)) for i, d in days.items()])
        await reco.upsert_items([Item(id="undated", title="Thing undated")])
        for _ in range(2):
            slate = await reco.recommend(strategy="new_arrivals", n=9)
            assert slate.ids == ("b", "a", "c", "undated")
            assert [e.reason for e in slate[:3]] == ["New"] * 3
            await reco.sync()
        clock.turn(days=3)
        assert (await reco.recommend(strategy="new_arrivals", n=1)).ids == ("future",)


async def test_you_may_also_like_leans_towards_the_session(reco):
    await reco.record(view("rake", ago=10))
    mine = await reco.recommend(strategy="you_may_also_like", seeds=["red-dress"], visitor_id="v1", placement="item", n=7)
    theirs = await reco.recommend(strategy="you_may_also_like", seeds=["red-dress"], visitor_id="v2", placement="item", n=7)
    assert mine.ids[0] == theirs.ids[0] == "blue-dress"
    assert mine[mine.ids.index("hose")].contributions["session_items"] > 0
    assert "session_items" not in mine[mine.ids.index("rake")].contributions  # it is not its own neighbour
    assert (mine.tier, theirs.tier) == ("personal", "similar")


@pytest.mark.parametrize("placement", sorted(PLACEMENTS))
async def test_every_placement_is_answered(reco, placement):
    slate = await reco.recommend(placement=placement, n=2)
    assert (slate.placement, len(slate)) == (placement, 2)


async def test_a_slate_is_a_sequence_that_travels_as_json(reco):
    slate = await reco.recommend(n=3)
    assert [*slate] == list(slate.items)
    assert slate[-1] is slate.items[2]
    assert slate[0] in slate
    plain = slate.to_dict()
    assert [entry["id"] for entry in plain["items"]] == list(slate.ids)
    assert plain["timings_ms"]["total"] > 0
    assert plain["at"] == NOON.isoformat()


# -- filters


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"price_min": 60, "price_max": 80}, {"red-dress", "blue-dress", "sneakers"}),
        ({"price_max": 18}, {"rake"}),
        ({"categories": ["Women"]}, {"red-dress", "blue-dress", "black-dress"}),
        ({"categories": "women>dresses"}, {"red-dress", "blue-dress", "black-dress"}),
        ({"categories": ["Dresses"]}, set()),
        ({"brands": ["volt", "nero"]}, {"black-dress", "sneakers", "kettle"}),
        ({"only_ids": ["rake", "gone"]}, {"rake"}),
        ({"only_ids": []}, set()),
        ({"only_ids": ["\ud800"]}, set()),
        ({"exclude_ids": [i.id for i in WARDROBE[1:]]}, {"red-dress"}),
        ({"brands": ["terra"], "price_max": 30, "exclude_ids": ["rake"]}, {"hose"}),
    ],
)
async def test_filters_by_eye(reco, filters, wanted):
    slate = await reco.recommend(n=8, filters=Filters(**filters))
    assert set(slate.ids) == wanted


async def test_a_filter_finds_the_most_alike_of_what_it_allows(reco):
    slate = await reco.similar_items("red-dress", n=2, filters=Filters(brands=("terra", "nero")))
    assert slate.ids[0] == "black-dress"
    assert len(slate) == 2


async def test_variants_of_the_seed_are_left_out_and_others_shown_once(reco):
    variants = [
        replace(item(i), id=f"{i}-{size}", group_id=group)
        for i, group in (("red-dress", "red-dress"), ("blue-dress", "B"))
        for size in "SML"
    ]
    await reco.upsert_items(variants)
    slate = await reco.similar_items("red-dress-S", n=9)
    assert not {"red-dress", "red-dress-S", "red-dress-M", "red-dress-L"} & set(slate.ids)
    assert len([i for i in slate.ids if i.startswith("blue-dress-")]) == 1
    everything = await reco.similar_items("red-dress-S", n=9, filters=Filters(one_per_group=False, brands=("alba",)))
    assert set(everything.ids) == {"blue-dress", "blue-dress-S", "blue-dress-M", "blue-dress-L"}


# -- time


async def test_an_item_appears_and_expires_on_time_even_in_a_kept_answer(clock):
    async with recommender(clock=clock) as reco:
        await reco.upsert_items(
            [
                Item(id="always", title="Red dress"),
                Item(id="later", title="Red dress two", published_at=NOON + timedelta(hours=1)),
                Item(id="soon-gone", title="Red dress three", expires_at=NOON + timedelta(hours=2)),
            ]
        )
        for moment, wanted in (
            (0, {"always", "soon-gone"}),
            (59, {"always", "soon-gone"}),
            (60, {"always", "later", "soon-gone"}),
            (120, {"always", "later"}),
        ):
            clock.time = NOON + timedelta(minutes=moment)
            for _ in range(2):
                assert set((await reco.recommend(n=5)).ids) == wanted
                assert set((await reco.similar_items("always", n=5)).ids) == wanted - {"always"}


async def test_what_is_sold_out_is_gone_from_the_next_slate(reco):
    assert "blue-dress" in (await reco.similar_items("red-dress", n=7)).ids
    await reco.upsert_items([replace(item("blue-dress"), quantity=0)])
    assert "blue-dress" not in (await reco.similar_items("red-dress", n=7)).ids
    assert "blue-dress" in (await reco.similar_items("red-dress", n=7, filters=Filters(available=False))).ids
    await reco.upsert_items([item("blue-dress")])
    assert (await reco.similar_items("red-dress", n=7)).ids[0] == "blue-dress"


# -- kept answers


async def test_an_answer_is_kept_but_each_slate_has_its_own_id(reco):
    first, second = [await reco.similar_items("boots", n=3) for _ in range(2)]
    assert first.ids == second.ids
    assert first.id != second.id
    assert reco.engine.cache_counts == (1, 1)
    other = await reco.similar_items("boots", n=3, placement="cart")
    assert (other.placement, other.ids) == ("cart", first.ids)


async def test_what_changes_an_answer_ends_it(reco):
    def misses():
        return reco.engine.cache_counts[1]

    async def ask():
        return await reco.recommend(visitor_id="v1", n=3)

    await ask()
    before = misses()
    await ask()
    assert misses() == before
    await reco.record(view("boots"))
    assert "boots" not in (await ask()).ids  # an own view, at once
    assert misses() == before + 1
    await reco.record(view("hose", "somebody-else"))
    await ask()
    assert misses() == before + 1
    await reco.record(purchase("sneakers"))
    assert "sneakers" not in (await ask()).ids  # an own purchase, at once
    assert misses() == before + 2
    await reco.upsert_items([replace(item("kettle"), price=41.0)])
    await ask()
    assert misses() == before + 3  # an item, at once


async def test_what_was_bought_is_not_shown_again_unless_asked(reco):
    await reco.record(purchase("rake", "v1", user_id="u1"))
    for who in ({"user_id": "u1"}, {"visitor_id": "v1", "user_id": "u1"}):
        assert "rake" not in (await reco.similar_items("hose", n=7, **who)).ids
        again = await reco.similar_items("hose", n=7, filters=Filters(exclude_purchased=False), **who)
        assert "rake" in again.ids
    assert "rake" in (await reco.similar_items("hose", n=7, visitor_id="v2")).ids
    await reco.record(act("refund", "rake", "v1", user_id="u1"))
    assert "rake" in (await reco.similar_items("hose", n=7, user_id="u1")).ids


async def test_time_ends_a_kept_answer():
    async with recommender(cache_ttl_seconds=0.001) as reco:
        await reco.upsert_items(WARDROBE)
        threading.Event().wait(0.01)
        for _ in range(2):
            await reco.recommend(n=3)
            threading.Event().wait(0.01)
        assert reco.engine.cache_counts == (0, 2)


async def test_threads_that_ask_at_once_get_one_answer(reco, monkeypatch):
    engine, calls = reco.engine, []
    pick = engine._pick

    def slow(*args):
        calls.append(1)
        threading.Event().wait(0.05)
        return pick(*args)

    monkeypatch.setattr(engine, "_pick", slow)
    request = Request(strategy="similar_items", seeds=("boots",), n=3)
    with ThreadPoolExecutor(8) as pool:
        slates = list(pool.map(reco.recommend_now, [request] * 8))
    assert len(calls) == 1
    assert len({slate.id for slate in slates}) == 8
    assert len({slate.ids for slate in slates}) == 1


async def test_many_filters_in_many_threads(reco):
    requests = [Request(n=3, filters=Filters(price_min=float(n % 150))) for n in range(600)]
    with ThreadPoolExecutor(6) as pool:
        for request, slate in zip(requests, pool.map(reco.recommend_now, requests), strict=True):
            assert all(item(i).effective_price >= request.filters.price_min for i in slate.ids)


# -- the deadline


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
async def test_past_the_deadline_a_cheaper_tier_answers(strategy):
    async with recommender(deadline_ms=1e-9) as reco:
        await reco.upsert_items(WARDROBE)
        seeds = ["boots"] if STRATEGIES[strategy].needs_seed else []
        slate = await reco.recommend(strategy=strategy, seeds=seeds, visitor_id="v1", n=3)
        assert slate.tier in {"popular", "empty"}
        assert (len(slate) == 3) is bool(STRATEGIES[strategy].fallback)
        assert "boots" not in slate.ids or not seeds
        assert reco.engine.late_answers == 1
        assert (await reco.doctor()).facts["late_answers"] == 1


async def test_a_late_answer_is_an_earlier_one_without_what_may_not_be_shown_any_more(reco, monkeypatch):
    before = await reco.similar_items("red-dress", n=4)
    monkeypatch.setattr(reco.engine, "_config", replace(reco.config, deadline_ms=1e-9))
    await reco.upsert_items([replace(item(before.ids[0]), availability="out_of_stock")])
    await reco.delete_items([before.ids[1]])
    late = await reco.similar_items("red-dress", n=4)
    assert (late.tier, late.ids) == ("cached", before.ids[2:])
    assert [e.position for e in late] == [0, 1]
    assert late.id != before.id


# -- what is logged


async def test_what_was_shown_is_logged(reco):
    slate = await reco.recommend(visitor_id="v1", user_id="u1", placement="home", n=3)
    await reco.flush()
    shown = await reco.store.get_impression(slate.id)
    assert (shown.item_ids, shown.visitor_id, shown.user_id) == (slate.ids, "v1", "u1")
    assert (shown.placement, shown.strategy, shown.tier, shown.at) == ("home", "recommended_for_you", slate.tier, NOON)
    await reco.recommend(filters=Filters(only_ids=[]))
    await reco.flush()
    assert await reco.store.impression_count() == 1  # nothing shown, nothing logged


async def test_sources_agree_on_scores_between_zero_and_one(reco):
    await reco.record_many([view("boots", "v2"), purchase("rake", "v3")])
    await reco.flush()
    for name, strategy in STRATEGIES.items():
        weights = {source.name: weight for source, weight in strategy.sources}
        seeds = ["boots"] if strategy.needs_seed else []
        for entry in await reco.recommend(strategy=name, seeds=seeds, visitor_id="v2", n=8):
            for source, given in entry.contributions.items():
                assert 0 <= given <= weights.get(source, 1.0) + 1e-9
            assert np.isfinite(entry.score)
