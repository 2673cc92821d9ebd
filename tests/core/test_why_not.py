"""Why an item is not shown: the first stage that dropped it, and changes that do show it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reco_sdk import Filters
from reco_sdk.errors import UnknownItem
from reco_sdk.explaining import why_not
from reco_sdk.request import Request
from tests.core.support import NOON, WARDROBE, purchase, recommender, view
from tests.core.test_behaviour_rows import order, stored, visits

LIKE_BOOTS = {"strategy": "similar_items", "seeds": ("boots",)}
KETTLE = WARDROBE[7]


async def shop(reco, *items):
    await reco.upsert_items([*WARDROBE, *items])
    orders = [line for n in range(8) for line in order(n, "boots", "kettle", ago=90_000 * (n + 1))]
    await stored(reco, orders + visits(9, "boots", "hose", "kettle"))


@pytest.mark.parametrize(
    ("item", "request_", "stage", "says"),
    [
        (replace(KETTLE, id="x"), {}, "shown", "place"),
        (replace(KETTLE, id="x", availability="out_of_stock"), {}, "out_of_stock", "cannot be bought"),
        (replace(KETTLE, id="x", published_at=NOON + timedelta(days=2)), {}, "unpublished", "2026-03-03"),
        (replace(KETTLE, id="x", expires_at=NOON - timedelta(days=2)), {}, "expired", "2026-02-27"),
        (replace(KETTLE, id="x"), {"filters": Filters(price_max=39)}, "filter", "price_max: 39"),
        (replace(KETTLE, id="x"), {"filters": Filters(brands=("Alba",))}, "filter", "brands: Alba"),
        (replace(KETTLE, id="x"), {"filters": Filters(only_ids=("rake", "hose"))}, "filter", "only_ids"),
        (replace(KETTLE, id="x"), {"filters": Filters(exclude_ids=("x",))}, "excluded", "by its id"),
        (replace(WARDROBE[3], id="x", group_id="boots"), LIKE_BOOTS, "seed", "variant"),
        (replace(KETTLE, id="x"), {"visitor_id": "saw-x"}, "seen", "looked at it"),
        (replace(KETTLE, id="x"), {"visitor_id": "bought-x", "strategy": "trending"}, "purchased", "bought it"),
        (replace(WARDROBE[4], id="x", title="Winter sneakers, leather"), {**LIKE_BOOTS, "n": 1}, "cut", "the last one shown"),
        (replace(KETTLE, id="x"), {"strategy": "recently_viewed", "visitor_id": "v1"}, "no_source", "no source"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_the_first_stage_that_dropped_it_is_named(item, request_, stage, says):
    async with recommender() as reco:
        await shop(reco, item)
        await reco.record_many([view("x", "saw-x", ago=20), purchase("x", "bought-x", ago=10)])
        await reco.flush()
        found = await reco.why_not("x", Request(**{"n": 20, **request_}))
        assert found.stage == stage, found
        assert says in found.text
        assert found.title == item.title
        assert found.to_dict()["stage"] == stage
        if stage not in {"shown", "no_source", "seed"}:
            request = found.changed(Request(**{"n": 20, **request_}))
            await reco.upsert_items([found.changed_item(item)])
            assert found.changes
            assert "x" in reco.engine.recommend(request).ids


async def test_a_variant_stands_for_the_other():
    async with recommender() as reco:
        await shop(reco, replace(WARDROBE[0], id="x", group_id="red-dress"))
        shown = set(reco.engine.recommend(Request(n=20)).ids)
        (missing,) = {"x", "red-dress"} - shown
        found = await reco.why_not(missing, Request(n=20))
        assert (found.stage, found.changes[0].text) == ("group", "show all variants")


async def test_an_item_that_is_not_there_is_said_to_be_unknown():
    async with recommender() as reco:
        await shop(reco)
        found = await reco.why_not("no-such-item", strategy="trending")
        assert (found.stage, found.changes, found.shown) == ("unknown_item", (), False)
        with pytest.raises(UnknownItem):
            await reco.why_not("no-such-item", Request(strategy="similar_items", seeds=("gone",)))


async def test_it_says_how_far_it_is_from_being_shown():
    async with recommender() as reco:
        await shop(reco)
        request = Request(strategy="similar_items", seeds=("red-dress",), n=1)
        order_ = reco.engine.recommend(replace(request, n=8)).ids
        found = why_not(reco.engine, order_[2], request)
        assert found.stage in {"cut", "no_source"}
        assert found.changed(request).n == 3
        far = why_not(reco.engine, order_[-1], replace(request, strict=True))
        assert far.stage in {"cut", "no_source"}
        assert far.rank > 1 or "popular" in far.nearest
