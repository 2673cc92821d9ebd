"""A purchase counts once: however often it is said, read and read again, in whatever process, before and after a restart."""

import asyncio
import tempfile
from collections import Counter

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.core.support import NOON, WARDROBE, act, purchase, recommender, view

ITEMS = ("boots", "hose", "rake")
BUYERS = ("v1", "v2")


def line(number):
    """One order line, always told the same way but for the moment."""
    return purchase(ITEMS[number % 3], BUYERS[number % 2], event_id=f"order-line-{number}", ago=number % 4)


def refund(number):
    return act("refund", ITEMS[number % 3], BUYERS[number % 2], event_id=f"refund-{number}")


def sold(reco):
    state = reco.engine.state
    return {state.view.item_id(row): float(value) for row, value in enumerate(state.orders.sold) if value > 0}


def bought(reco, visitor_id):
    state = reco.engine.state
    return {state.view.item_id(row) for row in state.live.bought(state.view, visitor_id, None, {})}


class Shop(RuleBasedStateMachine):
    """Two processes on one store, told of order lines in every way and order."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.recos = [None, None]
        self.safe = set()
        for place in range(2):
            self.open(place)
        self.run(self.recos[0].upsert_items(WARDROBE))

    def run(self, work):
        return self.loop.run_until_complete(work)

    def open(self, place):
        self.recos[place] = recommender(f"sqlite:///{self.folder.name}/shop.sqlite3")
        self.run(self.recos[place].start())

    @rule(place=st.integers(0, 1), number=st.integers(0, 5))
    def signal(self, place, number):
        """The shop's signal says it: at once, in memory."""
        reco = self.recos[place]
        had = bought(reco, BUYERS[number % 2])
        self.run(reco.record(line(number)))
        assert bought(reco, BUYERS[number % 2]) >= had

    @rule(place=st.integers(0, 1), numbers=st.lists(st.integers(0, 5), max_size=4))
    def order(self, place, numbers):
        """The order's own rows are read."""
        self.run(self.recos[place].import_interactions([line(number) for number in numbers]))
        self.safe.update(numbers)

    @precondition(lambda self: self.safe)
    @rule(place=st.integers(0, 1), data=st.data())
    def give_back(self, place, data):
        """What was bought comes back."""
        self.run(self.recos[place].record(refund(data.draw(st.sampled_from(sorted(self.safe))))))

    @rule(place=st.integers(0, 1), what=st.sampled_from(["flush", "refresh", "sync"]))
    def keep_in_step(self, place, what):
        self.run(getattr(self.recos[place], what)())

    @rule(place=st.integers(0, 1))
    def time_passes(self, place):
        """So much happens that a process no longer remembers what it recorded."""
        self.recos[place]._follower._recent_events.clear()

    @rule(place=st.integers(0, 1), crash=st.booleans())
    def restart(self, place, crash):
        if crash:
            for queue in self.recos[place].recorder._queues:
                queue.clear()
        self.run(self.recos[place].aclose())
        self.open(place)

    def teardown(self):
        try:
            self.check()
        finally:
            for reco in self.recos:
                self.run(reco.aclose())
            self.run(asyncio.sleep(0))
            self.loop.close()
            self.folder.cleanup()

    def check(self):
        for what in ("flush", "refresh", "flush", "refresh"):
            for reco in self.recos:
                self.run(getattr(reco, what)())
        stored = [s.interaction for s in self.run(self.recos[0].store.interactions_since(0))]
        assert len({i.event_id for i in stored}) == len(stored)
        assert {line(number).event_id for number in self.safe} <= {i.event_id for i in stored}
        lines = Counter()
        for i in stored:
            lines[i.item_id] += 1 if i.kind == "purchase" else -1
        lines = +lines  # what was given back was not sold
        most = max(lines.values(), default=0)
        wanted = {item: np.log1p(5 * count) / np.log1p(5 * most) for item, count in lines.items()}
        net = Counter()
        for i in stored:
            net[i.visitor_id, i.item_id] += 1 if i.kind == "purchase" else -1
        for reco in self.recos:
            assert sold(reco) == pytest.approx(wanted, abs=1e-4)
            for buyer in BUYERS:
                assert bought(reco, buyer) == {item for (who, item), count in net.items() if who == buyer and count > 0}
            assert not reco._follower._own_events
            assert not reco.engine.state.live._expected
            assert not reco.engine.state.live._expected_of


Shop.TestCase.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
TestShop = Shop.TestCase


@pytest.fixture
async def reco():
    async with recommender() as opened:
        await opened.upsert_items(WARDROBE)
        yield opened


async def test_its_buyer_knows_at_once_and_the_rankings_when_it_is_stored(reco):
    await reco.record(line(0))
    assert bought(reco, "v1") == {"boots"}
    assert sold(reco) == {}
    assert len(reco.tracker.history("v1", None, NOON.timestamp())) == 1
    await reco.flush()
    assert sold(reco) == {"boots": 1.0}
    assert bought(reco, "v1") == {"boots"}
    assert len(reco.tracker.history("v1", None, NOON.timestamp())) == 1


async def test_sent_again_the_day_after_it_counts_no_more(reco):
    """A webhook that is delivered again finds a process that was started since."""
    await reco.record(line(0))
    await reco.record(line(3))
    await reco.record(purchase("boots", "v2", event_id="another"))
    await reco.flush()
    before = sold(reco)
    await reco.sync()
    for _ in range(3):
        reco._follower._recent_events.clear()
        await reco.record(line(0))
        await reco.flush()
        await reco.refresh()
    assert sold(reco) == pytest.approx(before)
    await reco.record(refund(0))
    await reco.flush()
    assert "boots" not in bought(reco, "v1")


async def test_one_of_two_given_back_leaves_one(reco):
    """Both were bought before the snapshot, one is given back after it."""
    for number in (0, 6):
        await reco.record(line(number))
    await reco.flush()
    await reco.sync()
    await reco.record(refund(0))
    assert bought(reco, "v1") == {"boots"}
    await reco.flush()
    await reco.refresh()
    assert bought(reco, "v1") == {"boots"}
    await reco.record(refund(6))
    assert bought(reco, "v1") == set()
    await reco.sync()
    assert bought(reco, "v1") == set()


async def test_a_store_that_fails_meanwhile_changes_nothing(reco, monkeypatch):
    append = type(reco.store).append_interactions

    async def fails(store, batch):
        raise OSError("gone")

    await reco.record(line(0))
    await reco.record(view("hose"))
    monkeypatch.setattr(type(reco.store), "append_interactions", fails)
    with pytest.raises(OSError, match="gone"):
        await reco.flush()
    await reco.refresh()
    assert bought(reco, "v1") == {"boots"}
    monkeypatch.setattr(type(reco.store), "append_interactions", append)
    await reco.flush()
    assert sold(reco) == {"boots": 1.0}
