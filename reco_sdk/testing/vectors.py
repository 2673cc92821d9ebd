"""What every vector store must do."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import pytest

from reco_sdk.errors import StoreError
from reco_sdk.ports import VectorStore

__all__ = ["VectorStoreContract"]


class VectorStoreContract:
    """Behaviour of a :class:`~reco_sdk.ports.VectorStore`."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> Any:
        """Give an open, empty store."""
        raise NotImplementedError

    async def test_vectors_come_back_bit_by_bit(self, store: VectorStore) -> None:
        tiny = np.finfo(np.float32).tiny
        vectors = {
            "h1": np.array([0.1, -0.0, tiny], dtype=np.float32),
            "h2": np.array([1, 2, 3.5], dtype=np.float32),
        }
        await store.put_vectors("model", vectors)
        found = await store.get_vectors("model", ["h2", "h1", "unknown", "a\x00", "\ud800"])
        assert set(found) == {"h1", "h2"}
        for key, vector in found.items():
            assert vector.dtype == np.float32
            assert vector.tobytes() == vectors[key].tobytes()

    async def test_what_was_given_may_change_afterwards(self, store: VectorStore) -> None:
        vector = np.ones(4, dtype=np.float32)
        await store.put_vectors("model", {"h": vector})
        vector[:] = 7
        found = (await store.get_vectors("model", ["h"]))["h"]
        assert found.tolist() == [1, 1, 1, 1]
        with pytest.raises(ValueError, match="read-only"):
            found[0] = 5

    async def test_storing_again_is_harmless_and_keeps_the_first(self, store: VectorStore) -> None:
        await store.put_vectors("model", {"h": np.array([1, 0], dtype=np.float32)})
        await store.put_vectors("model", {"h": np.array([0, 1], dtype=np.float32), "i": np.array([0, 1], dtype=np.float32)})
        assert await store.vector_count("model") == 2
        assert (await store.get_vectors("model", ["h"]))["h"].tolist() == [1, 0]

    async def test_models_are_apart(self, store: VectorStore) -> None:
        await store.put_vectors("small", {"h": np.ones(2, dtype=np.float32)})
        await store.put_vectors("large", {"h": np.ones(5, dtype=np.float32)})
        assert (await store.get_vectors("small", ["h"]))["h"].shape == (2,)
        assert (await store.get_vectors("large", ["h"]))["h"].shape == (5,)
        assert await store.get_vectors("other", ["h"]) == {}

    async def test_prunes_every_other_model(self, store: VectorStore) -> None:
        for fingerprint in ("a", "b", "c"):
            await store.put_vectors(fingerprint, {f"h{n}": np.ones(2, dtype=np.float32) for n in range(3)})
        assert await store.prune_vectors(["b", "unknown"]) == 6
        assert [await store.vector_count(fingerprint) for fingerprint in ("a", "b", "c")] == [0, 3, 0]
        assert await store.prune_vectors([]) == 3
        await store.put_vectors("a", {"h": np.ones(9, dtype=np.float32)})  # a pruned model may return in another size

    @pytest.mark.parametrize(
        "bad",
        [
            np.array([1, np.nan], dtype=np.float32),
            np.array([np.inf, 1], dtype=np.float32),
            np.array([1, -np.inf], dtype=np.float32),
            np.array([1e300, 1], dtype=np.float64),
            np.array([1, 2, 3], dtype=np.float32),
            np.array([], dtype=np.float32),
            np.ones((2, 1), dtype=np.float32),
            np.array(["a", "b"]),
        ],
        ids=["nan", "inf", "-inf", "overflow", "dimension", "empty", "matrix", "text"],
    )
    async def test_bad_vectors_are_refused_with_their_batch(self, store: VectorStore, bad: Any) -> None:
        good = np.ones(2, dtype=np.float32)
        with pytest.raises(StoreError, match="'bad'"):
            await store.put_vectors("model", {"good": good, "bad": bad})
        assert await store.vector_count("model") == 0
        await store.put_vectors("model", {"first": good})
        with pytest.raises(StoreError, match="'bad'"):
            await store.put_vectors("model", {"bad": bad})
        assert await store.vector_count("model") == 1

    async def test_an_empty_batch_does_nothing(self, store: VectorStore) -> None:
        await store.put_vectors("model", {})
        assert await store.vector_count("model") == 0
