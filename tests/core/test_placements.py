"""Placements and the chain of strategies behind them: what answers, in which order, and that it is said."""

import math

import pytest

from reco_sdk import Config
from reco_sdk.asking import RELAXES
from reco_sdk.errors import ConfigError, InvalidRequest, UnknownItem
from reco_sdk.placements import DEFAULTS, read_placements
from reco_sdk.ranking.filters import Filters
from reco_sdk.request import PLACEMENTS
from reco_sdk.strategies import STRATEGIES
from tests.core.support import WARDROBE, purchase, recommender, view


@pytest.fixture
async def reco():
    async with recommender() as opened:
        await opened.upsert_items(WARDROBE)
        await opened.sync()
        yield opened


def test_every_placement_has_a_default_that_ends_with_an_answer_for_anybody():
    assert set(DEFAULTS) == PLACEMENTS
    for placement in DEFAULTS.values():
        assert set(placement.strategies) <= set(STRATEGIES)
        assert not STRATEGIES[placement.strategies[-1]].needs_seed


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (7, "placements is int, not a dict"),
        ({"basket": {}}, "no placement 'basket'"),
        ({"carts": {}}, "did you mean 'cart'?"),
        ({"cart": 7}, 'placements["cart"] is int'),
        ({"cart": {"strateggy": "trending"}}, "did you mean 'strategy'?"),
        ({"cart": {"strategy": "magic"}}, 'placements["cart"]["strategy"] is \'magic\''),
        ({"cart": "bestseller"}, "did you mean 'bestsellers'?"),
        ({"cart": {"n": 0}}, 'placements["cart"]["n"] is 0; give a whole number'),
        ({"cart": {"n": True}}, "give a whole number"),
        ({"cart": {"fallback": "trending"}}, "give a list of strategies"),
        ({"cart": {"fallback": ["trending", "x"]}}, 'placements["cart"]["fallback"] is \'x\''),
        ({"cart": {"strict": 1}}, "give True or False"),
        ({"cart": {"strict": True, "relaxed": True}}, "choose one"),
        ({"cart": {"filters": []}}, "give a dict of filters"),
        ({"cart": {"filters": {"colour": "red"}}}, "no filter 'colour'"),
        ({"cart": {"filters": {"price_max": "x"}}}, "price_max"),
    ],
)
def test_what_cannot_work_is_named_with_its_mend(raw, told):
    with pytest.raises(ConfigError) as caught:
        read_placements(raw)
    assert told in str(caught.value)
    assert "; " in str(caught.value)


def test_settings_change_what_they_name_and_nothing_else():
    found = read_placements({"cart": {"n": 3}, "home": "trending"})
    assert (found["cart"].n, found["cart"].strategy) == (3, DEFAULTS["cart"].strategy)
    assert (found["home"].strategy, found["home"].n) == ("trending", DEFAULTS["home"].n)
    assert found["item"] is DEFAULTS["item"]


def test_the_environment_gives_placements_as_json():
    config = Config.from_env({"RECO_PLACEMENTS": '{"cart": {"n": 2}}'})
    assert config.placements == {"cart": {"n": 2}}
    for text in ("[1]", "no json"):
        with pytest.raises(ConfigError, match=r"RECO_PLACEMENTS|placements"):
            Config.from_env({"RECO_PLACEMENTS": text})


async def test_a_recommender_refuses_placements_that_cannot_work():
    with pytest.raises(ConfigError, match="placements"):
        recommender(placements={"cart": "magic"})


async def test_a_placement_says_what_is_asked_for():
    settings = {"cart": {"strategy": "bestsellers", "n": 2, "filters": {"categories": ["Garden"]}}}
    async with recommender(placements=settings) as reco:
        await reco.upsert_items(WARDROBE)
        slate = await reco.recommend(placement="cart", seeds=["boots"])
        assert (slate.strategy, slate.placement, set(slate.ids)) == ("bestsellers", "cart", {"hose", "rake"})
        named = await reco.recommend(placement="cart", strategy="trending")
        assert (named.strategy, len(named)) == ("trending", 8)


async def test_an_empty_cart_falls_back_and_says_so(reco):
    slate = await reco.recommend(placement="cart")
    assert (slate.strategy, slate.fallback, len(slate)) == ("recommended_for_you", "recommended_for_you", 6)
    assert slate.to_dict()["fallback"] == "recommended_for_you"
    full = await reco.recommend(placement="cart", seeds=["boots"])
    assert (full.strategy, full.fallback) == ("bought_together", "")


async def test_strict_shows_nothing_rather_than_filler(reco):
    filled = await reco.recommend(strategy="bought_together", seeds=["boots"], n=4)
    assert len(filled) == 4
    strict = await reco.recommend(strategy="bought_together", seeds=["boots"], n=4, strict=True)
    assert (strict.ids, strict.tier) == ((), "empty")
    await reco.record(purchase("boots", session_id="one"))
    await reco.record(purchase("rake", session_id="one"))
    await reco.flush()
    strict = await reco.recommend(strategy="bought_together", seeds=["boots"], n=4, strict=True, visitor_id="other")
    assert set(strict.ids) <= {"rake"}


