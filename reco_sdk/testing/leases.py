"""What every store of leases must do, what a lease keeps from being written, and how a change is announced."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import Any

import pytest

from reco_sdk.errors import InvalidInput, LeaseLost
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.ports import Lease, LeaseStore, Store, StoredRule
from reco_sdk.testing.items import make_item

__all__ = ["ChangeFeedContract", "FencingContract", "LeaseStoreContract", "expire"]

LONG = 3_600.0
SHORT = 0.05


async def expire(store: LeaseStore, lease: Lease) -> None:
    """Wait until nobody holds it."""
    while await store.get_lease(lease.name) is not None:  # noqa: ASYNC110  nobody tells
        await asyncio.sleep(SHORT / 5)


async def taken(store: LeaseStore, name: str, holder: str, ttl_seconds: float = LONG) -> Lease:
    """Acquire a lease that is free."""
    lease = await store.acquire_lease(name, holder, ttl_seconds)
    assert lease is not None
    return lease


class LeaseStoreContract:
    """Behaviour of a :class:`~reco_sdk.ports.LeaseStore`."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> Any:
        """Give an open, empty store."""
        raise NotImplementedError

    async def test_one_at_a_time_holds_a_lease(self, store: LeaseStore) -> None:
        assert await store.get_lease("indexer") is None
        lease = await taken(store, "indexer", "a")
        assert (lease.name, lease.holder, lease.epoch) == ("indexer", "a", 1)
        assert await store.acquire_lease("indexer", "b", LONG) is None
        assert await store.get_lease("indexer") == lease
        assert (await taken(store, "builder", "b")).epoch == 1  # another name is another lease

    async def test_its_holder_prolongs_it(self, store: LeaseStore) -> None:
        lease = await taken(store, "indexer", "a")
        longer = await taken(store, "indexer", "a", 2 * LONG)
        assert longer.epoch == lease.epoch
        assert longer.until > lease.until
        assert await store.get_lease("indexer") == longer

    async def test_one_that_is_released_is_free(self, store: LeaseStore) -> None:
        lease = await taken(store, "indexer", "a")
        await store.release_lease(lease)
        assert await store.get_lease("indexer") is None
        other = await taken(store, "indexer", "b")
        assert other.epoch == lease.epoch + 1
        await store.release_lease(lease)  # no longer its own
        assert await store.get_lease("indexer") == other

    async def test_the_epoch_grows_with_each_tenure(self, store: LeaseStore) -> None:
        for epoch in range(1, 4):
            lease = await taken(store, "indexer", "a")
            assert lease.epoch == epoch
            await store.release_lease(lease)

    async def test_one_that_has_expired_is_free(self, store: LeaseStore) -> None:
        lease = await taken(store, "indexer", "a", SHORT)
        await expire(store, lease)
        assert (await taken(store, "indexer", "b")).epoch == lease.epoch + 1
        assert await store.acquire_lease("indexer", "a", LONG) is None

    async def test_its_own_holder_begins_anew_once_it_has_expired(self, store: LeaseStore) -> None:
        lease = await taken(store, "indexer", "a", SHORT)
        await expire(store, lease)
        assert (await taken(store, "indexer", "a")).epoch == lease.epoch + 1

    async def test_of_many_that_ask_at_once_one_gets_it(self, store: LeaseStore) -> None:
        asked = await asyncio.gather(*(store.acquire_lease("indexer", f"host-{n}", LONG) for n in range(10)))
        assert len([lease for lease in asked if lease is not None]) == 1

    @pytest.mark.parametrize(
        ("name", "holder", "ttl_seconds", "field"),
        [("", "a", 1.0, "name"), ("i", "", 1.0, "holder"), ("i\x00", "a", 1.0, "name"), ("i", "\ud800", 1.0, "holder")]
        + [("i", "a", seconds, "ttl_seconds") for seconds in (0.0, -1.0, float("inf"), float("nan"))],
    )
    async def test_what_is_no_lease_is_refused(
        self, store: LeaseStore, name: str, holder: str, ttl_seconds: float, field: str
    ) -> None:
        with pytest.raises(InvalidInput, match=field):
            await store.acquire_lease(name, holder, ttl_seconds)
        assert await store.get_lease(name) is None


