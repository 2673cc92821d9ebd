"""Marginal relevance, caps, rotation, fatigue and places for new items: known answers, a plain oracle, and what always holds."""

import math
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk import Item, Request
from reco_sdk.errors import ConfigError, InvalidRequest
from reco_sdk.placements import read_placements
from reco_sdk.ranking.diversity import NEUTRAL, Diversity
from reco_sdk.ranking.fusion import Fused
from reco_sdk.ranking.newcomers import Exposure, newcomers, places_for_new
from reco_sdk.ranking.rerank import rerank
from reco_sdk.ranking.rotation import chance_of, moved
from reco_sdk.ranking.variety import Variety
from reco_sdk.sessions.shown import Mood, Shown
from reco_sdk.snapshot.base import Base
from reco_sdk.snapshot.view import View
from tests.core.support import NOON, FakeClock, recommender, view

CATEGORIES, BRANDS, PRICES = ["A", "B", "C > D", None], ["x", "Y", None], [4.0, 4.1, 9.0, 30.0, None]
ANGLES = [0.0, 0.1, 0.8, 1.6, 3.0]


def shop(items, angles=None):
    """Return a view of items; each vector points somewhere on a circle."""
    angles = angles or [0.0] * len(items)
    vectors = {item.id: np.asarray([math.cos(a), math.sin(a)], np.float32) for item, a in zip(items, angles, strict=True)}
    return View(Base.empty(0.0), items, vectors, (), 1)


def ranking(scores):
    scores = np.asarray(scores, np.float64)
    return Fused.of(np.arange(len(scores), dtype=np.int32), scores[:, None])


def an_item(place, category, brand, price, group):
    return Item(id=f"i{place}", title="t", categories=[category] if category else [], brand=brand, price=price, group_id=group)


parts = st.tuples(
    st.sampled_from(CATEGORIES), st.sampled_from(BRANDS), st.sampled_from(PRICES), st.sampled_from([None, "g", "h"])
)
shops = st.lists(st.tuples(parts, st.sampled_from(ANGLES), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])), min_size=1, max_size=14)
shares = st.sampled_from([0.1, 0.25, 0.34, 0.5, 1.0])
diversities = st.builds(
    Diversity, mmr=st.sampled_from([0.3, 0.7, 1.0]), category_share=shares, brand_share=shares, price_share=shares
)


def made(rows):
    view = shop([an_item(place, *row[0]) for place, row in enumerate(rows)], [row[1] for row in rows])
    return view, ranking([row[2] for row in rows])


def band(price):
    return None if price is None else math.floor(math.log(price) / math.log(1.5))


def kept(row):
    (category, brand, price, _), _, _ = row
    return {"category": category, "brand": brand and brand.casefold(), "price": band(price)}


def check_each_choice(rows, fused, chosen, n, one_per_group, diversity):
    """Go through a slate by plain loops: each choice is one of the best there was, by the textbook's formula, within the caps."""
    left = {int(row): float(score) for row, score in zip(fused.rows, fused.scores, strict=True)}
    greatest, rooms, before = max(left.values()), dict(diversity.rooms(n)), []
    vector = [(math.cos(row[1]), math.sin(row[1])) for row in rows]

    def value(row):
        near = max([0.0, *(vector[row][0] * vector[r][0] + vector[row][1] * vector[r][1] for r in before)])
        return diversity.mmr * left[row] - (1.0 - diversity.mmr) * greatest * near

    def full(row):
        same = [kind for kind in rooms if kept(rows[row])[kind] is not None]
        return any(sum(kept(rows[r])[kind] == kept(rows[row])[kind] for r in before) >= rooms[kind] for kind in same)

    def group(row):
        return rows[row][0][3] or row

    for row in chosen:
        may = [other for other in left if not full(other)] or list(left)
        assert row in may
        assert value(row) >= max(map(value, may)) - 1e-5
        before.append(row)
        gone = {other for other in left if (group(other) == group(row) if one_per_group else other == row)}
        left = {other: score for other, score in left.items() if other not in gone}


@given(shops, st.integers(1, 16), st.booleans(), diversities)
@settings(max_examples=300, deadline=None)
def test_the_choice_is_that_of_a_plain_loop(rows, n, one_per_group, diversity):
    view, fused = made(rows)
    cut = rerank(view, fused, n, one_per_group, diversity)
    chosen = fused.rows[cut.places].tolist()
    groups = {rows[r][0][3] or r for r in range(len(rows))}
    assert len(chosen) == min(n, len(groups) if one_per_group else len(rows))
    assert len({rows[r][0][3] or r for r in chosen} if one_per_group else set(chosen)) == len(chosen)
    if diversity.mmr < 1.0:
        check_each_choice(rows, fused, chosen, n, one_per_group, diversity)
    elif not diversity.rooms(n):
        assert cut.places == rerank(view, fused, n, one_per_group).places
    rooms = dict(diversity.rooms(n))
    if not cut.exceeded:
        for kind, room in rooms.items():
            counts = Counter(kept(rows[r])[kind] for r in chosen)
            assert all(count <= room for code, count in counts.items() if code is not None)


