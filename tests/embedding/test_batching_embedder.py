"""Concurrent calls → few model calls, without one caller hurting another."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from reco_sdk.embedding.batching import BatchingEmbedder
from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.errors import ConfigError, EmbeddingError
from reco_sdk.testing.embedder import EmbedderContract


class TestBatching(EmbedderContract):
    def make(self):
        return BatchingEmbedder(HashingEmbedder())


class Slow(HashingEmbedder):
    """Takes a moment, counts calls, and never runs twice at once; fails on the text ``bad``."""

    def __init__(self, seconds=0.02):
        super().__init__(32)
        self.seconds = seconds
        self.batches = []
        self.closed = False

    async def embed(self, texts):
        self.batches.append(list(texts))
        await asyncio.sleep(self.seconds)
        if "bad" in texts:
            raise EmbeddingError("cannot")
        return await super().embed(texts)

    async def aclose(self):
        self.closed = True


async def test_concurrent_queries_become_one_call():
    inner = Slow()
    embedder = BatchingEmbedder(inner)
    answers = await asyncio.gather(*(embedder.embed([f"query {i}"]) for i in range(20)))
    assert inner.batches == [[f"query {i}" for i in range(20)]]
    expected = await HashingEmbedder(32).embed([f"query {i}" for i in range(20)])
    np.testing.assert_array_equal(np.concatenate(answers), expected)


async def test_what_arrives_while_the_model_works_is_the_next_batch():
    inner = Slow()
    embedder = BatchingEmbedder(inner, wait_seconds=0)
    first = asyncio.create_task(embedder.embed(["a"]))
    await asyncio.sleep(0.01)
    await asyncio.gather(first, embedder.embed(["b"]), embedder.embed(["c", "d"]))
    assert inner.batches == [["a"], ["b", "c", "d"]]


async def test_batches_have_a_limit_and_keep_calls_whole():
    inner = Slow(0)
    embedder = BatchingEmbedder(inner, max_batch=4)
    await asyncio.gather(*(embedder.embed([f"{i}a", f"{i}b", f"{i}c"]) for i in range(3)), embedder.embed(["z"]))
    assert all(len(batch) <= 4 for batch in inner.batches)
    assert sorted(text for batch in inner.batches for text in batch) == sorted(
        [f"{i}{letter}" for i in range(3) for letter in "abc"] + ["z"]
    )


async def test_a_large_call_goes_through_alone():
    inner = Slow(0)
    texts = [str(i) for i in range(100)]
    assert (await BatchingEmbedder(inner, max_batch=10).embed(texts)).shape == (100, 32)
    assert inner.batches == [texts]


async def test_a_cancelled_caller_does_not_hurt_the_others():
    inner = Slow()
    embedder = BatchingEmbedder(inner)
    calls = [asyncio.create_task(embedder.embed([f"q{i}"])) for i in range(3)]
    await asyncio.sleep(0.01)
    calls[1].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers[1], asyncio.CancelledError)
    np.testing.assert_array_equal(answers[2], await HashingEmbedder(32).embed(["q2"]))


async def test_a_caller_that_left_before_the_batch_is_not_embedded():
    inner = Slow()
    embedder = BatchingEmbedder(inner, wait_seconds=0.02)
    gone, stays = asyncio.create_task(embedder.embed(["gone"])), asyncio.create_task(embedder.embed(["stays"]))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    assert inner.batches == [["stays"]]


async def test_an_error_reaches_the_callers_of_its_batch_only():
    inner = Slow()
    embedder = BatchingEmbedder(inner)
    batch = [asyncio.create_task(embedder.embed([text])) for text in ("good", "bad")]
    await asyncio.sleep(0.01)
    later = asyncio.create_task(embedder.embed(["later"]))
    answers = await asyncio.gather(*batch, return_exceptions=True)
    assert [type(a) for a in answers] == [EmbeddingError, EmbeddingError]
    assert (await later).shape == (1, 32)


async def test_it_has_the_fingerprint_of_what_it_wraps():
    embedder = BatchingEmbedder(HashingEmbedder(32))
    assert (embedder.fingerprint, embedder.dimension) == ("hashing-1-32", 32)


async def test_closing_cancels_what_waits_and_closes_the_model():
    inner = Slow(5)
    embedder = BatchingEmbedder(inner)
    running = asyncio.create_task(embedder.embed(["a"]))
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(embedder.embed(["b"]))
    await asyncio.sleep(0)
    await embedder.aclose()
    assert [type(a) for a in await asyncio.gather(running, waiting, return_exceptions=True)] == [asyncio.CancelledError] * 2
    assert inner.closed


def test_a_second_loop_works_after_the_first():
    embedder = BatchingEmbedder(HashingEmbedder(32))
    assert asyncio.run(embedder.embed(["a"])).shape == (1, 32)
    assert asyncio.run(embedder.embed(["a"])).shape == (1, 32)


@pytest.mark.parametrize("settings", [{"wait_seconds": -1}, {"max_batch": 0}])
def test_settings_are_checked(settings):
    with pytest.raises(ConfigError):
        BatchingEmbedder(HashingEmbedder(), **settings)
