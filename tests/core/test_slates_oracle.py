"""Any catalogue, any history, any filters: the slate holds min(n, what is allowed), told by a plain loop over the items."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk import Filters, Item, Request
from reco_sdk.strategies import STRATEGIES
from tests.core.support import NOON, FakeClock, act, recommender

IDS = [f"i{n}" for n in range(14)]
WORDS = ["red", "blue", "dress", "boots", "garden", "silk"]
CATEGORIES = ["Women", "Women > Dresses", "Men > Shoes", "Garden"]

moments = st.sampled_from([None, NOON - timedelta(days=9), NOON - timedelta(days=1), NOON + timedelta(days=1)])


def an_item(item_id):
    return st.builds(
        Item,
        id=st.just(item_id),
        title=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join),
        group_id=st.sampled_from([None, None, "g1", "g2", "i0"]),
        categories=st.lists(st.sampled_from(CATEGORIES), max_size=2),
        brand=st.sampled_from([None, "Acme", "ACME", "Volt"]),
        price=st.sampled_from([None, 5.0, 10.0, 20.0]),
        sale_price=st.sampled_from([None, None, 4.0]),
        availability=st.sampled_from(["in_stock", "in_stock", "in_stock", "out_of_stock", "preorder"]),
        quantity=st.sampled_from([None, None, 0, 2]),
        tags=st.lists(st.sampled_from(["new", "sale"]), max_size=2),
        attributes=st.dictionaries(st.sampled_from(["colour", "Size"]), st.sampled_from(["Red", "blue", ("S", "M")]), max_size=2),
        language=st.sampled_from([None, "en", "de"]),
        published_at=moments,
        expires_at=moments,
    )


catalogues = st.sets(st.sampled_from(IDS), min_size=1).flatmap(lambda ids: st.tuples(*(an_item(i) for i in sorted(ids))))

filters = st.builds(
    Filters,
    available=st.booleans(),
    price_min=st.sampled_from([None, None, 4.0, 6.0]),
    price_max=st.sampled_from([None, None, 10.0, 20.0]),
    categories=st.sampled_from([(), (), ("women",), ("Women>Dresses", "Garden"), ("Nowhere",)]),
    brands=st.sampled_from([(), (), ("acme",), ("Volt", "none")]),
    languages=st.sampled_from([(), (), ("EN",)]),
    tags=st.sampled_from([(), (), ("Sale",), ("new", "sale")]),
    attributes=st.sampled_from([{}, {}, {"Colour": ("red",)}, {"size": ["s"], "colour": ["blue", "red"]}]),
    only_ids=st.none() | st.none() | st.sets(st.sampled_from(IDS)),
    exclude_ids=st.sets(st.sampled_from(IDS), max_size=3),
    exclude_purchased=st.booleans(),
    one_per_group=st.booleans(),
)


def acts(*kinds):
    return st.lists(st.tuples(st.sampled_from(kinds), st.sampled_from(IDS), st.integers(0, 9_000)), max_size=6)


before_sync = acts("view_item", "purchase", "dismiss")
after_sync = acts("view_item", "purchase", "dismiss", "refund")
questions = st.tuples(filters, st.integers(1, 20), st.sampled_from(sorted(STRATEGIES)), st.sampled_from(IDS))


def satisfies(item, f):
    """The filters in words, one item at a time."""
    if f.available and not item.is_available:
        return False
    if (item.published_at and item.published_at > NOON) or (item.expires_at and item.expires_at <= NOON):
        return False
    price = item.effective_price
    if f.price_min is not None and (price is None or price < f.price_min):
        return False
    if f.price_max is not None and (price is None or price > f.price_max):
        return False
    if f.categories:
        paths = [p.casefold().split(" > ") for p in item.categories]
        wanted = [[part.strip() for part in c.casefold().split(">")] for c in f.categories]
        if not any(path[: len(w)] == w for path in paths for w in wanted):
            return False
    if f.brands and (item.brand or "").casefold() not in {b.casefold() for b in f.brands}:
        return False
    if f.languages and (item.language or "").casefold() not in {v.casefold() for v in f.languages}:
        return False
    if f.tags and not {t.casefold() for t in item.tags} & {t.casefold() for t in f.tags}:
        return False
    own = {k.casefold(): {v.casefold()} if isinstance(v, str) else {x.casefold() for x in v} for k, v in item.attributes.items()}
    if any(not own.get(name.casefold(), set()) & {v.casefold() for v in values} for name, values in f.attributes):
        return False
    return (f.only_ids is None or item.id in f.only_ids) and item.id not in f.exclude_ids


def group_of(item):
    return item.group_id or item.id


def allowed(catalogue, f, seed, strategy, history):
    """Return the ids that may be recommended."""
    seed_group = next((group_of(i) for i in catalogue if i.id == seed), None)
    counts, seen = {}, set()
    for kind, item_id, _ in history:
        seen.add(item_id)
        counts[item_id] = counts.get(item_id, 0) + {"purchase": 1, "refund": -1}.get(kind, 0)
    hidden = seen if STRATEGIES[strategy].hides_seen else set()
    if f.exclude_purchased and not STRATEGIES[strategy].keeps_purchased:
        hidden = hidden | {item_id for item_id, count in counts.items() if count > 0}
    # Another colour of what was bought or just looked at is no news either, where one of a product is enough.
    hidden_groups = {group_of(i) for i in catalogue if i.id in hidden} if f.one_per_group else set()
    return {
        i.id
        for i in catalogue
        if satisfies(i, f)
        and not (STRATEGIES[strategy].needs_seed and group_of(i) == seed_group)
        and i.id not in hidden
        and group_of(i) not in hidden_groups
    }


def check(slate, catalogue, f, n, seed, strategy, history):
    by_id = {i.id: i for i in catalogue}
    may = allowed(catalogue, f, seed, strategy, history)
    assert set(slate.ids) <= may
    assert len(set(slate.ids)) == len(slate)
    groups = {group_of(by_id[i]) if f.one_per_group else i for i in may}
    if f.one_per_group:
        assert len({group_of(by_id[i]) for i in slate.ids}) == len(slate)
    if strategy == "recently_viewed":
        viewed = {item_id for kind, item_id, _ in history if kind == "view_item"}
        groups = {group_of(by_id[i]) if f.one_per_group else i for i in may & viewed}
    if strategy == "buy_again":
        sign = {"purchase": 1, "refund": -1}
        had = {i for i in by_id if sum(sign.get(kind, 0) for kind, item_id, _ in history if item_id == i) > 0}
        groups = {group_of(by_id[i]) if f.one_per_group else i for i in may & had}
    if strategy == "on_sale":
        groups = {group_of(by_id[i]) if f.one_per_group else i for i in may if by_id[i].discount > 0}
    if strategy == "cross_category":
        own = by_id[seed].categories[:1]
        assert all(by_id[i].categories[:1] != own for i in slate.ids)
        assert all(by_id[i].categories for i in slate.ids)
        assert len(slate) <= min(n, len(groups))
    else:
        assert len(slate) == min(n, len(groups))
    assert [item.position for item in slate] == list(range(len(slate)))
    scores = [item.score for item in slate]
    assert scores == sorted(scores, reverse=True)
    for item in slate:
        assert item.score == pytest.approx(sum(item.contributions.values()), abs=1e-9)
        assert item.reason
        assert 0 <= item.score < 10
        assert item.reason_kind in item.contributions or item.score == 0
        assert item.reason_item_id is None or item.reason_item_id in by_id
    assert slate.tier == "empty" if not slate else slate.tier in {"personal", "similar", "popular"}


@settings(max_examples=30, deadline=None)
@given(
    catalogues,
    catalogues,
    st.sets(st.sampled_from(IDS), max_size=2),
    before_sync,
    after_sync,
    st.lists(questions, min_size=1, max_size=8),
)
def test_a_slate_is_as_full_as_the_filters_allow(first, second, gone, before, after, asked):
    async def play():
        clock = FakeClock()
        async with recommender(clock=clock) as reco:
            await reco.upsert_items(first)
            await reco.record_many([act(kind, item, ago=ago) for kind, item, ago in before])
            await reco.sync()  # the snapshot; what follows is the delta
            await reco.upsert_items(second)
            await reco.delete_items(gone)
            await reco.record_many([act(kind, item, ago=ago) for kind, item, ago in after])
            await reco.flush()
            catalogue = list({i.id: i for i in (*first, *second) if i.id not in gone}.values())
            known = {i.id for i in catalogue}
            for f, n, strategy, seed in asked:
                seeds = (seed,) if STRATEGIES[strategy].needs_seed else ()
                if seeds and seed not in known:
                    continue
                request = Request(strategy=strategy, n=n, seeds=seeds, filters=f, visitor_id="v1")
                history = [*before, *after]
                if len({(k, i) for k, i, _ in history if k in {"purchase", "refund"}}) != sum(
                    k in {"purchase", "refund"} for k, _, _ in history
                ):
                    request = replace(
                        request, filters=replace(f, exclude_purchased=False)
                    )  # how often is the snapshot's to forget
                for _ in range(2):  # computed, then from the cache
                    slate = reco.recommend_now(request)
                    check(slate, catalogue, request.filters, n, seed, strategy, history)

    asyncio.run(play())