@given(shops, st.integers(1, 16), st.booleans(), diversities)
@settings(max_examples=300, deadline=None)
def test_a_cap_is_exceeded_only_where_nothing_else_is_left(rows, n, one_per_group, diversity):
    view, fused = made(rows)
    cut = rerank(view, fused, n, one_per_group, diversity)
    if not cut.exceeded:
        return
    # What was chosen within the caps leaves room for no other candidate.
    rooms, within = dict(diversity.rooms(n)), []
    counts = {kind: Counter() for kind in rooms}
    for row in fused.rows[cut.places].tolist():
        own = {kind: code for kind, code in kept(rows[row]).items() if kind in rooms and code is not None}
        if all(counts[kind][code] < rooms[kind] for kind, code in own.items()):
            within.append(row)
            for kind, code in own.items():
                counts[kind][code] += 1
    assert len(within) < n
    taken = (
        {rows[r][0][3] or r for r in fused.rows[cut.places].tolist()} if one_per_group else set(fused.rows[cut.places].tolist())
    )
    for row in range(len(rows)):
        if (rows[row][0][3] or row) in taken if one_per_group else row in taken:
            continue
        own = {kind: code for kind, code in kept(rows[row]).items() if kind in rooms and code is not None}
        assert any(counts[kind][code] >= rooms[kind] for kind, code in own.items())


@given(shops, st.integers(1, 16), st.booleans(), diversities, st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**63))
@settings(max_examples=200, deadline=None)
def test_scores_fall_and_are_the_sums_of_what_contributed(rows, n, one_per_group, diversity, fatigue, rotation, seed):
    view, fused = made(rows)
    diversity = replace(diversity, fatigue=fatigue, rotation=rotation)
    mood = Mood(seed, (("i0", 4.0), ("i3", 1.0), ("gone", 2.0)))
    chosen, _ = Variety(diversity, mood).choose(view, fused, n, one_per_group)
    assert chosen.scores == pytest.approx(chosen.contributions.sum(axis=1), abs=1e-12)
    assert (chosen.scores >= -1e-12).all()
    if diversity.mmr < 1.0 or not diversity.rooms(n):
        assert (np.diff(chosen.scores) <= 1e-12).all()
    assert chosen.contributions.shape[1] == 1 + len(chosen.properties)


def test_without_a_wish_the_ranking_is_untouched():
    view, fused = made([(("A", "x", 4.0, None), 0.0, 0.9), (("A", "x", 4.0, None), 0.1, 0.5)])
    chosen, exceeded = Variety(NEUTRAL, None).choose(view, fused, 2, one_per_group=True)
    assert (chosen.rows.tolist(), chosen.scores.tolist(), chosen.properties, exceeded) == ([0, 1], [0.9, 0.5], (), False)


def test_marginal_relevance_by_hand():
    # Two that are alike, and one that points elsewhere: with λ = ½ the other comes second.
    view = shop([an_item(n, None, None, None, None) for n in range(3)], [0.0, 0.0, math.pi / 2])
    cut = rerank(view, ranking([1.0, 0.9, 0.4]), 3, one_per_group=True, diversity=Diversity(mmr=0.5))
    assert cut.places == [0, 2, 1]
    # ½·0.4 − ½·0, then ½·0.9 − ½·1, both doubled; what is below 0 is shown as 0.
    assert cut.taken == pytest.approx([0.0, 0.0, -0.9])


def test_a_band_of_prices_and_a_brand_have_their_share():
    items = [
        an_item(n, "A", brand, price, None) for n, (brand, price) in enumerate([("x", 6.0), ("X", 6.1), ("y", 6.2), ("y", 90.0)])
    ]
    view, fused = shop(items), ranking([0.9, 0.8, 0.7, 0.6])
    assert rerank(view, fused, 2, one_per_group=True, diversity=Diversity(brand_share=0.5)).places == [0, 2]
    assert rerank(view, fused, 2, one_per_group=True, diversity=Diversity(price_share=0.5)).places == [0, 3]
    cut = rerank(view, fused, 3, one_per_group=True, diversity=Diversity(category_share=0.3))
    assert (cut.places, cut.exceeded) == ([0, 1, 2], True)