class FencingContract:
    """What a lost lease keeps from being written; of a whole :class:`~reco_sdk.ports.Store`."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> Any:
        """Give an open, empty store."""
        raise NotImplementedError

    async def test_who_holds_the_lease_writes(self, store: Store) -> None:
        lease = await taken(store, "indexer", "a")
        assert (await store.upsert_items([make_item("x"), make_item("y")], lease=lease)).inserted == 2
        assert await store.delete_items(["y"], lease=lease) == 1
        await store.put_state("cursor", "7", lease=lease)
        await store.acquire_lease("indexer", "a", LONG)
        await store.put_state("cursor", None, lease=lease)  # prolonged: the same tenure
        assert await store.get_state("cursor") is None

    async def test_who_was_followed_by_another_overwrites_nothing(self, store: Store) -> None:
        frozen = await taken(store, "indexer", "a", SHORT)
        await store.upsert_items([make_item("x")], lease=frozen)
        await expire(store, frozen)
        successor = await taken(store, "indexer", "b")
        await store.upsert_items([make_item("x", price=2)], lease=successor)
        await store.put_state("cursor", "new", lease=successor)
        await self.refused(store, frozen)
        assert await store.get_items(["x"]) == {"x": make_item("x", price=2)}
        assert await store.item_version() == 2
        assert await store.get_state("cursor") == "new"

    async def test_its_own_next_tenure_refuses_what_the_last_had_begun(self, store: Store) -> None:
        old = await taken(store, "indexer", "a")
        await store.release_lease(old)
        await self.refused(store, old)
        new = await taken(store, "indexer", "a")
        await self.refused(store, old)
        await store.upsert_items([make_item("x")], lease=new)

    async def test_a_lease_that_was_never_given_is_refused(self, store: Store) -> None:
        await self.refused(store, Lease("indexer", "a", 1, 0.0))

    async def test_an_expired_lease_that_nobody_took_still_writes(self, store: Store) -> None:
        lease = await taken(store, "indexer", "a", SHORT)
        await expire(store, lease)
        await store.upsert_items([make_item("x")], lease=lease)

    @staticmethod
    async def refused(store: Store, lease: Lease) -> None:
        """Assert that nothing is written with this lease."""
        version, cursor = await store.item_version(), await store.get_state("cursor")
        with pytest.raises(LeaseLost, match=lease.name):
            await store.upsert_items([make_item("x", price=99)], lease=lease)
        with pytest.raises(LeaseLost, match=lease.holder):
            await store.delete_items(["x"], lease=lease)
        with pytest.raises(LeaseLost):
            await store.put_state("cursor", "old", lease=lease)
        with pytest.raises(LeaseLost):
            await store.put_state("cursor", None, lease=lease)
        assert (await store.item_version(), await store.get_state("cursor")) == (version, cursor)


class ChangeFeedContract:
    """Behaviour of a :class:`~reco_sdk.ports.ChangeFeed`. ``rings`` says whether it hears of changes at all."""

    rings = True

    @pytest.fixture
    @abstractmethod
    def store(self) -> Any:
        """Give an open, empty store."""
        raise NotImplementedError

    async def test_nothing_changed(self, store: Store) -> None:
        assert await store.wait_for_change(0.01) is False
        assert await store.wait_for_change(0) is False
        assert await store.wait_for_change(-1) is False

    async def test_a_change_rings_for_each_waiter_once(self, store: Store) -> None:
        waiting = [asyncio.create_task(store.wait_for_change(LONG if self.rings else 0.01, waiter=name)) for name in "ab"]
        await asyncio.sleep(0)
        await store.upsert_items([make_item("x")])
        assert await asyncio.gather(*waiting) == [self.rings] * 2
        for name in "ab":
            await self.quiet(store, name)
        await store.append_interactions([Interaction.view_item("x", visitor_id="v")])
        assert await store.wait_for_change(LONG if self.rings else 0.01, waiter="a") is self.rings
        await self.quiet(store, "a")
        await store.delete_items(["x"])
        assert await store.wait_for_change(LONG if self.rings else 0.01, waiter="b") is self.rings
        await self.quiet(store, "b")
        await store.put_rule(StoredRule("r", action="hide", enabled=True, priority=0, note="", data="{}"))
        assert await store.wait_for_change(LONG if self.rings else 0.01, waiter="b") is self.rings

    async def test_a_wait_that_is_cancelled_hears_the_next(self, store: Store) -> None:
        waiting = asyncio.create_task(store.wait_for_change(LONG))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await store.upsert_items([make_item("x")])
        assert await store.wait_for_change(LONG if self.rings else 0.01) is self.rings

    @staticmethod
    async def quiet(store: Store, waiter: str) -> None:
        """Hear what may still ring (some feeds ring twice for one change), then nothing."""
        while await store.wait_for_change(0.05, waiter=waiter):
            pass
