"""What lies around a category: rows of others, the nearest first, a few of each; and how a row that may not be of one is made of it."""

from dataclasses import replace

import numpy as np
import pytest

from reco_sdk import Item, Request
from reco_sdk.ranking.diversity import Diversity
from reco_sdk.snapshot.elsewhere import KEPT, OF_ONE, Elsewhere
from tests.core.support import recommender


def circle(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_the_nearest_others_by_hand():
    # Five rows of each of four categories around a circle; A lies next to B and D.
    codes = np.repeat(np.asarray([3, 5, 6, 9], np.int32), 5)
    angles = np.repeat([0.0, 0.5, 2.5, 5.6], 5) + np.tile([0.0, 0.01, 0.02, 0.03, 0.04], 4)
    around = Elsewhere.of(codes, circle(angles), np.ones(20, np.bool_)).around(3)
    found = around[around >= 0]
    assert found[:4].tolist() == [5, 6, 7, 8]  # of B, those that are nearest
    assert found[4:8].tolist() == [19, 18, 17, 16]
    assert len(found) == 3 * OF_ONE


@pytest.mark.parametrize("categories", [2, 7, 300])
def test_rows_are_of_others_each_once_and_have_a_vector(categories):
    random = np.random.default_rng(categories)
    codes = random.integers(-1, categories, 1_000).astype(np.int32)
    vectors = random.standard_normal((1_000, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    has_vector = random.random(1_000) < 0.9
    elsewhere = Elsewhere.of(codes, vectors, has_vector)
    for code in set(codes[has_vector].tolist()) - {-1}:
        rows = elsewhere.around(code)
        rows = rows[rows >= 0]
        assert 0 < len(rows) <= KEPT
        assert len(set(rows.tolist())) == len(rows)
        assert (codes[rows] != code).all()
        assert (codes[rows] >= 0).all()
        assert has_vector[rows].all()
        assert np.unique(codes[rows], return_counts=True)[1].max() <= OF_ONE


def test_one_category_or_none_has_nothing_around():
    vectors, every = circle(np.zeros(3)), np.ones(3, np.bool_)
    for codes in ([0, 0, 0], [-1, -1, -1], [4, 4, -1]):
        elsewhere = Elsewhere.of(np.asarray(codes, np.int32), vectors, every)
        assert elsewhere.around(codes[0]).size == elsewhere.around(99).size == 0


class Planted:
    """Shirts that lie close together, five kinds half as near to them, and all sorts of other things."""

    fingerprint, dimension = "planted", 16

    async def embed(self, texts):
        random = np.random.default_rng(1)
        vectors = random.standard_normal((len(texts), 16)).astype(np.float32)
        shirt, kinds = np.eye(1, 16)[0], np.eye(5, 16, 1)
        for place, text in enumerate(texts):
            if "shirt" in text:
                vectors[place] = shirt + 0.03 * vectors[place]
            elif "kind" in text:
                vectors[place] = shirt + kinds[int(text.partition("kind ")[2][0])] + 0.1 * vectors[place]
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    async def aclose(self):
        pass


async def test_a_cap_on_categories_holds_where_all_neighbours_are_of_one():
    items = [Item(id=f"shirt{n}", title=f"shirt {n}", categories=["Shirts"]) for n in range(60)]
    items += [Item(id=f"other{n}", title=f"kind {n % 5} {n}", categories=[f"Kind {n % 5}"]) for n in range(50)]
    items += [Item(id=f"sort{n}", title=f"of all sorts {n}") for n in range(400)]
    async with recommender(cache_ttl_seconds=0, neighbours_per_item=50, exact_limit=100, embedder=Planted()) as reco:
        await reco.upsert_items(items)
        await reco.sync()
        view = reco.engine.state.view
        seed = view.row("shirt7")
        near = view.neighbours(seed, 50, view.alive)[0]
        assert len(near) == 50
        assert (view.main_category[near] == view.main_category[seed]).all()
        request = Request(strategy="you_may_also_like", seeds=("shirt7",), n=8)
        assert all(i.startswith("shirt") for i in reco.recommend_now(request).ids)
        spread = replace(request, diversity=Diversity(category_share=0.5, mmr=0.9))
        slate, asked = reco.recommend_now(spread), []
        assert [i[:5] for i in slate.ids] == ["shirt"] * 4 + ["other"] * 4
        assert {item.reason_kind for item in slate} == {"similar_items"}
        # It is what a search would find, and costs none.
        view.search, search = lambda *given: asked.append(given) or search(*given), view.search
        assert reco.recommend_now(spread).ids == slate.ids
        assert not asked
