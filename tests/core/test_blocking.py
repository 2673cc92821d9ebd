"""The blocking facade is the async recommender, one loop thread a process, and whole again after a fork."""

import asyncio
import inspect
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from reco_sdk import BlockingRecommender, Config, Filters, Interaction, Item, Recommender, Request
from reco_sdk.blocking import LoopThread
from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.errors import InvalidItem, NotRunning, StoreError, UnknownItem
from reco_sdk.recommender import CoreRecommender
from tests.core.support import NOON, QUIET, WARDROBE, FakeClock, act, purchase, view

LIFE = {"start": "start", "aclose": "close"}


def blocking(url="memory://", **settings):
    return Recommender.open_blocking(url, config=Config(**{**QUIET, **settings}), embedder=HashingEmbedder(64), clock=FakeClock())


@pytest.fixture
def reco():
    with blocking() as reco:
        reco.upsert_items(WARDROBE)
        yield reco


def test_every_public_coroutine_has_its_blocking_twin():
    coroutines = {
        name: method
        for name, method in vars(CoreRecommender).items()
        if inspect.iscoroutinefunction(method) and not name.startswith("_")
    }
    assert len(coroutines) > 10
    for name, method in coroutines.items():
        twin = getattr(BlockingRecommender, LIFE.get(name, name))
        assert not inspect.iscoroutinefunction(twin)
        if name not in LIFE:
            assert twin.__doc__ == method.__doc__
            assert list(inspect.signature(twin).parameters) == list(inspect.signature(method).parameters)


def answers(slate):
    return [(e.id, e.score, e.reason, dict(e.contributions)) for e in slate]


async def test_it_answers_as_the_async_one_does():
    story = [view("red-dress", ago=60), purchase("rake", "v2", ago=50), act("search", query="kettle", ago=5)]
    async with Recommender.open("memory://", config=Config(**QUIET), embedder=HashingEmbedder(64), clock=FakeClock()) as theirs:
        await theirs.upsert_items(WARDROBE)
        await theirs.record_many(story[:2])
        await theirs.flush()
        await theirs.sync()
        wanted = [
            answers(await theirs.similar_items("hose", n=4)),
            answers(await theirs.recommend(visitor_id="v1", n=5, filters=Filters(price_max=100))),
            answers(await theirs.recommend(strategy="bestsellers", n=2)),
        ]

    def play():
        with blocking() as ours:
            ours.upsert_items(WARDROBE)
            ours.record_many(story[:2])
            ours.flush()
            ours.sync()
            return [
                answers(ours.similar_items("hose", n=4)),
                answers(ours.recommend(visitor_id="v1", n=5, filters=Filters(price_max=100))),
                answers(ours.recommend_now(Request(strategy="bestsellers", n=2))),
            ]

    assert await asyncio.to_thread(play) == wanted


def test_errors_pass_through(reco):
    with pytest.raises(UnknownItem):
        reco.similar_items("gone")
    with pytest.raises(InvalidItem):
        reco.upsert_items([Item(id="a", title="x"), Item(id="a", title="x")])


def test_everything_else_works_too(reco):
    reco.record(view("hose"))
    reco.alias("v1", "u1")
    reco.flush()
    assert reco.recommend(strategy="recently_viewed", user_id="u1").ids == ("hose",)
    assert reco.import_interactions([purchase("kettle", "v9")]) == 1
    reco.refresh()  # whether it or the follower's own thread takes the purchase over
    state = reco.core.engine.state
    assert [state.view.item_id(row) for row in state.live.bought(state.view, "v9", None, {})] == ["kettle"]
    assert reco.delete_items(["kettle"]) == 1
    assert reco.sync().items == len(WARDROBE) - 1
    assert reco.similar_sessions(user_id="u1")[0].item_ids == ("hose",)
    assert reco.doctor().healthy


def test_a_search_is_embedded_though_this_thread_has_no_loop(reco):
    reco.record(act("search", query="garden hose"))
    for _ in range(2_000):
        if reco.core.engine.query_vectors:
            break
        threading.Event().wait(0.01)
    assert reco.recommend(visitor_id="v1", n=1).ids == ("hose",)


def test_before_opening_and_after_closing_it_says_so():
    reco = blocking()
    with pytest.raises(NotRunning, match="open_blocking"):
        reco.recommend()
    with reco:
        assert reco.started
        reco.start()
    reco.close()
    assert not reco.started
    for call in (reco.recommend, reco.sync, reco.flush, lambda: reco.record(view("a"))):
        with pytest.raises(NotRunning):
            call()


def test_no_thread_is_left_behind():
    # Other tests of the run may keep a recommender of their own open.
    before = set(threading.enumerate())
    for _ in range(3):
        with blocking() as reco:
            reco.recommend()
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if thread.name == "reco-loop"]
    for thread in left:
        thread.join(10)  # an executor's thread ends a moment after its loop
    assert sum(thread.is_alive() for thread in left) <= 1


