"""A store that cannot be reached and a clock that jumps: what serves goes on, one line says so, and all is well after."""

import logging
from datetime import timedelta

import pytest

from reco_sdk import Filters, Item
from reco_sdk.building import due, read_meta
from reco_sdk.errors import StoreUnavailable
from reco_sdk.items.text import DEFAULT_RECIPE
from reco_sdk.storage.sqlite import SqliteStore
from tests.core.support import NOON, WARDROBE, FakeClock, purchase, recommender, until, view

JUMPS = [timedelta(days=400), timedelta(days=-400), timedelta(days=20_000), timedelta(seconds=-1)]
CALLS = ("changes_since", "interactions_since", "append_interactions", "append_impressions", "item_version")


class Switch:
    """Makes every call of a store fail while it is off, each time with another text."""

    def __init__(self, patch):
        self.off = False
        self.calls = 0
        for name in CALLS:
            patch.setattr(SqliteStore, name, self._guarded(getattr(SqliteStore, name)))

    def _guarded(self, call):
        async def guarded(*args, **options):
            if self.off:
                self.calls += 1
                raise StoreUnavailable(f"nobody answers at try {self.calls}")
            return await call(*args, **options)

        return guarded


async def test_an_outage_is_said_once_and_costs_nothing(tmp_path, monkeypatch, caplog):
    switch = Switch(monkeypatch)
    caplog.set_level(logging.INFO)
    quick = {"poll_interval_seconds": 0.01, "flush_interval_seconds": 0.01}
    async with recommender(f"sqlite:///{tmp_path}/shop.sqlite3", **quick) as reco:
        await reco.upsert_items(WARDROBE)
        before = (await reco.recommend(n=5)).ids
        caplog.clear()
        switch.off = True
        for _ in range(3):
            tried = switch.calls
            await reco.record(view("boots", who="v2"))
            await reco.record(purchase("kettle", who="v3"))
            assert (await reco.recommend(n=5)).items
            await until(lambda tried=tried: switch.calls > tried + 5)
        assert set((await reco.recommend(n=5, visitor_id="v9")).ids) <= {item.id for item in WARDROBE}
        assert len(before) == 5
        said = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert sorted(record.getMessage().split("; ")[0] for record in said) == [
            "could not follow the store",
            "what was recorded could not be written",
            "what was recorded could not be written",  # what was shown
        ]
        assert not any(record.exc_info for record in said)
        switch.off = False
        await until(lambda: reco.last_error is None and not any(reco.recorder.counts.at_risk.values()))
        assert await reco.store.interaction_counts() == {"view_item": 3, "purchase": 3}
        assert reco.recorder.counts.dropped == {"views": 0, "carts": 0, "purchases": 0}
        assert "follows the store again" in caplog.text


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_a_clock_that_jumps_and_is_put_right_again(tmp_path, jump):
    clock = FakeClock()
    timed = (
        Item(id="later", title="Red dress of tomorrow", published_at=NOON + timedelta(hours=24)),
        Item(id="soon-gone", title="Red dress of today", expires_at=NOON + timedelta(hours=24)),
    )
    async with recommender(f"sqlite:///{tmp_path}/shop.sqlite3", clock=clock) as reco:
        await reco.upsert_items([*WARDROBE, *timed])
        await reco.record(view("boots", at=clock.time))
        await reco.sync()

        async def answers():
            slates = [await reco.recommend(strategy=name, n=9) for name in ("bestsellers", "trending", "new_arrivals")]
            return [set(slate.ids) for slate in (*slates, await reco.recommend(n=9, filters=Filters(brands=("alba",))))]

        before = await answers()
        assert "later" not in before[0] | before[2]
        clock.time += jump
        away = await answers()
        assert len(away[0]) == 9  # somebody is shown something, whatever the day is
        await reco.record(view("rake", who="v2", at=clock.time))
        await reco.record(purchase("rake", who="v2", at=clock.time))
        assert (await reco.recommend(strategy="recently_viewed", visitor_id="v2")).items
        await reco.flush()
        await reco.refresh()
        clock.time = NOON
        after = await answers()
        for was, found in zip(before, after, strict=True):
            assert found == was or found == was | {"rake"}  # what was done on the wrong day counts
        assert await reco.store.interaction_counts() == {"view_item": 2, "purchase": 1}


async def test_aliases_cross_although_a_clock_was_put_back(tmp_path):
    url, clock = f"sqlite:///{tmp_path}/shop.sqlite3", FakeClock()
    async with recommender(url, clock=clock) as one, recommender(url, clock=clock) as other:
        await one.upsert_items(WARDROBE)
        await one.record(view("hose", ago=10))
        await one.flush()
        clock.turn(days=-1)
        await one.alias("v1", "u1")
        await other.refresh()
        assert (await other.recommend(strategy="recently_viewed", user_id="u1")).ids == ("hose",)


async def test_a_snapshot_of_a_day_to_come_is_replaced(tmp_path):
    clock = FakeClock(NOON + timedelta(days=400))
    async with recommender(f"sqlite:///{tmp_path}/shop.sqlite3", clock=clock, snapshot_hours=24.0) as reco:
        await reco.upsert_items(WARDROBE)
        await reco.sync()
        clock.time = NOON
        await reco.record(view("boots", at=NOON))
        await reco.flush()
        meta = read_meta(reco.folder.current())
        why = await due(reco.store, meta, reco.config, recipe=DEFAULT_RECIPE, now=NOON.timestamp())
        assert "the clock was put back" in why
        await reco.sync()
        meta = read_meta(reco.folder.current())
        assert await due(reco.store, meta, reco.config, recipe=DEFAULT_RECIPE, now=NOON.timestamp()) is None
