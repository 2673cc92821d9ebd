"""What has no vector yet is embedded in the background, the newest first."""

import pytest

from reco_sdk import Item
from reco_sdk.embedding import backlog as module
from reco_sdk.embedding.backlog import EmbeddingBacklog, embedded_state
from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.errors import EmbeddingError
from reco_sdk.items.text import DEFAULT_RECIPE
from reco_sdk.storage.memory import MemoryStore


class Remembering(HashingEmbedder):
    def __init__(self):
        super().__init__(16)
        self.texts = []
        self.fails = False

    async def embed(self, texts):
        if self.fails:
            raise EmbeddingError("out of memory")
        self.texts += texts
        return await super().embed(texts)


@pytest.fixture
async def store():
    opened = MemoryStore()
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
def embedder():
    return Remembering()


def items(count, word="thing"):
    return [Item(id=f"{word}-{n}", title=f"{word} number {n}") for n in range(count)]


async def finish(backlog):
    while await backlog.step():
        pass


async def state(store, embedder):
    return int(await store.get_state(embedded_state(DEFAULT_RECIPE, embedder.fingerprint)) or 0)


async def test_everything_is_embedded_once_and_the_next_goes_on_from_there(store, embedder):
    await store.upsert_items(items(50))
    await finish(EmbeddingBacklog(store, embedder, DEFAULT_RECIPE))
    assert len(embedder.texts) == 50
    assert await store.vector_count(embedder.fingerprint) == 50
    assert await state(store, embedder) == 50
    await store.upsert_items(items(3, "more"))
    await store.delete_items(["more-1"])
    backlog = EmbeddingBacklog(store, embedder, DEFAULT_RECIPE)
    await finish(backlog)
    assert len(embedder.texts) == 52
    assert backlog.embedded == 2
    assert (backlog.waiting, await state(store, embedder)) == (0, 54)
    assert await backlog.step() == 0


async def test_what_changed_last_does_not_wait_for_a_catalogue(store, embedder, monkeypatch):
    monkeypatch.setattr(module, "FRESH", 8)
    await store.upsert_items(items(200))
    backlog = EmbeddingBacklog(store, embedder, DEFAULT_RECIPE)
    assert await backlog.step() == 8
    assert {text.split("\n")[0] for text in embedder.texts} >= {"thing number 199"}
    await backlog.step()
    assert 0 < backlog.waiting < 200
    await store.upsert_items([Item(id="new", title="a new lamp")])
    await backlog.step()
    assert "a new lamp" in embedder.texts[-1]
    await finish(backlog)
    assert await store.vector_count(embedder.fingerprint) == 201
    assert len(embedder.texts) == 201
    assert await state(store, embedder) == 201


async def test_what_failed_is_tried_again(store, embedder):
    await store.upsert_items(items(5))
    backlog = EmbeddingBacklog(store, embedder, DEFAULT_RECIPE)
    embedder.fails = True
    for _ in range(2):
        with pytest.raises(EmbeddingError):
            await backlog.step()
    assert await state(store, embedder) == 0
    embedder.fails = False
    await finish(backlog)
    assert await state(store, embedder) == 5


async def test_a_store_that_was_restored_is_begun_anew(store, embedder):
    await store.upsert_items(items(5))
    backlog = EmbeddingBacklog(store, embedder, DEFAULT_RECIPE)
    await finish(backlog)
    other = MemoryStore()
    await other.open()
    await other.upsert_items(items(2, "old"))
    backlog._store = other
    await finish(backlog)
    assert await other.vector_count(embedder.fingerprint) == 2
    await other.aclose()
