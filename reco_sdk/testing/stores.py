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

from abc import abstractmethod
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from reco_sdk.errors import InvalidInput, InvalidInteraction, InvalidItem, NotRunning, StoreError
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.items.item import Item
from reco_sdk.ports import Impression, InteractionStore, ItemStore, StateStore, Store, UpsertReport, VectorStore

__all__ = ["InteractionStoreContract", "ItemStoreContract", "StateStoreContract", "StoreContract", "VectorStoreContract"]

AT = datetime(2026, 1, 31, 12, 0, 0, 123_457, tzinfo=UTC)
ODD_TEXTS = ("Kleid für Ärzte", "红色连衣裙", "👗🧵", "e\u0301 combining", "'; DROP TABLE reco_item; --", "%s ? :x {y}", '["a"]')


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


class InteractionStoreContract:
    """Behaviour of an :class:`~reco_sdk.ports.InteractionStore`."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> Any:
        """Give an open, empty store."""
        raise NotImplementedError

    async def test_an_empty_log_is_empty(self, store: InteractionStore) -> None:
        assert await store.interaction_sequence() == 0
        assert await store.interactions_since(0) == []
        assert await store.recent_interactions() == []
        assert await store.interaction_counts() == {}
        assert await store.append_interactions([]) == 0

    async def test_every_field_of_an_interaction_comes_back(self, store: InteractionStore) -> None:
        full = Interaction(
            kind="purchase",
            item_id="sku-夏",
            visitor_id="v",
            user_id="u",
            session_id="s",
            at=AT.astimezone(timezone(timedelta(hours=8))),
            quantity=3,
            value=0.1 + 0.2,
            currency="EUR",
            placement="home",
            slate_id="slate",
            position=0,
            event_id="order:1/line:2",
        )
        search = Interaction.search("rotes Kleid 👗", visitor_id="v", at=AT)
        old = Interaction.view_item("x", visitor_id="v", at=datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
        assert await store.append_interactions([full, search, old]) == 3
        assert [stored.interaction for stored in await store.interactions_since(0)] == [full, search, old]

    async def test_an_event_is_stored_once(self, store: InteractionStore) -> None:
        first = Interaction.purchase("a", visitor_id="v", event_id="order:1", value=5, at=AT)
        again = Interaction.purchase("b", visitor_id="w", event_id="order:1", value=6, at=AT)
        other = Interaction.purchase("c", visitor_id="w", event_id="order:2", at=AT)
        assert await store.append_interactions([first]) == 1
        assert await store.append_interactions([again, other, other]) == 1
        assert await store.append_interactions([first, other]) == 0
        assert [stored.interaction for stored in await store.interactions_since(0)] == [first, other]
        assert await store.interaction_counts() == {"purchase": 2}

    async def test_the_log_is_read_in_pages_that_lose_nothing(self, store: InteractionStore) -> None:
        events = [Interaction.view_item(f"i{n}", visitor_id="v") for n in range(23)]
        await store.append_interactions(events[:10])
        await store.append_interactions(events[5:15])
        await store.append_interactions(events[15:])
        seen, cursor = [], 0
        while page := await store.interactions_since(cursor, limit=4):
            assert len(page) <= 4
            seen += page
            cursor = page[-1].sequence
        assert [stored.interaction for stored in seen] == events
        assert [stored.sequence for stored in seen] == sorted({stored.sequence for stored in seen})
        assert cursor == await store.interaction_sequence()
        assert await store.interactions_since(cursor) == []
        assert await store.recent_interactions(5) == seen[-5:]
        assert await store.recent_interactions() == seen
        assert await store.interactions_since(-7) == seen

    async def test_counts_by_kind(self, store: InteractionStore) -> None:
        await store.append_interactions(
            [
                Interaction.view_item("a", visitor_id="v"),
                Interaction.view_item("b", user_id="u"),
                Interaction.dismiss("a", user_id="u"),
            ]
        )
        assert await store.interaction_counts() == {"view_item": 2, "dismiss": 1}

    @pytest.mark.parametrize("field", ["quantity", "position"])
    async def test_a_number_too_large_is_refused_with_its_batch(self, store: InteractionStore, field: str) -> None:
        good = Interaction.view_item("a", visitor_id="v")
        with pytest.raises(InvalidInteraction, match=field):
            await store.append_interactions([good, Interaction.view_item("a", visitor_id="v", **{field: 2**63})])
        assert await store.interaction_sequence() == 0

    @pytest.mark.parametrize("bad", [0, -1])
    async def test_a_limit_of_the_log_starts_at_one(self, store: InteractionStore, bad: int) -> None:
        await store.append_interactions([Interaction.view_item("a", visitor_id="v")])
        with pytest.raises(InvalidInput, match="limit"):
            await store.interactions_since(0, limit=bad)
        with pytest.raises(InvalidInput, match="limit"):
            await store.recent_interactions(limit=bad)

    async def test_impressions_come_back_once(self, store: InteractionStore) -> None:
        shown = Impression("s1", AT, "home", "trending", "personal", ("b", "a", "夏"), visitor_id="v")
        empty = Impression("s2", AT, "item", "similar_items", "popular", (), user_id="u")
        await store.append_impressions([shown, empty])
        await store.append_impressions([Impression("s1", AT, "cart", "x", "y", ("z",))])
        await store.append_impressions([])
        assert await store.impression_count() == 2
        assert await store.get_impression("s1") == shown
        assert await store.get_impression("s2") == empty
        assert await store.get_impression("s3") is None
        assert await store.get_impression("s1\x00") is None
        assert await store.get_impression("\ud800") is None

    async def test_an_impression_that_cannot_be_is_refused_with_its_batch(self, store: InteractionStore) -> None:
        good = Impression("s1", AT, "home", "trending", "personal", ("a",))
        for bad in (
            Impression("\ud800", AT, "home", "t", "p", ()),
            Impression("s2", AT, "home", "t", "p", ("a\x00",)),
            Impression("s2", AT, "home", "t", "p", (), visitor_id="\x00"),
        ):
            with pytest.raises(InvalidInput):
                await store.append_impressions([good, bad])
        assert await store.impression_count() == 0

    async def test_the_latest_alias_wins(self, store: InteractionStore) -> None:
        assert await store.aliases() == {}
        await store.alias("v1", "anna")
        await store.alias("v2", "ben")
        await store.alias("v1", "cleo 夏")
        assert await store.aliases() == {"v1": "cleo 夏", "v2": "ben"}
        with pytest.raises(InvalidInput, match="user_id"):
            await store.alias("v3", "\ud800")


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


class StoreContract(ItemStoreContract, VectorStoreContract, InteractionStoreContract, StateStoreContract):
    """Behaviour of a whole :class:`~reco_sdk.ports.Store`: the four parts and its life."""

    async def test_open_and_close_are_idempotent_and_keep_the_content(self, store: Store) -> None:
        await store.upsert_items([make_item("a")])
        await store.open()
        await store.aclose()
        await store.aclose()
        with pytest.raises(NotRunning, match="open"):
            await store.item_count()
        with pytest.raises(NotRunning, match="open"):
            await store.upsert_items([make_item("b")])
        await store.open()
        assert await store.get_items(["a", "b"]) == {"a": make_item("a")}
