"""What every embedder does, as tests: subclass, say how to make one, and collect the class with pytest.

::

    class TestMine(EmbedderContract):
        def make(self):
            return MyEmbedder()

The methods are coroutines: run them with pytest-asyncio's auto mode.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import numpy as np

from reco_sdk.errors import EmbeddingError

if TYPE_CHECKING:
    from reco_sdk.ports import Embedder
    from reco_sdk.types import Vectors

__all__ = ["EmbedderContract"]

TEXTS: Final = (
    "Red linen dress",
    "Blue linen dress with a very long name that goes on about summer, gardens and afternoons by the sea",
    "Garden hose",
    "",
    "红色连衣裙",
    "!!!",
)


class EmbedderContract:
    """Behaviour of :class:`reco_sdk.ports.Embedder`."""

    def make(self) -> Embedder:
        """Return a new embedder; override."""
        raise NotImplementedError

    async def embedded(self, *texts: str) -> Vectors:
        """Return the vectors of ``texts`` from an embedder that is closed afterwards."""
        embedder = self.make()
        try:
            return await embedder.embed(texts)
        finally:
            await embedder.aclose()

    async def test_is_an_embedder(self) -> None:
        """It has the members of the port."""
        # Not isinstance: before Python 3.12 that reads the properties, and so the model.
        for name in ("fingerprint", "dimension", "embed", "aclose"):
            assert hasattr(type(self.make()), name), name

    async def test_rows_are_finite_float32_unit_vectors(self) -> None:
        """Whatever the text, even none."""
        embedder = self.make()
        vectors = await embedder.embed(TEXTS)
        assert vectors.shape == (len(TEXTS), embedder.dimension)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
        await embedder.aclose()

    async def test_rows_stand_in_the_order_of_the_texts(self) -> None:
        """Batches are sorted inside; nobody outside may notice."""
        vectors = await self.embedded(*TEXTS)
        mirrored = await self.embedded(*reversed(TEXTS))
        np.testing.assert_allclose(vectors, mirrored[::-1], atol=1e-5)

    async def test_a_text_has_one_vector_whatever_stands_beside_it(self) -> None:
        """Alone, in company, or twice."""
        alone = await self.embedded(TEXTS[0])
        beside = await self.embedded(TEXTS[1], TEXTS[0], TEXTS[2], TEXTS[0])
        np.testing.assert_allclose(beside[[1, 3]], alone[[0, 0]], atol=1e-5)

    async def test_like_texts_are_nearer_than_unlike_ones(self) -> None:
        """Two dresses, and a hose."""
        red, blue, hose = await self.embedded("Red linen dress", "Blue linen dress", "Garden hose")
        assert red @ blue > red @ hose

    async def test_no_texts_give_no_rows(self) -> None:
        """An empty catalogue is not an error."""
        assert len(await self.embedded()) == 0

    async def test_concurrent_calls_get_their_own_rows(self) -> None:
        """Each caller its text."""
        embedder = self.make()
        single = await asyncio.gather(*(embedder.embed([text]) for text in TEXTS))
        together = await embedder.embed(TEXTS)
        await embedder.aclose()
        np.testing.assert_allclose(np.concatenate(single), together, atol=1e-5)

    async def test_what_is_not_text_is_refused(self) -> None:
        """With an error of this package."""
        embedder = self.make()
        try:
            await embedder.embed([None])  # type: ignore[list-item]
        except EmbeddingError:
            return
        finally:
            await embedder.aclose()
        raise AssertionError("None was embedded")

    async def test_lone_surrogates_do_not_break_it(self) -> None:
        """A search query may hold anything."""
        assert np.isfinite(await self.embedded("caf\ud800")).all()

    async def test_the_fingerprint_is_stable(self) -> None:
        """Two embedders made alike share their vectors."""
        first, second = self.make(), self.make()
        assert first.fingerprint == second.fingerprint
        assert first.fingerprint

    async def test_closing_twice_is_harmless(self) -> None:
        """So that any owner may close."""
        embedder = self.make()
        await embedder.embed(["x"])
        await embedder.aclose()
        await embedder.aclose()
