"""Items → stored vectors: nothing twice, nothing lost."""

from __future__ import annotations

import numpy as np
import pytest

from reco_sdk import Item
from reco_sdk.embedding import sync
from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.embedding.sync import embed_catalogue, embed_items
from reco_sdk.errors import EmbeddingError
from reco_sdk.items.text import DEFAULT_RECIPE, TextRecipe
from reco_sdk.ports import ItemChange


class Store:
    """Items and vectors in two dicts; counts what it is asked."""

    def __init__(self, items=()):
        self.items = {item.id: item for item in items}
        self.vectors = {}
        self.puts = 0

    async def get_vectors(self, fingerprint, text_hashes):
        return {h: self.vectors[fingerprint, h] for h in text_hashes if (fingerprint, h) in self.vectors}

    async def put_vectors(self, fingerprint, vectors):
        self.puts += 1
        self.vectors.update({(fingerprint, h): np.array(v) for h, v in vectors.items()})

    async def item_count(self):
        return len(self.items)

    async def iter_items(self, batch=1_000):
        ordered = [ItemChange(1, i, self.items[i]) for i in sorted(self.items)]
        for start in range(0, len(ordered), batch):
            yield ordered[start : start + batch]


class Counting(HashingEmbedder):
    """Remembers every text it embedded; fails after ``limit`` calls."""

    def __init__(self, dimension=32, limit=None):
        super().__init__(dimension)
        self.seen = []
        self.calls = 0
        self.limit = limit

    async def embed(self, texts):
        if self.limit is not None and self.calls >= self.limit:
            raise EmbeddingError("the model is gone")
        self.calls += 1
        self.seen += texts
        return await super().embed(texts)


def catalogue(n, prefix="thing"):
    return [Item(id=f"{i:04d}", title=f"{prefix} number {i}") for i in range(n)]


async def test_every_item_gets_the_vector_of_its_text():
    items = catalogue(5)
    report = await embed_items(Store(), HashingEmbedder(32), items)
    expected = await HashingEmbedder(32).embed([DEFAULT_RECIPE.text(i) for i in items])
    assert list(report.vectors) == [i.id for i in items]
    np.testing.assert_allclose(np.stack(list(report.vectors.values())), expected, atol=1e-6)
    assert (report.embedded, report.reused) == (5, 0)


async def test_an_unchanged_text_is_never_embedded_twice():
    store, embedder, items = Store(), Counting(), catalogue(5)
    await embed_items(store, embedder, items)
    again = await embed_items(store, embedder, items)
    assert (again.embedded, again.reused, len(embedder.seen)) == (0, 5, 5)
    dearer = [Item(id=i.id, title=i.title, price=9.0) for i in items]
    assert (await embed_items(store, embedder, dearer)).embedded == 0
    renamed = [Item(id="0000", title="another name"), *items[1:]]
    assert (await embed_items(store, embedder, renamed)).embedded == 1
    assert embedder.seen[-1] == "another name"


async def test_equal_texts_in_one_batch_are_embedded_once():
    embedder = Counting()
    items = [Item(id=str(i), title="Mug") for i in range(4)]
    report = await embed_items(Store(), embedder, items)
    assert embedder.seen == ["Mug"]
    assert (report.embedded, report.reused, len(report.vectors)) == (1, 3, 4)


async def test_another_model_embeds_anew_and_leaves_the_old_vectors():
    store, items = Store(), catalogue(3)
    await embed_items(store, HashingEmbedder(32), items)
    assert (await embed_items(store, HashingEmbedder(64), items)).embedded == 3
    assert (await embed_items(store, HashingEmbedder(32), items)).embedded == 0


async def test_a_new_recipe_embeds_only_what_reads_differently():
    store, embedder = Store(), Counting()
    items = [Item(id="a", title="Mug"), Item(id="b", title="Pot", brand="Acme")]
    await embed_items(store, embedder, items)
    report = await embed_items(store, embedder, items, recipe=TextRecipe(version="2", build=lambda i: i.title))
    assert (report.embedded, embedder.seen[-1]) == (1, "Pot")


async def test_a_killed_run_goes_on_where_it_stopped(monkeypatch):
    monkeypatch.setattr(sync, "STORE_EVERY", 10)
    store, items = Store(), catalogue(35)
    with pytest.raises(EmbeddingError, match="gone"):
        await embed_items(store, Counting(limit=2), items)
    assert len(store.vectors) == 20
    again = await embed_items(store, Counting(), items)
    assert (again.embedded, again.reused, len(again.vectors)) == (15, 20, 35)


async def test_progress_ends_at_the_number_of_items(monkeypatch):
    monkeypatch.setattr(sync, "STORE_EVERY", 2)
    store, seen = Store(), []
    items = [*catalogue(5), Item(id="twin", title="thing number 0")]
    await embed_items(store, HashingEmbedder(32), items[:1])
    await embed_items(store, HashingEmbedder(32), items, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 6), (4, 6), (6, 6)]


async def test_a_report_prints_short():
    report = await embed_items(Store(), HashingEmbedder(32), catalogue(50))
    assert repr(report) == "EmbedReport(embedded=50, reused=0)"


async def test_no_items_ask_the_model_nothing():
    embedder = Counting()
    report = await embed_items(Store(), embedder, [])
    assert (report.vectors, report.embedded, embedder.calls) == ({}, 0, 0)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (np.full((2, 32), np.nan, np.float32), "NaN"),
        (np.full((2, 32), np.inf, np.float32), "infinite"),
        (np.ones((2, 31), np.float32), "shape"),
        (np.ones((1, 32), np.float32), "shape"),
    ],
)
async def test_a_wrong_answer_is_refused_and_not_stored(answer, said):
    class Broken(HashingEmbedder):
        async def embed(self, texts):
            return answer

    store = Store()
    with pytest.raises(EmbeddingError, match=said):
        await embed_items(store, Broken(32), catalogue(2))
    assert not store.vectors


async def test_a_whole_catalogue_comes_in_batches_by_id():
    store, embedder, seen = Store(catalogue(25)), Counting(), []
    reports = [r async for r in embed_catalogue(store, embedder, batch=10, progress=lambda d, t: seen.append((d, t)))]
    assert [len(r.vectors) for r in reports] == [10, 10, 5]
    assert [item_id for r in reports for item_id in r.vectors] == sorted(store.items)
    assert seen[-1] == (25, 25)
    assert seen == sorted(seen)


async def test_a_catalogue_run_that_was_killed_resumes():
    store = Store(catalogue(25))
    with pytest.raises(EmbeddingError):
        _ = [r async for r in embed_catalogue(store, Counting(limit=1), batch=10)]
    assert sum([r.embedded async for r in embed_catalogue(store, HashingEmbedder(32), batch=10)]) == 15