def test_a_variant_within_the_caps_stands_for_one_beyond_them():
    items = [an_item(0, "A", "x", 9.0, None), *(an_item(n, "A", "x", 4.0, "h" if n == 2 else None) for n in (1, 2))]
    view, fused = shop([*items, an_item(3, "A", "y", 4.0, "h")]), ranking([0.9, 0.8, 0.7, 0.6])
    cut = rerank(view, fused, 2, one_per_group=True, diversity=Diversity(brand_share=0.5))
    assert (cut.places, cut.exceeded) == ([0, 3], False)


def test_what_was_passed_over_often_sinks_and_says_so():
    view, fused = made([((None, None, None, None), 0.0, 0.9), ((None, None, None, None), 0.0, 0.8)])
    after = moved(view, fused, Diversity(fatigue=0.5), Mood(1, (("i0", 3.0),)))
    assert after.rows.tolist() == [1, 0]
    # Three times cost half of the half that it may lose.
    assert after.contributions.tolist() == [[0.8, 0.0], [0.9, pytest.approx(-0.225)]]
    assert after.properties == ("fatigue",)


def test_a_rotation_turns_with_the_seed_and_is_even():
    view, _ = made([((None, None, None, None), 0.0, 0.5)] * 14)
    rows = np.arange(14, dtype=np.int32)
    chances = np.concatenate([chance_of(view, rows, seed) for seed in range(300)])
    assert (chances >= 0).all()
    assert (chances < 1).all()
    assert abs(chances.mean() - 0.5) < 0.02
    assert len({tuple(np.argsort(chance_of(view, rows, seed))) for seed in range(300)}) == 300


def test_places_for_new_items_are_their_share_over_many_requests():
    given = [places_for_new(0.1, 8, Mood(seed), "trending") for seed in range(4_000)]
    assert set(given) == {0, 1}
    assert abs(sum(given) / len(given) - 0.8) < 0.03
    assert places_for_new(1.0, 8, Mood(3), "trending") == 8


def test_each_new_item_gets_as_much_as_any_other():
    dates = [NOON - timedelta(days=n) for n in range(6)] + [NOON - timedelta(days=90)]
    items = [replace(an_item(n, None, None, None, None), published_at=at) for n, at in enumerate(dates)]
    view = shop(items)
    orders = type("Orders", (), {"newest_rows": np.arange(7, dtype=np.int32)})
    since, mask = (NOON - timedelta(days=60)).timestamp(), np.ones(7, np.bool_)
    drawn = Counter(newcomers(view, orders, mask, since, Mood(seed * 977), 1)[0] for seed in range(3_000))
    assert set(drawn) == set(range(6))
    assert max(drawn.values()) < 1.25 * min(drawn.values())


@pytest.mark.parametrize(
    "wrong", [{"mmr": 0.0}, {"mmr": 1.1}, {"fatigue": -0.1}, {"brand_share": 0}, {"new_share": "x"}, {"rotation": True}]
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidRequest, match=f"diversity.{next(iter(wrong))}"):
        Diversity(**wrong)
    with pytest.raises(InvalidRequest, match=r"diversity\.mood"):
        Diversity.from_dict({"mood": 1})


# -- visitors


def test_a_mood_stays_until_a_minute_of_rest_and_counts_what_was_passed_over():
    shown = Shown()
    assert shown.mood("v:me", 0.0).shown == ()
    for minute in range(3):
        shown.add("v:me", ["a", "b"], 60.0 * minute)
        shown.add("v:me", ["a"], 60.0 * minute + 5.0)  # another row of the same page
    assert shown.mood("v:me", 59.0) == shown.mood("v:me", 118.0) == shown.mood("v:me", 170.0)
    later = dict(shown.mood("v:me", 300.0).shown)
    assert later["a"] == later["b"] == pytest.approx(3.0, abs=0.02)
    shown.turned_to("v:me", "a")
    assert dict(shown.mood("v:me", 400.0).shown) == {"b": pytest.approx(3.0, abs=0.02)}
    assert dict(shown.mood("v:me", 86_520.0).shown) == {"b": pytest.approx(1.5, abs=0.02)}
    assert shown.mood("v:me", 90 * 86_400.0).shown == ()
    assert shown.mood("v:you", 300.0).shown == ()


def test_nothing_is_kept_that_nobody_asks_for_and_never_too_much():
    shown = Shown(max_visitors=5)
    shown.add("v:me", ["a"], 0.0)
    assert shown.mood("v:me", 60.0).shown == ()
    for number in range(50):
        shown.add(f"v:{number}", [f"i{n}" for n in range(300)], 0.0)
        shown.mood(f"v:{number}", 1_000.0 * number)
    assert len(shown._items) <= 5
    assert len(shown._moods) <= 6
    assert len(shown.mood("v:49", 99_000.0).shown) == 200


