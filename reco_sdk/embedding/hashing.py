"""An embedder without a model: hashed word and character n-grams.

The hashing trick of Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009: each n-gram is
hashed to one coordinate and one sign, so that collisions cancel in expectation. Texts that share words, or parts of
words, come out near each other; nothing else is known about meaning. For tests, and for a shop without torch.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import unicodedata
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from reco_sdk.embedding.checks import check_texts
from reco_sdk.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reco_sdk.types import Floats, Vector, Vectors

__all__ = ["HashingEmbedder"]

_WORD: Final = re.compile(r"\w+")
_TEXTS_PER_TURN: Final = 64
_WORD_WEIGHT: Final = 1.0
_PAIR_WEIGHT: Final = 0.5
_GRAM_WEIGHT: Final = 1.2


class HashingEmbedder:
    """Deterministic vectors from hashed n-grams, the same in every process and on every machine.

    Parameters
    ----------
    dimension
        Length of the vectors, at least 8.

    Raises
    ------
    ConfigError
        For a dimension below 8.

    Examples
    --------
    >>> vectors = asyncio.run(HashingEmbedder(64).embed(["red dress", "red dresses", "garden hose"]))
    >>> bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
    True
    """

    def __init__(self, dimension: int = 256) -> None:
        if dimension < 8:
            raise ConfigError(f"HashingEmbedder: dimension {dimension} is too small; use 8 or more, 256 is usual")
        self._dimension = dimension

    @property
    def fingerprint(self) -> str:
        """``hashing-1-<dimension>``."""
        return f"hashing-1-{self._dimension}"

    @property
    def dimension(self) -> int:
        """Length ``d`` of every vector."""
        return self._dimension

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 ``(len(texts), d)`` unit rows, in order.

        A text without any word has a unit vector of its own too.

        Raises
        ------
        EmbeddingError
            When something in ``texts`` is not text.
        """
        given = check_texts(texts)
        out = np.zeros((len(given), self._dimension), dtype=np.float32)
        for row, text in enumerate(given):
            if row and row % _TEXTS_PER_TURN == 0:
                await asyncio.sleep(0)
            out[row] = self._vector(text)
        return out

    async def aclose(self) -> None:
        """Nothing to release."""

    def _vector(self, text: str) -> Vector:
        weights: dict[str, float] = {}
        for feature, weight in _features(text):
            weights[feature] = weights.get(feature, 0.0) + weight
        vector = self._scatter(weights)
        norm = float(np.linalg.norm(vector))
        if norm < 1e-6:
            vector = self._scatter({f"t:{text}": 1.0})
            norm = 1.0
        return (vector / norm).astype(np.float32)

    def _scatter(self, weights: dict[str, float]) -> Floats:
        codes = np.fromiter((zlib.crc32(feature.encode()) for feature in weights), np.uint64, len(weights))
        # CRC is linear, so near-equal features would land on related coordinates: finish with splitmix64.
        codes += np.uint64(0x9E3779B97F4A7C15)
        codes = (codes ^ (codes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        codes = (codes ^ (codes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        codes ^= codes >> np.uint64(31)
        places = ((codes >> np.uint64(1)) % np.uint64(self._dimension)).astype(np.int64)
        signs = 1.0 - 2.0 * (codes & np.uint64(1)).astype(np.float64)
        values = np.fromiter(weights.values(), np.float64, len(weights))
        summed: Floats = np.bincount(places, weights=signs * values, minlength=self._dimension).astype(np.float64)
        return summed


def _features(text: str) -> Iterator[tuple[str, float]]:
    """Yield n-grams and weights: each word, each pair of neighbours, and pieces of each word."""
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    for word in words:
        yield f"w:{word}", _WORD_WEIGHT
        # Scripts without spaces need shorter pieces.
        sizes = (3, 4) if word.isascii() else (2, 3)
        padded = f"^{word}$"
        grams = [padded[i : i + n] for n in sizes for i in range(len(padded) - n + 1)]
        for gram in grams:
            yield f"c:{gram}", _GRAM_WEIGHT / len(grams) ** 0.5
    for left, right in itertools.pairwise(words):
        yield f"p:{left} {right}", _PAIR_WEIGHT
