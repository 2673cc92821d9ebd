"""What every item store must do."""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from reco_sdk.errors import InvalidInput, InvalidItem
from reco_sdk.items.item import Item
from reco_sdk.ports import ItemStore, UpsertReport

__all__ = ["AT", "ItemStoreContract", "full_item", "make_item"]

AT: Final = datetime(2026, 1, 31, 12, 0, 0, 123_457, tzinfo=UTC)
ODD_TEXTS: Final = (
    "Kleid für Ärzte",
    "红色连衣裙",
    "👗🧵",
    "e\u0301 combining",
    "'; DROP TABLE reco_item; --",
    "%s ? :x {y}",
    '["a"]',
)


def make_item(item_id: str, **fields: Any) -> Item:
    """Return an item with a title."""
    return Item(id=item_id, **{"title": f"Item {item_id}", **fields})


def full_item(item_id: str = "full") -> Item:
    """Return an item with every field filled."""
    return Item(
        id=item_id,
        title="Red linen dress 👗",
        description="Two lines\nof <b>text</b>",
        group_id="dress",
        categories=("Women > Dresses", "Sale"),
        brand="Ærø",
        price=59.99,
        sale_price=0.1 + 0.2,
        currency="EUR",
        availability="preorder",
        quantity=7,
        image_url="/i/1.jpg",
        page_url="https://shop.example/p/1?a=b",
        attributes={"colour": "red", "size": ("S", "M")},
        tags=("linen", "夏"),
        rating=4.25,
        rating_count=12,
        published_at=AT,
        expires_at=AT + timedelta(days=90),
        language="en",
    )


