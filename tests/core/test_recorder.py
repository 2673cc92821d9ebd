"""The recorder loses nothing and doubles nothing, but for what a full buffer must let go."""

import asyncio
import threading

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reco_sdk.errors import InvalidInteraction, StoreError
from reco_sdk.interactions.recorder import Recorder
from tests.core.support import purchase, until, view


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
    recorder = Recorder(log.write, 3600, 100)
    recorder.add([view("a"), view("b")])
    recorder.add([purchase("c")])
    assert (recorder.pending, log.ids) == (3, [])
    await recorder.flush()
    assert (recorder.pending, log.ids) == (0, ["a", "b", "c"])
    assert (recorder.counts.accepted, recorder.counts.written, recorder.counts.dropped) == (3, 3, 0)


async def test_it_writes_by_itself():
    log = Log()
    recorder = Recorder(log.write, 0.01, 100)
    recorder.start()
    recorder.start()
    recorder.add([view("a")])
    await until(lambda: log.ids and not recorder.pending)
    await recorder.aclose()
    assert log.ids == ["a"]


async def test_a_failed_write_is_kept_in_order_and_tried_again(caplog):
    log = Log()
    log.failures = 2
    recorder = Recorder(log.write, 0.01, 100)
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

    recorder = Recorder(write, 0.01, 100)
    recorder.add([view("a")])
    recorder.start()
    await until(lambda: len(calls) > 1)
    await recorder.aclose()
    assert "surprise" in caplog.text


async def test_one_that_no_store_takes_does_not_hold_up_the_others(caplog):
    log = Log()
    log.poison = {"bad"}
    recorder = Recorder(log.write, 3600, 100)
    recorder.add([view("a"), view("bad"), purchase("b")])
    await recorder.flush()
    assert log.ids == ["a", "b"]
    assert (recorder.counts.written, recorder.counts.refused, recorder.pending) == (2, 1, 0)
    assert "given up" in caplog.text


async def test_a_full_buffer_lets_the_oldest_go_but_no_purchase():
    log = Log()
    recorder = Recorder(log.write, 3600, 3)
    recorder.add([purchase("p1"), view("a"), view("b"), view("c"), purchase("p2"), purchase("p3"), purchase("p4")])
    assert recorder.pending == 4
    recorder.add([view("d")])
    await recorder.flush()
    assert log.ids == ["p1", "p2", "p3", "p4", "d"]
    assert recorder.counts.dropped == 3
    assert recorder.counts.accepted == recorder.counts.written + recorder.counts.dropped


async def test_closing_writes_what_waits():
    log = Log()
    recorder = Recorder(log.write, 3600, 100)
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

    recorder = Recorder(write, 0.001, 100)
    recorder.start()
    recorder.add([view("a"), view("b")])
    await begun.wait()
    go_on.set()
    await recorder.aclose()
    assert log.ids == ["a", "b"]


async def test_closing_when_the_store_is_gone_says_how_much_is_lost(caplog):
    log = Log()
    log.failures = 99
    recorder = Recorder(log.write, 3600, 100)
    recorder.add([view("a"), view("b")])
    await recorder.aclose()
    assert "2 interactions could not be written at close" in caplog.text


async def test_threads_add_while_the_loop_writes():
    log = Log()
    recorder = Recorder(log.write, 3600, 50)
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
    assert recorder.counts.written + recorder.counts.dropped == recorder.counts.accepted == 2_400
    assert len(log.events) == recorder.counts.written


class RecorderMachine(RuleBasedStateMachine):
    """Adds, flushes and failures in any order: purchases arrive once each and in order, and every other is accounted for."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.log = Log()
        self.recorder = Recorder(self.log.write, 3600, 4)
        self.bought = []
        self.viewed = 0

    @rule(count=st.integers(0, 6))
    def view(self, count):
        self.recorder.add([view(f"v{self.viewed + n}") for n in range(count)])
        self.viewed += count

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
        assert counts.accepted == counts.written + counts.dropped + self.recorder.pending == len(self.bought) + self.viewed

    def teardown(self):
        self.loop.run_until_complete(self.recorder.aclose())
        self.loop.close()
        arrived = self.log.ids
        assert [i for i in arrived if i[0] == "p"] == self.bought
        assert len(set(arrived)) == len(arrived)


RecorderMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestRecorderMachine = RecorderMachine.TestCase
