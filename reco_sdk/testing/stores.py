"""What every store must do: subclass these in a test module and give them a ``store`` fixture.

::

    class TestMyStore(StoreContract):
        @pytest.fixture
        async def store(self):
            store = MyStore()
            await store.open()
            yield store
            await store.aclose()
"""

from __future__ import annotations

import pytest

from reco_sdk.errors import NotRunning
from reco_sdk.ports import Store
from reco_sdk.testing.interactions import InteractionStoreContract
from reco_sdk.testing.items import ItemStoreContract, make_item
from reco_sdk.testing.leases import ChangeFeedContract, FencingContract, LeaseStoreContract
from reco_sdk.testing.rules import RuleStoreContract
from reco_sdk.testing.state import StateStoreContract
from reco_sdk.testing.vectors import VectorStoreContract

__all__ = ["StoreContract", "make_item"]


class StoreContract(
    ItemStoreContract,
    VectorStoreContract,
    InteractionStoreContract,
    RuleStoreContract,
    StateStoreContract,
    LeaseStoreContract,
    FencingContract,
    ChangeFeedContract,
):
    """Behaviour of a whole :class:`~reco_sdk.ports.Store`: its parts and its life."""

    async def test_open_and_close_are_idempotent_and_keep_the_content(self, store: Store) -> None:
        await store.upsert_items([make_item("a")])
        await store.open()
        await store.aclose()
        await store.aclose()
        with pytest.raises(NotRunning, match="open"):
            await store.item_count()
        with pytest.raises(NotRunning, match="open"):
            await store.upsert_items([make_item("b")])
        with pytest.raises(NotRunning, match="open"):
            await store.wait_for_change(0)
        await store.open()
        assert await store.get_items(["a", "b"]) == {"a": make_item("a")}
