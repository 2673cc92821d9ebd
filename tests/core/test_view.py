"""The view is one row space over snapshot and delta: every answer is held against a plain sort over all vectors."""

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk import Item
from reco_sdk.items.catalogue import facet
from tests.core.support import recommender

WORDS = ["red", "blue", "linen", "dress", "boots", "garden", "hose", "silk", "kettle", "rake"]


def things(prefix, count, rng):
    return [
        Item(
            id=f"{prefix}{n}",
            title=" ".join(rng.choice(WORDS, 3)) + f" {prefix}{n}",
            group_id=f"g{rng.integers(40)}" if rng.random() < 0.3 else None,
            categories=[str(rng.choice(["A", "A > B", "C"]))],
        )
        for n in range(count)
    ]


async def built(seed, exact_limit=20_000):
    """Return a view with 120 snapshot rows, of which some changed or went, and 30 more in the delta."""
    rng = np.random.default_rng(seed)
    async with recommender(exact_limit=exact_limit, neighbours_per_item=10) as reco:
        first = things("s", 120, rng)
        await reco.upsert_items(first)
        await reco.upsert_items([Item(id="blank", title="x")], embed=False)
        await reco.store.upsert_items([Item(id="mute", title="never embedded")])
        reco.embedder, embedder = None, reco.embedder
        reco._follower.base.meta["fingerprint"] = embedder.fingerprint
        await reco.sync()
        reco.embedder = embedder
        await reco.upsert_items([*things("d", 20, rng), *things("s", 10, rng)])
        await reco.delete_items(["s11", "s12", "d3"])
        await reco.upsert_items([Item(id="mute-too", title="never embedded either")], embed=False)
        return reco.engine.state.view


@pytest.fixture(scope="module", params=[0, 1])
def view(request):
    return asyncio.run(built(request.param))


def plain(view, query, k, mask):
    """Return the exact answer: every row that may be, by descending cosine, then by row."""
    scores = view.vectors_of(np.arange(len(view))) @ query
    rows = [row for row in range(len(view)) if mask[row] and view.has_vector[row]]
    return sorted(rows, key=lambda row: (-scores[row], row))[:k], scores


def test_rows_and_ids_go_both_ways(view):
    alive = np.flatnonzero(view.alive).tolist()
    assert [view.row(view.item_id(row)) for row in alive] == alive
    assert view.row("s11") == view.row("d3") == view.row("nothing") == -1
    assert view.row("s5") >= view.n_base > view.row("s50")  # it changed, it did not
    assert view.title(view.row("d7")).endswith("d7")
    assert not view.has_vector[[view.row("mute"), view.row("mute-too"), view.row("blank")]].any()


def test_vectors_are_unit_or_nothing(view):
    lengths = np.linalg.norm(view.vectors_of(np.arange(len(view))), axis=1)
    np.testing.assert_allclose(lengths, view.has_vector.astype(float), atol=1e-4)
    assert view.vectors_of(np.empty(0, np.int32)).shape == (0, view.dimension)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 150), st.integers(1, 200), st.sampled_from([0.02, 0.3, 1.0]), st.integers(0, 5))
def test_a_search_is_the_head_of_a_plain_sort(view, row, k, share, seed):
    mask = view.alive & (np.random.default_rng(seed).random(len(view)) < share)
    query = view.vectors_of(np.asarray([row % len(view)]))[0]
    if not query.any():
        return
    rows, scores = view.search(query, k, mask)
    wanted, exact = plain(view, query, k, mask)
    np.testing.assert_allclose(scores, [exact[r] for r in wanted], atol=1e-5)
    np.testing.assert_allclose(exact[rows], scores, atol=1e-5)
    assert len(set(rows.tolist())) == len(rows)
    assert mask[rows].all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 150), st.integers(1, 60), st.sampled_from([0.02, 0.3, 1.0]), st.integers(0, 5))
def test_neighbours_are_the_search_from_an_item_without_itself(view, row, k, share, seed):
    row %= len(view)
    mask = view.alive & (np.random.default_rng(seed).random(len(view)) < share)
    rows, scores = view.neighbours(row, k, mask)
    if not view.has_vector[row]:
        assert not len(rows)
        return
    without = mask.copy()
    without[row] = False
    wanted, exact = plain(view, view.vectors_of(np.asarray([row]))[0], k, without)
    # The beginning of the exact answer: all of it, or at least half of what was asked.
    assert len(rows) == len(wanted) or k <= 2 * len(rows) < 2 * len(wanted)
    np.testing.assert_allclose(scores, [exact[r] for r in wanted[: len(rows)]], atol=1e-5)
    assert row not in rows
    assert mask[rows].all()


def test_variants_and_facets_cover_both_parts(view):
    for row in np.flatnonzero(view.alive).tolist():
        assert sorted(view.variants(row).tolist()) == np.flatnonzero(view.group == view.group[row]).tolist()
    for path in ("a", "A > b", "C", "none"):
        rows = view.facet_rows(facet("category", path))
        assert (view.alive[rows]).any() == (path != "none")
    assert view.main_category_key(view.row("d7")) in {facet("category", c) for c in ("A", "A > B", "C")}
    assert view.main_category_key(view.row("mute")) is None


def test_a_large_catalogue_is_searched_with_high_recall():
    pytest.importorskip("hnswlib")
    view = asyncio.run(built(3, exact_limit=50))
    assert view.base.meta["index"] == "hnsw"
    hits = total = 0
    for row in range(0, 120, 7):
        query = view.vectors_of(np.asarray([row]))[0]
        if not query.any():
            continue
        rows, _ = view.search(query, 10, view.alive)
        wanted, _ = plain(view, query, 10, view.alive)
        hits += len(set(rows.tolist()) & set(wanted))
        total += len(wanted)
    assert hits / total > 0.95


def test_a_view_before_any_snapshot_is_all_delta():
    async def play():
        async with recommender() as reco:
            await reco.upsert_items(things("d", 5, np.random.default_rng(0)))
            return reco.engine.state.view

    view = asyncio.run(play())
    assert (view.n_base, len(view)) == (0, 5)
    rows, _ = view.search(view.vectors_of(np.asarray([2]))[0], 1, view.alive)
    assert rows.tolist() == [2]


async def test_brands_are_numbers_that_snapshot_and_delta_share():
    async with recommender() as reco:
        brands = ["Acme", " acme ", "Blåhaj", None, "brand=x"]
        await reco.upsert_items([Item(id=f"s{n}", title="t", brand=brand, tags=["brand"]) for n, brand in enumerate(brands)])
        await reco.sync()
        await reco.upsert_items(
            [Item(id=f"d{n}", title="t", brand=brand) for n, brand in enumerate(["ACME", "Nova", None, "nova"])]
        )
        view = reco.engine.state.view
        number = {item: int(view.brands[view.row(item)]) for item in [*(f"s{n}" for n in range(5)), *(f"d{n}" for n in range(4))]}
        assert number["s0"] == number["s1"] == number["d0"] >= 0
        assert number["d1"] == number["d3"] >= 0
        assert number["s3"] < 0 > number["d2"]
        assert len({number[i] for i in ("s0", "s2", "s4", "d1")}) == 4
