"""The embedder without a model."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.errors import ConfigError
from reco_sdk.testing.embedder import EmbedderContract


class TestHashing(EmbedderContract):
    def make(self):
        return HashingEmbedder()


class TestHashingOfFewDimensions(EmbedderContract):
    def make(self):
        return HashingEmbedder(64)


KNOWN = [0.343559, -0.343559, 0.343559, 0.000000, -0.343559, -0.343559, 0.000000, 0.640184]

PROGRAM = """
import asyncio
from reco_sdk.embedding.hashing import HashingEmbedder
row = asyncio.run(HashingEmbedder(16).embed(["Red linen dress"]))[0]
print(",".join(f"{x:.6f}" for x in row))
"""


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_every_process_gives_the_same_vector(seed):
    out = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    here = asyncio.run(HashingEmbedder(16).embed(["Red linen dress"]))[0]
    np.testing.assert_allclose([float(x) for x in out.split(",")], here, atol=1e-5)


async def test_a_known_answer_so_that_stored_vectors_stay_valid():
    row = (await HashingEmbedder(8).embed(["mug"]))[0]
    np.testing.assert_allclose(row, KNOWN, atol=1e-5)


async def test_case_and_width_do_not_matter_but_words_do():
    upper, lower, wide, other = await HashingEmbedder().embed(["RED DRESS", "red dress", "ｒｅｄ dress", "blue dress"])
    np.testing.assert_array_equal(upper, lower)
    np.testing.assert_array_equal(upper, wide)
    assert upper @ other < 0.9


async def test_parts_of_words_make_forms_alike():
    dress, dresses, hose = await HashingEmbedder().embed(["dress", "dresses", "hose"])
    assert dress @ dresses > 0.3 > dress @ hose


@pytest.mark.parametrize("dimension", [-1, 0, 7])
def test_too_few_dimensions_are_refused(dimension):
    with pytest.raises(ConfigError, match="dimension"):
        HashingEmbedder(dimension)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_has_a_unit_vector(texts):
    vectors = asyncio.run(HashingEmbedder(32).embed(texts))
    assert vectors.shape == (len(texts), 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), np.ones(len(texts)), atol=1e-5)
