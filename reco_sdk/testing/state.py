"""What every store of small named values must do."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import pytest

from reco_sdk.errors import InvalidInput
from reco_sdk.ports import StateStore

__all__ = ["StateStoreContract"]


class StateStoreContract:
    """Behaviour of a :class:`~reco_sdk.ports.StateStore`."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> Any:
        """Give an open, empty store."""
        raise NotImplementedError

    async def test_set_replace_delete(self, store: StateStore) -> None:
        assert await store.get_state("cursor") is None
        await store.put_state("cursor", "1")
        await store.put_state("cursor", '{"at": "夏 👗"}')
        await store.put_state("other", "")
        assert await store.get_state("cursor") == '{"at": "夏 👗"}'
        assert await store.get_state("other") == ""
        await store.put_state("cursor", None)
        await store.put_state("never", None)
        assert await store.get_state("cursor") is None
        assert await store.get_state("other") == ""

    @pytest.mark.parametrize("bad", ["a\x00", "\ud800"])
    async def test_what_cannot_be_is_refused(self, store: StateStore, bad: str) -> None:
        await store.put_state("a", "kept")
        with pytest.raises(InvalidInput):
            await store.put_state(bad, "x")
        with pytest.raises(InvalidInput):
            await store.put_state("a", bad)
        assert await store.get_state(bad) is None
        assert await store.get_state("a") == "kept"
