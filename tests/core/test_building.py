"""When a snapshot is due, which one must not be served, and what is read beside it."""

import shutil
import time

import pytest

from reco_sdk import Item
from reco_sdk import building as module
from reco_sdk.building import PRUNED_BEFORE, Quiet, due, read_meta, refusal, store_id
from reco_sdk.items.text import DEFAULT_RECIPE
from reco_sdk.reading import MODEL

from .support import NOON, WARDROBE, CountingEmbedder, recommender, until, view


@pytest.fixture
async def reco(tmp_path):
    async with recommender(f"sqlite:///{tmp_path}/shop.sqlite3", snapshot_hours=24.0, delta_limit=3) as opened:
        await opened.upsert_items(WARDROBE[:3])
        yield opened


async def why(reco, *, hours=0.0, meta=True):
    return await due(
        reco.store,
        read_meta(reco.folder.current()) if meta else None,
        reco.config,
        recipe=DEFAULT_RECIPE,
        now=NOON.timestamp() + hours * 3_600,
    )


async def test_the_first_one_is_due_as_soon_as_there_are_items(reco):
    assert await why(reco) == "there is none"
    await reco.sync()
    assert await why(reco) is None
    await reco.delete_items([item.id for item in WARDROBE[:3]])
    assert await why(reco, meta=False) == "there is none"  # that they are gone is news for whoever reads the folder


async def test_many_changes_make_it_due_and_one_item_that_changes_often_does_not(reco):
    await reco.sync()
    for price in range(10):
        await reco.upsert_items([Item(id="red-dress", title="Red linen summer dress", price=price + 1)])
    assert await why(reco) is None
    await reco.upsert_items(WARDROBE[3:])
    assert "more than 3 items" in await why(reco)


async def test_age_makes_it_due_only_when_something_happened(reco):
    await reco.sync()
    assert await why(reco, hours=1_000) is None
    await reco.record(view("red-dress"))
    await reco.flush()
    assert await why(reco, hours=23) is None
    assert "hours old" in await why(reco, hours=25)


async def test_much_behaviour_makes_it_due_once_an_hour_at_most(reco, monkeypatch):
    monkeypatch.setattr("reco_sdk.building.LEARN_AFTER_INTERACTIONS", 2)
    await reco.sync()
    await reco.record_many([view("red-dress", f"v{n}") for n in range(3)])
    await reco.flush()
    assert await why(reco, hours=0.9) is None
    assert "more than 2 interactions came" in await why(reco, hours=1.1)


async def test_another_model_makes_it_due(reco):
    await reco.sync()
    await reco.store.put_state(MODEL, "another")
    assert "not another" in await why(reco)


async def test_vectors_that_came_later_make_it_due(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    embedder = CountingEmbedder()
    async with recommender(url, state_dir=str(tmp_path / "a"), embedder=embedder) as model:
        await model.upsert_items(WARDROBE[:2])
        await model.sync()
        async with recommender(url, state_dir=str(tmp_path / "b"), model="", embedder=None) as web:
            web.embedder = None
            await web.upsert_items(WARDROBE[2:])
            built = await web.sync()
            # The model is known from the store: what has a vector there has one here.
            assert (built.with_vector, web._follower.base.fingerprint) == (2, embedder.fingerprint)
            meta = read_meta(built.snapshot)
            args = {"recipe": DEFAULT_RECIPE, "now": NOON.timestamp()}
            assert await due(web.store, meta, web.config, **args) is None
            await model.sync()
            assert "have a vector by now" in await due(web.store, meta, web.config, **args)


async def test_what_must_not_be_served(reco):
    meta = read_meta((await reco.sync()).snapshot)
    assert await refusal(reco.store, meta) is None
    assert meta["store"] == await store_id(reco.store)
    assert "another store" in await refusal(reco.store, {**meta, "store": "f" * 32})
    assert "restored from a backup" in await refusal(reco.store, {**meta, "item_version": 10_000})
    await reco.store.put_state(PRUNED_BEFORE, str(NOON.timestamp() + 1))
    assert "older than the deletions" in await refusal(reco.store, meta)
    assert "older than the deletions" in await why(reco)


async def test_a_snapshot_of_another_store_is_passed_over_and_the_store_serves(tmp_path):
    async with recommender(f"sqlite:///{tmp_path}/one.sqlite3", state_dir=str(tmp_path / "state")) as one:
        await one.upsert_items([Item(id="phantom", title="Phantom linen dress"), *WARDROBE])
        await one.sync()
    async with recommender(f"sqlite:///{tmp_path}/other.sqlite3", state_dir=str(tmp_path / "state")) as other:
        assert other.engine.state.view.row("phantom") == -1
        await other.upsert_items(WARDROBE)
        assert "phantom" not in (await other.similar_items("red-dress", n=8)).ids
        assert (await other.sync()).items == len(WARDROBE)
        assert other._follower.base.path is not None


@pytest.mark.parametrize("text", ["", "{}", '{"content": {"meta": 3}}', "[]"])
def test_a_manifest_that_cannot_be_read_is_none(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    assert read_meta(tmp_path) is None
    assert read_meta(tmp_path / "gone") is None
    assert read_meta(None) is None


async def test_a_folder_that_was_removed_is_made_again(tmp_path):
    async with recommender(state_dir=str(tmp_path / "state"), poll_interval_seconds=0.02) as reco:
        await reco.upsert_items(WARDROBE)
        first = (await reco.sync()).snapshot
        shutil.rmtree((tmp_path / "state").rename(tmp_path / "gone"))  # at once: somebody may be building in it
        assert (await reco.similar_items("red-dress", n=3)).ids  # from pages that are mapped
        await until(lambda: reco.folder.current() is not None)
        await until(lambda: reco._follower.base.path == reco.folder.current())
        assert reco._follower.base.path != first


async def test_nobody_builds_by_itself_where_a_worker_lives(tmp_path):
    async with recommender(state_dir=str(tmp_path), delta_limit=1, poll_interval_seconds=0.02) as reco:
        lock = type(reco.folder)(tmp_path).worker_lock
        assert lock.acquire()
        await reco.upsert_items(WARDROBE)
        before = reco._follower.item_version
        for n in range(5):
            await reco.upsert_items([Item(id="hose", title=f"hose {n}")])
        assert reco._follower.item_version == before + 5
        assert reco.folder.current() is None
        lock.release()  # the system does it when the worker dies
        await until(lambda: reco.folder.current() is not None)


def test_quiet_comes_after_a_bulk(monkeypatch):
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    quiet, version = Quiet(), 0
    for _ in range(20):
        assert not quiet.has_come(version)
        now[0] += 0.25
        version += 500
    now[0] += 0.5
    quiet.has_come(version)
    now[0] += 0.5
    assert quiet.has_come(version)
    quiet.done()
    assert not quiet.has_come(version)


def test_a_bulk_without_an_end_is_not_waited_for_for_ever(monkeypatch):
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    quiet, version = Quiet(), 0
    while not quiet.has_come(version):
        now[0] += 1.0
        version += 10_000
    assert now[0] - 1_000.0 == pytest.approx(module.QUIET_PATIENCE_SECONDS, abs=2.0)
