"""The worker, in this process: what it does, who does it, and how it ends."""

import asyncio
import shutil
import time
from datetime import timedelta

import pytest

from reco_sdk import Config, Item
from reco_sdk import worker as module
from reco_sdk.building import PRUNED_BEFORE, read_meta
from reco_sdk.errors import AlreadyRunning, ConfigError, SnapshotError, StoreError
from reco_sdk.ports import Impression
from reco_sdk.reading import MODEL
from reco_sdk.storage.sqlite import SqliteStore
from reco_sdk.wiring import make_worker
from reco_sdk.worker import Worker

from .support import NOON, WARDROBE, CountingEmbedder, FakeClock, MissingModel, recommender, until, view

FAST = {"poll_interval_seconds": 0.02, "lease_seconds": 1.0, "model": "hashing"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(module, "BUILD_RETRY_SECONDS", 0.1)
    monkeypatch.setattr("reco_sdk.building.QUIET_SECONDS", 0.05)


def worker(folder, *, embedder=None, clock=None, state="state", **settings):
    config = Config(**{**FAST, **settings})
    return Worker(
        SqliteStore(folder / "shop.sqlite3"), config, folder / state, embedder=embedder or CountingEmbedder(), clock=clock or FakeClock()
    )  # fmt: skip


class Running:
    """A worker that runs until the block ends."""

    def __init__(self, made):
        self.worker = made
        self.stop = asyncio.Event()

    async def __aenter__(self):
        self.task = asyncio.create_task(self.worker.run(self.stop))
        return self.worker

    async def __aexit__(self, *_):
        self.stop.set()
        await asyncio.wait_for(self.task, 30)


async def fill(folder, items=WARDROBE):
    store = SqliteStore(folder / "shop.sqlite3")
    await store.open()
    await store.upsert_items(items)
    return store


async def test_it_embeds_builds_and_serves_those_who_have_no_model(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    settings = {"state_dir": str(tmp_path / "state"), "model": "", "poll_interval_seconds": 0.02}
    async with recommender(url, **settings) as web:
        web.embedder = web._queries._embedder = None
        async with Running(worker(tmp_path)) as running:
            await web.store.upsert_items(WARDROBE)
            await until(lambda: web._follower.base.path is not None and web.engine.state.view.has_vector.all())
            assert (await web.similar_items("red-dress", n=1)).ids == ("blue-dress",)
            assert running.status.leads
            assert running.status.builds
            assert await web.store.get_state(MODEL) == running.embedder.fingerprint
            await web.store.upsert_items([Item(id="green", title="Green linen summer dress")])
            await until(lambda: web.engine.state.view.row("green") >= 0 and web.engine.state.view.has_vector.all())
            assert "green" in (await web.similar_items("red-dress", n=2)).ids
            assert running.status.snapshots <= 2


async def test_of_two_on_one_host_one_leads_and_builds_and_the_other_takes_over(tmp_path):
    store = await fill(tmp_path)
    first, second = worker(tmp_path), worker(tmp_path)
    async with Running(first):
        await until(lambda: first.status.leads and first.status.snapshots)
        async with Running(second):
            await until(lambda: second.status.leader == first.lease.holder)
            assert (second.status.leads, second.status.builds) == (False, False)
            assert not second.embedder.texts
            first_stop = asyncio.create_task(first.aclose())
            await until(lambda: second.status.leads and second.status.builds)
            await first_stop
    assert await store.get_lease("worker") is None
    await store.aclose()


async def test_each_host_builds_from_the_store_alone(tmp_path):
    store = await fill(tmp_path)
    one, other = worker(tmp_path, state="one"), worker(tmp_path, state="other")
    async with Running(one), Running(other):
        await until(lambda: one.status.snapshots and other.status.snapshots)
        await until(lambda: all(read_meta(w.folder.current())["with_vector"] == len(WARDROBE) for w in (one, other)))
    assert len([w for w in (one, other) if w.embedder.texts]) == 1  # nothing was embedded twice
    await store.aclose()


async def test_a_lease_that_was_not_given_back_is_taken_when_it_runs_out(tmp_path):
    store = await fill(tmp_path)
    assert await store.acquire_lease("worker", "somebody who was killed", 0.5)
    async with Running(worker(tmp_path)) as running:
        await until(lambda: running.status.leads)
    await store.aclose()


async def test_a_snapshot_without_vectors_comes_first_when_there_is_much_to_embed(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WAIT_FOR_VECTORS", 2)

    class Slow(CountingEmbedder):
        async def embed(self, texts):
            await gate.wait()
            return await super().embed(texts)

    gate = asyncio.Event()
    store = await fill(tmp_path)
    async with Running(worker(tmp_path, embedder=Slow())) as running:
        await until(lambda: running.status.snapshots == 1)
        assert read_meta(running.folder.current())["with_vector"] == 0
        gate.set()
        await until(lambda: running.status.snapshots == 2)
        assert read_meta(running.folder.current())["with_vector"] == len(WARDROBE)
    await store.aclose()


async def test_without_its_model_it_builds_and_says_what_is_missing(tmp_path, caplog):
    store = await fill(tmp_path)
    async with Running(worker(tmp_path, embedder=MissingModel())) as running:
        await until(lambda: running.status.snapshots == 1)
        await until(lambda: any("/models/gone" in trouble for trouble in running.troubles.all))
    assert caplog.text.count("/models/gone") < 3  # once, not at every try
    await store.aclose()


async def test_a_store_that_cannot_be_reached_is_waited_for(tmp_path, caplog):
    async with Running(worker(tmp_path / "later")) as running:
        await until(lambda: "store" in running.troubles)
        (tmp_path / "later").mkdir()
        await until(lambda: running.status.leads)
        assert "store" not in running.troubles
    assert caplog.text.count("it is tried again") == 1


async def test_it_stops_at_once_while_it_waits_for_a_store(tmp_path):
    async with Running(worker(tmp_path / "never")) as running:
        await until(lambda: "store" in running.troubles)


async def test_a_store_that_goes_midway_is_waited_for(tmp_path, monkeypatch):
    store = await fill(tmp_path)
    async with Running(worker(tmp_path)) as running:
        await until(lambda: running.status.snapshots)
        version = running.store.item_version

        async def down():
            raise StoreError("gone for a while")

        monkeypatch.setattr(running.store, "item_version", down)
        await until(lambda: {"embedding", "build"} <= {work for work in ("embedding", "build") if work in running.troubles})
        monkeypatch.setattr(running.store, "item_version", version)
        await store.upsert_items([Item(id="new", title="new")])
        await until(lambda: running.status.embedded == len(WARDROBE) + 1)
        await until(lambda: not running.troubles.all)
    await store.aclose()


async def test_a_folder_that_was_removed_is_made_again(tmp_path):
    store = await fill(tmp_path)
    async with Running(worker(tmp_path)) as running:
        await until(lambda: running.status.snapshots)
        shutil.rmtree((tmp_path / "state").rename(tmp_path / "gone"))  # at once: somebody may be building in it
        await until(lambda: running.folder.current() is not None)
        assert running.folder.worker_lock.held
    await store.aclose()


async def test_a_build_that_fails_is_tried_again(tmp_path, monkeypatch):
    store = await fill(tmp_path)
    real = module.build
    failures = []

    async def full(*args, **options):
        if len(failures) < 2:
            failures.append(1)
            raise SnapshotError("no room; free some")
        return await real(*args, **options)

    monkeypatch.setattr(module, "build", full)
    async with Running(worker(tmp_path)) as running:
        await until(lambda: "no room; free some" in running.troubles.all)
        await until(lambda: running.status.snapshots == 1)
        await until(lambda: not running.troubles.all)
    await store.aclose()


async def test_stopped_in_the_middle_of_a_build_it_leaves_nothing(tmp_path, monkeypatch):
    store = await fill(tmp_path)
    real = module.build
    begun = asyncio.Event()

    async def held(*args, progress, **options):
        def told(stage, done, total):
            if stage == "columns":
                loop.call_soon_threadsafe(begun.set)
                time.sleep(0.2)
            progress(stage, done, total)

        return await real(*args, progress=told, **options)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(module, "build", held)
    made = worker(tmp_path)
    async with Running(made):
        await asyncio.wait_for(begun.wait(), 20)
    assert made.folder.snapshots() == []
    assert not [path.name for path in (tmp_path / "state").iterdir() if path.name.startswith(".tmp")]
    assert await store.get_lease("worker") is None
    await store.aclose()


async def test_once_does_everything_and_ends(tmp_path):
    store = await fill(tmp_path)
    made, stages = worker(tmp_path), set()
    await made.once(progress=lambda stage, _done, _of: stages.add(stage))
    assert {"embed", "columns", "write"} <= stages
    assert read_meta(made.folder.current())["with_vector"] == len(WARDROBE)
    await made.once()
    assert made.status.snapshots == 1
    await made.once(build_anyway=True)
    assert made.status.snapshots == 2
    other = worker(tmp_path)
    with pytest.raises(AlreadyRunning, match="stop it first"):
        await other.once()
    await other.aclose()
    await made.aclose()
    await store.aclose()


async def test_what_is_older_than_it_is_kept_goes(tmp_path):
    clock, old, young = FakeClock(), timedelta(days=100), timedelta(days=5)
    store = SqliteStore(tmp_path / "shop.sqlite3", clock=clock)
    await store.open()
    clock.time = NOON - old
    await store.upsert_items(WARDROBE)
    await store.delete_items(["rake", "hose"])
    clock.time = NOON - young
    await store.delete_items(["boots"])
    await store.append_interactions([view("kettle", at=NOON - old), view("kettle", "v2", at=NOON - young)])
    await store.append_impressions(
        [Impression(str(n), NOON - age, "home", "trending", "full", ("kettle",)) for n, age in enumerate((old, young))]
    )
    made = worker(tmp_path, keep_interactions_days=60, keep_impressions_days=60, keep_deleted_days=60)
    await made.once()
    assert made.status.pruned == 4
    assert await store.interaction_counts() == {"view_item": 1}
    assert await store.impression_count() == 1
    assert [change.item_id for change in await store.changes_since(0) if change.item is None] == ["boots"]
    assert float(await store.get_state(PRUNED_BEFORE)) == (NOON - timedelta(days=59)).timestamp()
    forever = worker(tmp_path, keep_interactions_days=0, keep_impressions_days=0, keep_deleted_days=0)
    await made.aclose()
    clock.time = NOON
    await forever.once()
    assert forever.status.pruned == 0
    await forever.aclose()
    await store.aclose()


async def test_vectors_of_a_model_that_nobody_serves_go_after_a_day(tmp_path):
    store, clock = await fill(tmp_path), FakeClock()
    old = worker(tmp_path, embedder=CountingEmbedder(name="-old"), clock=clock)
    await old.once()
    await old.aclose()
    new = worker(tmp_path, clock=clock)
    await new.once()
    assert await store.vector_count(old.embedder.fingerprint) == len(WARDROBE)  # another host may still serve them
    clock.turn(days=2)
    await new.once()
    assert await store.vector_count(old.embedder.fingerprint) == 0
    assert await store.vector_count(new.embedder.fingerprint) == len(WARDROBE)
    await new.aclose()
    await store.aclose()


async def test_another_model_takes_over_when_everything_is_embedded(tmp_path):
    store = await fill(tmp_path)
    old = worker(tmp_path, embedder=CountingEmbedder(name="-old"))
    await old.once()
    await old.aclose()
    async with Running(worker(tmp_path)) as new:
        await until(lambda: new.status.snapshots == 1)
        meta = read_meta(new.folder.current())
        assert (meta["fingerprint"], meta["with_vector"]) == (new.embedder.fingerprint, len(WARDROBE))
    await store.aclose()


def test_a_store_in_memory_has_no_worker():
    with pytest.raises(ConfigError, match="other processes"):
        make_worker(Config(store="memory://", model=""))