class ItemStoreContract:
    """Behaviour of an :class:`~reco_sdk.ports.ItemStore`."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> Any:
        """Give an open, empty store."""
        raise NotImplementedError

    async def test_an_empty_store_is_empty(self, store: ItemStore) -> None:
        assert await store.item_version() == 0
        assert await store.item_count() == 0
        assert await store.changes_since(0) == []
        assert [batch async for batch in store.iter_items()] == []
        assert await store.get_items(["a"]) == {}
        assert await store.delete_items(["a"]) == 0

    async def test_every_field_comes_back(self, store: ItemStore) -> None:
        item = full_item()
        await store.upsert_items([item])
        found = await store.get_items([item.id])
        assert found == {item.id: item}
        assert found[item.id].content_hash == item.content_hash

    @pytest.mark.parametrize("text", ODD_TEXTS)
    async def test_any_text_comes_back(self, store: ItemStore, text: str) -> None:
        item = make_item(text, title=text, tags=[text], attributes={text: text})
        await store.upsert_items([item, make_item("other")])
        assert await store.get_items([text]) == {text: item}
        assert await store.content_hashes([text]) == {text: item.content_hash}
        assert await store.delete_items([text]) == 1
        assert await store.item_count() == 1

    async def test_reports_inserted_changed_and_unchanged(self, store: ItemStore) -> None:
        report = await store.upsert_items([make_item("a"), make_item("b")])
        assert report == UpsertReport(version=2, inserted=2, changed=0, unchanged=0)
        report = await store.upsert_items([make_item("a"), make_item("b", price=1), make_item("c")])
        assert report == UpsertReport(version=4, inserted=1, changed=1, unchanged=1)
        assert await store.item_version() == 4

    async def test_an_unchanged_item_keeps_its_version(self, store: ItemStore) -> None:
        await store.upsert_items([make_item("a"), make_item("b")])
        before = await store.changes_since(0)
        report = await store.upsert_items([make_item("b"), make_item("a")])
        assert report == UpsertReport(version=2, inserted=0, changed=0, unchanged=2)
        assert await store.changes_since(0) == before

    async def test_a_batch_shares_no_version_and_versions_grow(self, store: ItemStore) -> None:
        await store.upsert_items([make_item(str(n)) for n in range(50)])
        await store.upsert_items([make_item(str(n), price=n) for n in range(0, 50, 2)])
        versions = [change.version for change in await store.changes_since(0)]
        assert versions == sorted(set(versions))
        assert len(versions) == 50

    async def test_changes_come_in_pages_that_lose_nothing(self, store: ItemStore) -> None:
        await store.upsert_items([make_item(f"{n:03}") for n in range(25)])
        await store.delete_items(["003", "017"])
        seen, cursor = [], 0
        while page := await store.changes_since(cursor, limit=4):
            assert len(page) <= 4
            seen += page
            cursor = page[-1].version
        assert len({change.item_id for change in seen}) == len(seen) == 25
        assert [change.item_id for change in seen if change.item is None] == ["003", "017"]
        assert await store.changes_since(cursor) == []
        assert cursor == await store.item_version()

    async def test_only_the_latest_change_of_an_item_is_told(self, store: ItemStore) -> None:
        await store.upsert_items([make_item("a")])
        await store.upsert_items([make_item("b")])
        await store.upsert_items([make_item("a", price=2)])
        changes = await store.changes_since(0)
        assert [(change.item_id, change.item.price if change.item else None) for change in changes] == [("b", None), ("a", 2)]
        assert [change.item_id for change in await store.changes_since(2)] == ["a"]

    async def test_deleted_is_gone_but_told(self, store: ItemStore) -> None:
        await store.upsert_items([make_item("a"), make_item("b")])
        assert await store.delete_items(["a", "nobody", "a"]) == 1
        assert await store.delete_items(["a"]) == 0
        assert await store.get_items(["a", "b"]) == {"b": make_item("b")}
        assert await store.content_hashes(["a"]) == {}
        assert await store.item_count() == 1
        assert await store.item_version() == 3
        [_, change] = await store.changes_since(0)
        assert (change.version, change.item_id, change.item) == (3, "a", None)

    async def test_a_deleted_item_can_return_unchanged(self, store: ItemStore) -> None:
        await store.upsert_items([make_item("a")])
        await store.delete_items(["a"])
        report = await store.upsert_items([make_item("a")])
        assert report == UpsertReport(version=3, inserted=1, changed=0, unchanged=0)
        assert await store.get_items(["a"]) == {"a": make_item("a")}

    async def test_walks_all_items_by_id(self, store: ItemStore) -> None:
        ids = ["b", "a", "é", "Z", "10", "9", "👗", "a b"]
        await store.upsert_items([make_item(item_id) for item_id in ids])
        await store.upsert_items([make_item("gone")])
        await store.delete_items(["gone"])
        batches = [batch async for batch in store.iter_items(batch=3)]
        assert [len(batch) for batch in batches] == [3, 3, 2]
        changes = [change for batch in batches for change in batch]
        assert [change.item_id for change in changes] == sorted(ids)
        assert [change.item for change in changes] == [make_item(item_id) for item_id in sorted(ids)]
        assert {c.item_id: c.version for c in changes} == {c.item_id: c.version for c in await store.changes_since(0) if c.item}

    async def test_may_be_changed_while_it_is_walked(self, store: ItemStore) -> None:
        await store.upsert_items([make_item(item_id) for item_id in "abcdef"])
        seen: list[str] = []
        async for batch in store.iter_items(batch=2):
            seen += [change.item_id for change in batch]
            await store.delete_items(["d"])
            await store.upsert_items([make_item("a", price=len(seen))])
        assert seen == ["a", "b", "c", "e", "f"]

    async def test_a_batch_is_refused_as_a_whole(self, store: ItemStore) -> None:
        with pytest.raises(InvalidItem, match="twice"):
            await store.upsert_items([make_item("a"), make_item("b"), make_item("a", price=1)])
        assert await store.item_count() == 0
        assert await store.item_version() == 0

    @pytest.mark.parametrize("bad", ["a\x00", "a\x00b", "\x00", "\ud800", "a\ud800"])
    async def test_an_id_that_cannot_be_matches_nothing(self, store: ItemStore, bad: str) -> None:
        await store.upsert_items([make_item("a")])
        assert await store.get_items([bad]) == {}
        assert await store.content_hashes([bad]) == {}
        assert await store.delete_items([bad]) == 0
        assert await store.item_count() == 1

    @pytest.mark.parametrize("bad", [0, -1])
    async def test_a_limit_starts_at_one(self, store: ItemStore, bad: int) -> None:
        with pytest.raises(InvalidInput, match="limit"):
            await store.changes_since(0, limit=bad)
        with pytest.raises(InvalidInput, match="batch"):
            [batch async for batch in store.iter_items(batch=bad)]

    async def test_large_lists_and_limits(self, store: ItemStore) -> None:
        items = [make_item(f"i{n}") for n in range(3_000)]
        await store.upsert_items(items)
        ids = [item.id for item in items]
        assert len(await store.get_items(ids)) == 3_000
        assert len(await store.changes_since(-5, limit=10**30)) == 3_000
        assert await store.delete_items(ids) == 3_000

    async def test_empty_batches_do_nothing(self, store: ItemStore) -> None:
        assert await store.upsert_items([]) == UpsertReport(version=0, inserted=0, changed=0, unchanged=0)
        assert await store.delete_items([]) == 0
        assert await store.get_items([]) == {}

    async def test_old_deletions_are_forgotten_but_for_the_greatest_version(self, store: ItemStore) -> None:
        await store.upsert_items([make_item(item_id) for item_id in "abcd"])
        await store.delete_items(["a", "b"])
        assert await store.prune_deleted(AT) == 0  # deleted after that
        later = datetime.now(UTC) + timedelta(hours=1)
        assert await store.prune_deleted(later) == 1
        assert await store.item_version() == 6
        assert [(change.item_id, change.version) for change in await store.changes_since(2)] == [("c", 3), ("d", 4), ("b", 6)]
        assert await store.upsert_items([make_item("a")]) == UpsertReport(version=7, inserted=1, changed=0, unchanged=0)
        assert await store.prune_deleted(later) == 1
        assert await store.item_count() == 3