CATALOGUE = [
    Item(id=f"i{n}", title=f"thing number {n}", rating_count=40 - n, published_at=NOON - timedelta(days=300)) for n in range(20)
]
NEW = [Item(id=f"new{n}", title=f"new thing {n}", published_at=NOON - timedelta(days=1 + n)) for n in range(5)]


async def test_a_page_loaded_again_within_a_minute_is_the_same_and_a_later_one_is_not():
    clock = FakeClock()
    async with recommender(clock=clock, cache_ttl_seconds=0) as reco:
        await reco.upsert_items(CATALOGUE)
        request = Request(strategy="new_arrivals", visitor_id="me", n=6, diversity=Diversity(fatigue=0.9, rotation=0.1))
        pages = []
        for seconds in (0, 30, 29, 59, 3_700, 60, 86_400 * 40):
            clock.turn(seconds=seconds)
            pages.append(reco.recommend_now(request))
        ids = [page.ids for page in pages]
        assert ids[0] == ids[1] == ids[2] == ids[3]
        assert len(set(ids)) > 2
        assert pages[4][0].score == pytest.approx(sum(pages[4][0].contributions.values()), abs=1e-9)
        assert any("rotation" in item.contributions for item in pages[4])


async def test_what_a_visitor_passes_over_sinks_for_him_alone_until_he_turns_to_it():
    clock = FakeClock()
    async with recommender(clock=clock, cache_ttl_seconds=0) as reco:
        await reco.upsert_items(CATALOGUE)

        def page(who):
            asked = Request(strategy="new_arrivals", visitor_id=who, n=4, diversity=Diversity(fatigue=0.9))
            return reco.recommend_now(asked).ids

        first = page("me")
        for _ in range(6):
            clock.turn(minutes=2)
            now = page("me")
        assert now != first
        assert page("you") == first
        await reco.record(view("i0", "me", at=clock.now()))
        clock.turn(minutes=2)
        assert page("me")[0] == "i0"


async def test_new_items_get_their_share_and_what_it_costs_is_known():
    async with recommender(cache_ttl_seconds=0) as reco:
        await reco.upsert_items([*CATALOGUE, *NEW])
        plain = Request(strategy="bestsellers", n=10, visitor_id="v0")
        assert not [i for i in reco.recommend_now(plain).ids if i.startswith("new")]
        shown = Counter()
        for visitor in range(200):
            slate = reco.recommend_now(replace(plain, visitor_id=f"v{visitor}", diversity=Diversity(new_share=0.15)))
            assert len(slate) == len(set(slate.ids)) == 10
            new = [item for item in slate if item.id.startswith("new")]
            assert all(item.position >= 10 - len(new) for item in new)
            assert all(item.reason == "New" for item in new)
            scores = [item.score for item in slate]
            assert scores == sorted(scores, reverse=True)
            shown.update(item.id for item in new)
        exposure = reco.engine.exposure
        assert (exposure.places, exposure.given) == (2_000, sum(shown.values()))
        assert abs(exposure.share - 0.15) < 0.02
        assert 0.0 < exposure.cost < 0.2
        assert set(shown) == {item.id for item in NEW}


def test_an_account_without_entries_is_empty():
    assert (Exposure().share, Exposure().cost) == (0.0, 0.0)


async def test_a_request_may_ask_for_variety_and_meets_n():
    async with recommender() as reco:
        items = [replace(item, brand="one" if n % 4 else "two") for n, item in enumerate(CATALOGUE)]
        await reco.upsert_items(items)
        brands = {item.id: item.brand for item in items}
        slate = reco.recommend_now(Request(strategy="new_arrivals", n=8, diversity=Diversity(brand_share=0.5, mmr=0.7)))
        assert Counter(brands[i] for i in slate.ids) == {"one": 4, "two": 4}
        assert any("diversity" in item.contributions for item in slate)


async def test_a_placement_may_ask_for_variety():
    placements = {"home": {"strategy": "new_arrivals", "n": 8, "diversity": {"brand_share": 0.5}}}
    async with recommender(placements=placements) as reco:
        items = [replace(item, brand="one" if n % 4 else "two") for n, item in enumerate(CATALOGUE)]
        await reco.upsert_items(items)
        brands = {item.id: item.brand for item in items}
        assert Counter(brands[i] for i in (await reco.recommend(placement="home")).ids) == {"one": 4, "two": 4}


@pytest.mark.parametrize("wrong", [{"brand_share": 2}, {"brands": 0.5}, 0.5])
def test_a_placement_that_asks_for_what_cannot_be_names_the_mend(wrong):
    with pytest.raises(ConfigError, match=r'placements\["home"\]\["diversity"\].*;'):
        read_placements({"home": {"diversity": wrong}})