def test_nothing_runs_before_it_is_opened():
    before = threading.active_count()
    blocking()
    assert threading.active_count() == before


def test_closing_writes_what_waits(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    with blocking(url) as reco:
        reco.upsert_items(WARDROBE)
        reco.record(purchase("boots"))
    with blocking(url) as reco:
        assert reco.recommend(strategy="bestsellers", n=1).ids == ("boots",)


def test_a_call_on_its_own_loop_is_refused_rather_than_stuck(reco):
    async def inside():
        return reco.doctor()

    with pytest.raises(NotRunning, match="await the async method"):
        reco.run(inside())
    assert reco.doctor() is not None


async def test_a_call_from_another_loop_works():
    with blocking() as reco:
        reco.upsert_items(WARDROBE)
        reco.record(act("search", query="garden hose"))  # embedded on its own loop, not on this one
        assert len(reco.recommend(n=3)) == 3
        assert reco.doctor().facts["items"] == len(WARDROBE)


def test_opening_that_takes_too_long_is_given_up(monkeypatch):
    async def slow(self):
        await asyncio.sleep(60)

    monkeypatch.setattr(CoreRecommender, "start", slow)
    reco = blocking()
    with pytest.raises(TimeoutError):
        reco.start(timeout_seconds=0.05)
    assert not reco.started
    reco._thread.stop()


def test_opening_that_fails_can_be_tried_again(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    reco = blocking(f"sqlite:///{tmp_path}/file/shop.sqlite3")
    with pytest.raises(StoreError):
        reco.start()
    (tmp_path / "file").unlink()
    (tmp_path / "file").mkdir()
    with reco:
        assert len(reco.recommend()) == 0
    reco._thread.stop()


def test_many_threads_share_it(reco):
    def work(name):
        for n in range(25):
            who = f"{name}-{n % 5}"
            reco.record(Interaction.view_item(WARDROBE[n % 8].id, visitor_id=who, at=NOON))
            slate = reco.recommend(visitor_id=who, n=3)
            assert WARDROBE[n % 8].id not in slate.ids
            reco.similar_items("boots", n=3)
            if n % 10 == 0:
                reco.upsert_items([Item(id=f"{name}-{n}", title=f"Thing of {name}")])
                reco.flush()
            if n == 20:
                reco.refresh()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, "abcdef"))
    reco.flush()
    facts = reco.doctor().facts
    assert facts["interactions"] == {"view_item": 150}
    assert facts["items"] == len(WARDROBE) + 18


def test_many_threads_open_it_once():
    made = []
    reco = BlockingRecommender(lambda: made.append(1) or Recommender.open("memory://", config=Config(**QUIET)))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: reco.start(), range(6)))
    assert len(made) == 1
    reco.close()


def in_child(work):
    """Fork, run ``work`` in the child, and return what it wrote; the child ends without the parent's clean-up."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer = "nothing"
        try:
            answer = repr(work())
        except BaseException as error:  # noqa: BLE001 -- told to the parent
            answer = repr(error)
        finally:
            os.write(writing, answer.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    return answer


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_a_fork_parent_and_child_both_work(tmp_path):
    with blocking(f"sqlite:///{tmp_path}/shop.sqlite3") as reco:
        reco.upsert_items(WARDROBE)
        reco.sync()
        reco.record(view("hose", "before"))  # waits in the parent's buffer: the parent's to write

        def work():
            assert not reco.started
            reco.record(purchase("boots", "child"))
            reco.flush()
            with ThreadPoolExecutor(4) as pool:
                slates = {slate.ids for slate in pool.map(lambda _: reco.similar_items("red-dress", n=1), range(8))}
            reco.close()
            return slates

        assert in_child(work) == "{('blue-dress',)}"
        assert reco.started
        reco.flush()
        reco.refresh()
        assert reco.doctor().facts["interactions"] == {"purchase": 1, "view_item": 1}
        assert reco.recommend(strategy="bestsellers", n=1).ids == ("boots",)
        assert in_child(lambda: reco.close() or "closed unused") == "'closed unused'"
        assert reco.similar_items("red-dress", n=1).ids == ("blue-dress",)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_threads_of_a_child_open_it_once_even_if_the_lock_was_held(tmp_path):
    with blocking(f"sqlite:///{tmp_path}/shop.sqlite3") as reco:
        reco.upsert_items(WARDROBE)

        def work():
            with ThreadPoolExecutor(6) as pool:
                cores = set(pool.map(lambda _: id(reco.core), range(6)))
            reco.close()
            return len(cores)

        locks = [next(iter(holder._locks.values())) for holder in (reco, reco._thread)]
        for lock in locks:
            lock.acquire()
        try:
            assert in_child(work) == "1"
        finally:
            for lock in locks:
                lock.release()


def test_the_loop_thread_stops_and_starts_again():
    thread = LoopThread()

    async def answer():
        return 42

    for _ in range(2):
        assert thread.run(answer()) == 42
        thread.stop()
    thread.stop()
