"""The recorder loses nothing and doubles nothing, but for what a full buffer must let go."""

import asyncio
import threading

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reco_sdk.errors import InvalidInteraction, StoreError
from reco_sdk.interactions import recorder as module
from reco_sdk.interactions.interaction import KINDS
from reco_sdk.interactions.recorder import Recorder, class_of
from tests.core.support import act, purchase, until, view


def make(write, interval=3600, limit=100):
    return Recorder(write, interval, limit, sort=class_of)


class Log:
    """A store's log that fails when told to, and knows an event by its id."""

    def __init__(self):
        self.events = {}
        self.failures = 0
        self.half_way = False
        self.poison = set()

    async def write(self, batch):
        await asyncio.sleep(0)
        for interaction in batch:
            if interaction.item_id in self.poison:
                raise InvalidInteraction("item_id", "is poison")
        if self.failures:
            self.failures -= 1
            if self.half_way:
                self.events |= {i.event_id: i for i in batch}
            raise StoreError("the disk is full")
        self.events |= {i.event_id: i for i in batch}

    @property
    def ids(self):
        return [i.item_id for i in self.events.values()]


async def test_what_was_added_is_written_in_order():
    log = Log()
    recorder = make(log.write)
    recorder.add([view("a"), view("b")])
    recorder.add([purchase("c")])
    assert (recorder.pending, log.ids) == (3, [])
    await recorder.flush()
    assert (recorder.pending, log.ids) == (0, ["a", "b", "c"])
    assert (recorder.counts.accepted, recorder.counts.written, sum(recorder.counts.dropped.values())) == (3, 3, 0)


async def test_it_writes_by_itself():
    log = Log()
    recorder = make(log.write, 0.01)
    recorder.start()
    recorder.start()
    recorder.add([view("a")])
    await until(lambda: log.ids and not recorder.pending)
    await recorder.aclose()
    assert log.ids == ["a"]


async def test_a_failed_write_is_kept_in_order_and_tried_again(caplog):
    log = Log()
    log.failures = 2
    recorder = make(log.write, 0.01)
    recorder.add([view("a"), view("b")])
    with pytest.raises(StoreError):
        await recorder.flush()
    recorder.add([view("c")])
    recorder.start()
    await until(lambda: log.ids)
    await recorder.aclose()
    assert log.ids == ["a", "b", "c"]
    assert recorder.counts.failed_writes == 2
    assert "2 wait" in caplog.text or "3 wait" in caplog.text


async def test_a_write_that_fails_in_no_foreseen_way_does_not_end_it(caplog):
    calls = []

    async def write(batch):
        calls.append(batch)
        if len(calls) == 1:
            raise OverflowError("surprise")

    recorder = make(write, 0.01)
    recorder.add([view("a")])
    recorder.start()
    await until(lambda: len(calls) > 1)
    await recorder.aclose()
    assert "surprise" in caplog.text


async def test_one_that_no_store_takes_does_not_hold_up_the_others(caplog):
    log = Log()
    log.poison = {"bad"}
    recorder = make(log.write)
    recorder.add([view("a"), view("bad"), purchase("b")])
    await recorder.flush()
    assert log.ids == ["a", "b"]
    assert (recorder.counts.written, recorder.counts.refused, recorder.pending) == (2, 1, 0)
    assert "given up" in caplog.text


def test_every_kind_has_its_class():
    looks = {kind for kind in KINDS if class_of(act(kind, "a", query="q")) == 0}
    assert looks == {"view_item", "select_item", "search"}
    assert {kind for kind in KINDS if class_of(act(kind, "a", query="q")) == 2} == {"purchase", "refund"}


async def test_a_full_buffer_lets_views_go_then_carts_and_no_purchase():
    log = Log()
    recorder = make(log.write, limit=4)
    recorder.add([act("add_to_cart", "c1"), view("a"), purchase("p1"), act("search", query="b"), view("c")])
    assert recorder.counts.dropped == {"views": 1, "carts": 0, "purchases": 0}
    recorder.add([act("add_to_wishlist", "c2"), purchase("p2")])
    assert recorder.counts.dropped == {"views": 3, "carts": 0, "purchases": 0}
    recorder.add([view("d")])  # what comes last is not worth more than what it is
    assert recorder.counts.dropped == {"views": 4, "carts": 0, "purchases": 0}
    recorder.add([purchase("p3"), act("refund", "p4"), purchase("p5"), view("e")])
    assert recorder.counts.dropped == {"views": 5, "carts": 2, "purchases": 0}
    assert recorder.pending == 5
    await recorder.flush()
    assert log.ids == ["p1", "p2", "p3", "p4", "p5"]


async def test_what_is_left_is_written_in_the_order_it_came():
    log = Log()
    recorder = make(log.write, limit=6)
    recorder.add([view("a"), purchase("b"), act("add_to_cart", "c"), view("d"), act("dismiss", "e"), purchase("f"), view("g")])
    await recorder.flush()
    assert log.ids == ["b", "c", "d", "e", "f", "g"]


async def test_what_is_being_written_counts_as_held_and_is_at_risk():
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def write(batch):
        begun.set()
        await go_on.wait()

    recorder = make(write, limit=3)
    recorder.add([view("a"), purchase("b")])
    flushing = asyncio.create_task(recorder.flush())
    await begun.wait()
    recorder.add([view("c"), act("rate", "d", value=5.0)])
    assert (recorder.pending, recorder.counts.dropped["views"]) == (1, 1)
    assert recorder.counts.at_risk == {"views": 1, "carts": 1, "purchases": 1}
    go_on.set()
    await flushing
    assert recorder.counts.at_risk == {"views": 0, "carts": 0, "purchases": 0}
    assert (recorder.counts.accepted, recorder.counts.written) == (4, 3)