async def test_the_first_strategy_with_an_answer_answers(reco):
    chain = {"strategy": "recently_viewed", "fallback": ["bought_together", "new_arrivals", "bestsellers"], "strict": True}
    await reco.record(purchase("kettle", "somebody"))
    await reco.flush()
    slate = await reco.recommend(visitor_id="v1", n=4, **chain)
    assert (slate.strategy, slate.fallback, slate.ids) == ("bestsellers", "bestsellers", ("kettle",))
    await reco.record(view("hose"))
    slate = await reco.recommend(visitor_id="v1", n=4, **chain)
    assert (slate.strategy, slate.fallback, slate.ids) == ("recently_viewed", "", ("hose",))


async def test_seeds_that_are_gone_leave_the_chain_to_others(reco):
    slate = await reco.recommend(strategy="similar_items", fallback=["trending"], seeds=["gone"], n=3)
    assert (slate.strategy, len(slate)) == ("trending", 3)
    slate = await reco.recommend(placement="item", seeds=["gone"], n=3)
    assert (slate.strategy, slate.fallback, len(slate)) == ("recommended_for_you", "recommended_for_you", 3)
    with pytest.raises(UnknownItem):
        await reco.recommend(strategy="similar_items", seeds=["gone"])
    nothing = await reco.recommend(strategy="similar_items", fallback=["bought_together"], seeds=["gone"])
    assert (len(nothing), nothing.tier) == (0, "empty")


async def test_relaxed_drops_filters_in_order_until_the_row_is_full(reco):
    filters = Filters(categories=("Men",), brands=("Terra",), price_max=130)
    kept = await reco.recommend(strategy="bestsellers", n=3, filters=filters)
    assert kept.ids == ("boots",)
    slate = await reco.recommend(strategy="bestsellers", n=3, filters=filters, relaxed=True)
    assert (slate.ids[:2], len(slate)) == (("boots", "sneakers"), 3)
    assert slate.relaxed == ("price", "brands", "categories")
    scores = [item.score for item in slate]
    assert scores == sorted(scores, reverse=True)
    assert [item.position for item in slate] == [0, 1, 2]
    assert all(math.isclose(item.score, sum(item.contributions.values()), abs_tol=1e-6) for item in slate)
    two = await reco.recommend(strategy="bestsellers", n=2, filters=filters, relaxed=True)
    assert (two.ids, two.relaxed) == (("boots", "sneakers"), ("price", "brands"))


async def test_relaxed_never_shows_what_cannot_be_bought_nor_what_was_left_out(reco):
    filters = Filters(brands=("Alba",), exclude_ids=frozenset({"kettle"}), languages=("en",))
    slate = await reco.recommend(strategy="bestsellers", n=8, filters=filters, relaxed=True)
    assert slate.ids == ()  # nothing is in that language
    slate = await reco.recommend(strategy="bestsellers", n=8, filters=Filters(exclude_ids=frozenset({"kettle"})), relaxed=True)
    assert ("kettle" in slate.ids, slate.relaxed) == (False, ())


async def test_strict_and_relaxed_exclude_each_other(reco):
    with pytest.raises(InvalidRequest, match="relaxed"):
        await reco.recommend(strategy="trending", strict=True, relaxed=True)


async def test_relaxed_rows_hold_one_variant_of_a_product():
    from reco_sdk import Item

    async with recommender() as reco:
        await reco.upsert_items(
            [
                Item(id=f"{product}-{colour}", title=f"{product} {colour}", group_id=product, brand=colour)
                for product in ("shirt", "coat", "scarf")
                for colour in ("red", "blue")
            ]
        )
        slate = await reco.recommend(strategy="bestsellers", n=3, filters=Filters(brands=("red",), price_max=5), relaxed=True)
        assert len({item_id.partition("-")[0] for item_id in slate.ids}) == len(slate) == 3


async def test_what_is_asked_wrongly_is_an_error_even_where_nothing_can_answer(reco):
    with pytest.raises(InvalidRequest, match="n:"):
        await reco.recommend(strategy="similar_items", fallback=["bought_together"], n=0)
    with pytest.raises(InvalidRequest, match="strategy"):
        await reco.recommend(strategy="magic", fallback=["trending"])


def test_what_may_give_way_is_a_filter():
    from dataclasses import fields

    names = {f.name for f in fields(Filters)} | {"price", "where"}
    assert set(RELAXES) <= names


async def test_relaxed_stays_within_site_and_language():
    from reco_sdk import Item

    async with recommender() as reco:
        await reco.upsert_items(
            [
                Item(id=f"{site}-{colour}", title=f"{colour} cup", attributes={"sites": (site,), "colour": (colour,)})
                for site in ("de", "at")
                for colour in ("red", "blue")
            ]
        )
        filters = Filters(attributes={"sites": ("de",), "colour": ("red",)})
        slate = await reco.recommend(strategy="bestsellers", n=4, filters=filters, relaxed=True)
        assert (slate.ids, slate.relaxed) == (("de-red", "de-blue"), ("attributes",))
