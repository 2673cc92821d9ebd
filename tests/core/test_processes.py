"""Several processes on one store: what one writes the others see, and nothing counts twice."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from reco_sdk import Item
from tests.core.support import NOON, WARDROBE, FakeClock, act, purchase, recommender, view

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def pair(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    async with recommender(url) as one:
        await one.upsert_items(WARDROBE)
        async with recommender(url) as other:
            yield one, other


def weights(reco):
    state = reco.engine.state
    return {
        state.view.item_id(row): round(value, 6)
        for row, value in enumerate(state.orders.popular.tolist())
        if value > 0 and state.view.alive[row]
    }


async def in_step(*recos):
    for _ in range(2):
        for reco in recos:
            await reco.flush()
        for reco in recos:
            await reco.refresh()


async def test_items_cross(pair):
    one, other = pair
    await one.upsert_items([Item(id="green-dress", title="Green linen summer dress")])
    await one.delete_items(["rake"])
    assert other.engine.state.view.row("green-dress") == -1
    assert await other.refresh() is True
    assert await other.refresh() is False
    assert "green-dress" in (await other.similar_items("red-dress", n=2)).ids
    assert "rake" not in (await other.similar_items("hose", n=8)).ids


async def test_interactions_cross_and_count_once(pair):
    one, other = pair
    for n in range(3):
        await one.record(view("boots", f"one-{n}"))
        await other.record(view("boots", f"other-{n}"))
    await other.record(view("hose", "other-0", ago=5))
    await in_step(one, other)
    assert weights(one) == weights(other)
    assert weights(one)["boots"] == 1.0
    before = weights(one)
    for builder in (one, other, one):
        await builder.sync()
        await in_step(one, other)
        assert weights(one) == pytest.approx(before, abs=1e-5)
        assert weights(other) == pytest.approx(before, abs=1e-5)
    for reco in pair:
        assert (await reco.recommend(strategy="recently_viewed", visitor_id="other-0")).ids == ("boots", "hose")
        assert len(reco.tracker.history("one-1", None, NOON.timestamp())) == 1
        assert not reco._follower._own_events


async def test_histories_cross_even_when_a_snapshot_comes_first(pair):
    one, other = pair
    await one.record(view("boots"))
    await one.record(purchase("rake"))
    await one.sync()
    await other.refresh()  # one step: the snapshot that counts them, and the histories
    assert (await other.recommend(strategy="recently_viewed", visitor_id="v1")).ids == ("boots",)
    assert "rake" not in (await other.similar_items("hose", visitor_id="v1")).ids
    assert weights(other) == weights(one)


async def test_the_same_event_from_two_processes_counts_once(pair):
    one, other = pair
    for reco in pair:
        await reco.record(purchase("kettle", event_id="order-7-line-1"))
    await one.record(view("boots", "v9"))
    await in_step(one, other)
    assert weights(one) == weights(other)
    assert await one.store.interaction_counts() == {"purchase": 1, "view_item": 1}
    await other.record(purchase("kettle", event_id="order-7-line-1"))
    await in_step(one, other)
    assert weights(one) == weights(other)
    assert len(other.tracker.history("v1", None, NOON.timestamp())) == 1


async def test_a_snapshot_built_elsewhere_is_taken_over(pair):
    one, other = pair
    await one.sync()
    assert other._follower.base.path is None
    await other.record(view("hose", "mine"))
    assert await other.refresh() is True
    assert other._follower.base.path == one._follower.base.path
    assert len(other.engine.state.view.delta) == 0
    assert (await other.recommend(strategy="recently_viewed", visitor_id="mine")).ids == ("hose",)


async def test_a_login_crosses_within_a_minute(tmp_path):
    url, clock = f"sqlite:///{tmp_path}/shop.sqlite3", FakeClock()
    async with recommender(url, clock=clock) as one, recommender(url, clock=clock) as other:
        await one.upsert_items(WARDROBE)
        await other.record(view("hose", ago=10))
        await one.alias("v1", "u1")
        await in_step(other, one)
        assert (await one.recommend(strategy="recently_viewed", user_id="u1")).ids == ("hose",)
        clock.turn(seconds=61)
        await other.refresh()
        assert (await other.recommend(strategy="recently_viewed", user_id="u1")).ids == ("hose",)


async def test_a_search_crosses_without_an_item(pair):
    one, other = pair
    await one.record(act("search", query="silk"))
    await in_step(one, other)
    assert other.tracker.history("v1", None, NOON.timestamp())[0].query == "silk"


WORKER = """
import sys
from datetime import UTC, datetime
from reco_sdk import Interaction, Item, Recommender
with Recommender.open_blocking(sys.argv[1], model="hashing", poll_interval_seconds=0.05, flush_interval_seconds=0.05) as reco:
    print("ready", flush=True)
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "view":
            item, _, visitor = rest.partition(" ")
            reco.record(Interaction.view_item(item, visitor_id=visitor or "v1"))
        elif word == "item":
            reco.upsert_items([Item(id=rest, title=rest)])
        elif word == "sync":
            reco.sync()
        elif word == "flush":
            reco.flush()
        elif word == "recent":
            print(",".join(reco.recommend(strategy="recently_viewed", visitor_id="v1").ids), flush=True)
            continue
        elif word == "popular":
            reco.flush(), reco.refresh()
            state = reco.core.engine.state
            row = state.view.row(rest)
            print(round(float(state.live.orders(state.view).popular[row]), 4), flush=True)
            continue
        print("done", flush=True)
"""


def test_two_real_processes_follow_each_other(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, url], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]

    def tell(worker, line):
        worker.stdin.write(line + "\n")
        worker.stdin.flush()
        return worker.stdout.readline().strip()

    try:
        assert [worker.stdout.readline().strip() for worker in workers] == ["ready", "ready"]
        one, other = workers
        for item in ("boots", "hose"):
            tell(one, f"item {item}")
        tell(one, "view boots")
        tell(one, "view hose")
        for _ in range(400):
            if tell(other, "recent") == "hose,boots":
                break
            time.sleep(0.05)
        else:
            pytest.fail(f"the other process sees {tell(other, 'recent')!r}")
        tell(other, "view boots v2")  # the same visitor once more within seconds would be a double click
        tell(other, "flush")
        for _ in range(2):
            assert tell(one, "popular boots") == tell(other, "popular boots") == "1.0"
            assert tell(one, "popular hose") == tell(other, "popular hose") == "0.6309"  # log 2 / log 3: one view of two
            assert tell(other, "sync") == "done"
    finally:
        for worker in workers:
            worker.stdin.close()
        for worker in workers:
            worker.wait(30)
            worker.stdout.close()
    assert [worker.returncode for worker in workers] == [0, 0]
