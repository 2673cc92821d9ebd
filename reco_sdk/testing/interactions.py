"""What every log of interactions must do."""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from reco_sdk.errors import InvalidInput, InvalidInteraction
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.ports import Impression, InteractionStore
from reco_sdk.testing.items import AT

__all__ = ["InteractionStoreContract"]


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

    async def test_old_interactions_are_pruned_and_their_sequences_not_given_again(self, store: InteractionStore) -> None:
        days = [AT + timedelta(days=n) for n in (0, 40, 3, 80, 41)]
        events = [Interaction.view_item(f"i{n}", visitor_id="v", at=at, event_id=f"e{n}") for n, at in enumerate(days)]
        await store.append_interactions(events)
        sequences = [stored.sequence for stored in await store.interactions_since(0)]
        assert await store.prune_interactions(AT) == 0
        assert await store.prune_interactions(AT + timedelta(days=41)) == 3
        left = await store.interactions_since(0)
        assert [(stored.sequence, stored.interaction) for stored in left] == [
            (sequences[3], events[3]),
            (sequences[4], events[4]),
        ]
        assert await store.interactions_since(sequences[3]) == left[1:]
        assert await store.recent_interactions(1) == left[1:]
        assert await store.interaction_counts() == {"view_item": 2}
        assert await store.prune_interactions(AT + timedelta(days=365)) == 2
        assert await store.interaction_sequence() == sequences[-1]
        assert await store.append_interactions([events[3]]) == 1  # forgotten, so it is new
        [again] = await store.interactions_since(sequences[-1])
        assert again.interaction == events[3]
        assert await store.interaction_sequence() == again.sequence > sequences[-1]

    async def test_an_event_counts_once_whatever_time_it_bears(self, store: InteractionStore) -> None:
        events = [
            Interaction.purchase("a", visitor_id="v", event_id="order:1", at=AT + timedelta(days=days)) for days in (0, 45, -700)
        ]
        assert await store.append_interactions(events[:2]) == 1
        assert await store.append_interactions(events) == 0
        assert [stored.interaction for stored in await store.interactions_since(0)] == events[:1]

    async def test_the_log_takes_any_time(self, store: InteractionStore) -> None:
        times = [datetime(1, 1, 1, tzinfo=UTC), AT, datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)]
        events = [Interaction.view_item("a", visitor_id="v", at=at) for at in times]
        assert await store.append_interactions(events) == 3
        assert [stored.interaction for stored in await store.interactions_since(0)] == events
        assert await store.prune_interactions(AT) == 1

    async def test_old_impressions_are_pruned(self, store: InteractionStore) -> None:
        shown = [Impression(f"s{n}", AT + timedelta(days=n), "home", "trending", "personal", ("a",)) for n in range(5)]
        await store.append_impressions(shown)
        assert await store.prune_impressions(AT + timedelta(days=2)) == 2
        assert await store.prune_impressions(AT + timedelta(days=2)) == 0
        assert await store.impression_count() == 3
        assert await store.get_impression("s1") is None
        assert await store.get_impression("s2") == shown[2]