async def test_a_full_batch_does_not_wait_for_the_interval(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 10)
    log = Log()
    recorder = make(log.write)
    recorder.start()
    await asyncio.to_thread(recorder.add, [view(str(n)) for n in range(25)])
    await until(lambda: len(log.ids) == 25)
    assert log.ids == [str(n) for n in range(25)]
    await recorder.aclose()


async def test_poison_in_a_large_batch_is_found_without_writing_each_apart(caplog):
    log = Log()
    log.poison = {"37", "900"}
    calls = []

    async def write(batch):
        calls.append(len(batch))
        await log.write(batch)

    recorder = make(write, limit=2_000)
    recorder.add([view(str(n)) for n in range(1_024)])
    await recorder.flush()
    assert log.ids == [str(n) for n in range(1_024) if n not in {37, 900}]
    assert (recorder.counts.written, recorder.counts.refused) == (1_022, 2)
    assert len(calls) < 50


def test_making_room_looks_at_nothing_that_is_kept():
    looked_at = []

    def sort(interaction):
        looked_at.append(interaction)
        return class_of(interaction)

    recorder = Recorder(Log().write, 3600, 1_000, sort=sort)
    recorder.add([act("add_to_cart", str(n)) for n in range(1_000)])
    for n in range(1_000):
        recorder.add([view(str(n))])
    assert (len(looked_at), recorder.counts.dropped["views"]) == (2_000, 1_000)


async def test_an_outage_is_said_once(caplog):
    log = Log()
    log.failures = 5
    recorder = make(log.write, 0.005)
    recorder.add([view("a")])
    recorder.start()
    await until(lambda: log.ids)
    await recorder.aclose()
    assert caplog.text.count("could not be written") == 1
    assert recorder.counts.failed_writes == 5


async def test_closing_writes_what_waits():
    log = Log()
    recorder = make(log.write)
    recorder.start()
    recorder.add([view("a")])
    await recorder.aclose()
    await recorder.aclose()
    assert log.ids == ["a"]


async def test_closing_in_the_midst_of_a_write_loses_and_doubles_nothing():
    log = Log()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def write(batch):
        begun.set()
        await go_on.wait()
        await log.write(batch)

    recorder = make(write, 0.001)
    recorder.start()
    recorder.add([view("a"), view("b")])
    await begun.wait()
    go_on.set()
    await recorder.aclose()
    assert log.ids == ["a", "b"]


async def test_closing_when_the_store_is_gone_says_how_much_is_lost(caplog):
    log = Log()
    log.failures = 99
    recorder = make(log.write)
    recorder.add([view("a"), view("b")])
    await recorder.aclose()
    assert "2 recorded could not be written at close" in caplog.text


async def test_threads_add_while_the_loop_writes():
    log = Log()
    recorder = make(log.write, limit=50)
    errors = []

    def work(name):
        try:
            for n in range(400):
                recorder.add([view(f"{name}-{n}"), purchase(f"{name}-{n}")])
        except RuntimeError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        await recorder.flush()
        await asyncio.sleep(0)
    await recorder.flush()
    assert not errors
    assert sum(i.kind == "purchase" for i in log.events.values()) == 1_200
    assert recorder.counts.written + recorder.counts.dropped["views"] == recorder.counts.accepted == 2_400
    assert len(log.events) == recorder.counts.written


class RecorderMachine(RuleBasedStateMachine):
    """Adds, flushes and failures in any order: purchases arrive once each and in order, and every other is accounted for."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.log = Log()
        self.recorder = make(self.log.write, limit=4)
        self.bought = []
        self.others = 0

    @rule(kinds=st.lists(st.sampled_from(["view_item", "add_to_cart", "select_item", "dismiss"]), max_size=6))
    def act(self, kinds):
        self.recorder.add([act(kind, f"v{self.others + n}") for n, kind in enumerate(kinds)])
        self.others += len(kinds)

    @rule()
    def buy(self):
        self.bought.append(f"p{len(self.bought)}")
        self.recorder.add([purchase(self.bought[-1])])

    @rule()
    def flush(self):
        self.loop.run_until_complete(self.recorder.flush())
        assert self.recorder.pending == 0

    @rule(half_way=st.booleans())
    def fail(self, half_way):
        before = self.recorder.pending
        self.log.failures, self.log.half_way = 1, half_way
        try:
            self.loop.run_until_complete(self.recorder.flush())
        except StoreError:
            assert before
        self.log.failures = 0

    @invariant()
    def accounted(self):
        counts = self.recorder.counts
        assert counts.accepted == len(self.bought) + self.others
        assert counts.accepted == counts.written + sum(counts.dropped.values()) + self.recorder.pending
        assert sum(counts.at_risk.values()) == self.recorder.pending <= max(4, len(self.bought))

    def teardown(self):
        self.loop.run_until_complete(self.recorder.aclose())
        self.loop.close()
        arrived = self.log.ids
        assert [i for i in arrived if i[0] == "p"] == self.bought
        others = [int(i[1:]) for i in arrived if i[0] == "v"]
        assert others == sorted(set(others))


RecorderMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestRecorderMachine = RecorderMachine.TestCase
