"""Store, live state and slates stay in step: through syncs, deletions, models that change, and everything that fails."""

import asyncio
import errno
import resource
import shutil
import sqlite3
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk import Item
from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.errors import (
    BuildInProgress,
    InvalidInteraction,
    InvalidItem,
    InvalidRequest,
    ModelNotFound,
    NotRunning,
    SnapshotError,
    StoreError,
    StoreTooNew,
)
from tests.core.support import (
    NOON,
    WARDROBE,
    CountingEmbedder,
    FakeClock,
    MissingModel,
    act,
    purchase,
    recommender,
    until,
    view,
)


@pytest.fixture
async def reco():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        yield reco


def popularity(reco):
    """Return the decayed weight of every item that has one, in views of now."""
    state = reco.engine.state
    return {state.view.item_id(row): value for row, value in enumerate(state.orders.popular.tolist()) if value > 0}


def changed(item_id, **fields):
    return replace(next(i for i in WARDROBE if i.id == item_id), **fields)


# -- batches


async def test_a_batch_with_one_id_twice_stores_nothing(reco):
    with pytest.raises(InvalidItem, match=r"'new'.*stands twice"):
        await reco.upsert_items([Item(id="ok", title="x"), Item(id="new", title="x"), Item(id="new", title="y")])
    assert await reco.store.item_count() == len(WARDROBE)
    assert reco.engine.state.view.row("ok") == -1


async def test_a_batch_that_fails_while_it_is_made_stores_nothing(reco):
    def batch():
        yield Item(id="ok", title="x")
        yield Item(id="bad", title="x", price=float("nan"))

    with pytest.raises(InvalidItem, match="'bad'"):
        await reco.upsert_items(batch())
    assert await reco.store.item_count() == len(WARDROBE)


async def test_what_is_no_item_is_refused(reco):
    with pytest.raises(InvalidItem, match="dict"):
        await reco.upsert_items([{"id": "a", "title": "x"}])


async def test_storing_again_changes_nothing(reco):
    report = await reco.upsert_items(WARDROBE)
    assert (report.inserted, report.changed, report.unchanged) == (0, 0, len(WARDROBE))
    version = reco.engine.state.view.version
    await reco.upsert_items(WARDROBE)
    assert reco.engine.state.view.version == version


async def test_nothing_is_a_batch_too(reco):
    assert (await reco.upsert_items([])).inserted == 0
    assert await reco.delete_items([]) == 0
    assert await reco.delete_items(["gone", "\ud800"]) == 0
    await reco.record_many([])


# -- interactions


async def test_a_time_that_cannot_be_refuses_the_whole_batch(reco):
    for wrong in (NOON + timedelta(hours=1), NOON - timedelta(days=3_652)):
        with pytest.raises(InvalidInteraction, match="at"):
            await reco.record_many([view("boots"), view("hose", at=wrong)])
    assert reco.recorder.pending == 0
    assert not reco.tracker.history("v1", None, NOON.timestamp())
    with pytest.raises(InvalidInteraction, match="future"):
        await reco.import_interactions([view("hose", at=NOON + timedelta(hours=1))])
    assert await reco.import_interactions([view("hose", at=NOON - timedelta(days=3_652))]) == 1


@pytest.mark.parametrize("synced", [False, True])
async def test_an_interaction_waits_for_its_item(reco, synced):
    await reco.record_many([view("late", ago=10), purchase("late", "v2", ago=10)])
    await reco.flush()
    if synced:
        await reco.sync()
    assert "late" not in popularity(reco)
    await reco.upsert_items([Item(id="late", title="Late arrival")])
    assert (await reco.recommend(strategy="recently_viewed", visitor_id="v1")).ids == ("late",)
    assert (await reco.recommend(strategy="bestsellers", n=1)).ids == ("late",)
    assert popularity(reco)["late"] == 1.0
    await reco.sync()
    assert (await reco.recommend(strategy="bestsellers", n=1)).ids == ("late",)


async def test_the_same_event_counts_once(reco):
    event = purchase("boots", event_id="order-1-line-1")
    await reco.record(event)
    await reco.record(view("hose", "v3"))
    await reco.record_many([event, event])
    await reco.record(purchase("boots", "v2", event_id="order-1-line-1"))
    await reco.flush()
    await reco.refresh()
    assert popularity(reco) == pytest.approx({"boots": 1.0, "hose": np.log1p(1) / np.log1p(5)})
    assert await reco.store.interaction_counts() == {"purchase": 1, "view_item": 1}
    assert len(reco.tracker.history("v1", None, NOON.timestamp())) == 1


async def test_flush_refresh_and_sync_never_double_what_one_recorded(reco):
    for n in range(3):
        await reco.record(view("boots", f"b{n}"))
    await reco.record(view("hose", "h"))
    await reco.flush()
    wanted = popularity(reco)
    assert wanted["boots"] == 1.0
    assert wanted["hose"] == pytest.approx(np.log1p(1) / np.log1p(3))
    for step in (reco.flush, reco.refresh, reco.sync, reco.refresh, reco.flush, reco.sync):
        await step()
        assert popularity(reco) == pytest.approx(wanted)
        assert len(reco.tracker.history("b1", None, NOON.timestamp())) == 1


async def test_what_is_recorded_while_a_snapshot_is_taken_over_counts_once(reco, monkeypatch):
    await reco.record(view("boots", "b1"))
    read = type(reco.store).interactions_since
    recorded = []

    async def slow(store, *args):
        if reco._follower._next_live is not None and len(recorded) < 3:
            recorded.append(1)
            await reco.record(view("hose", f"h{len(recorded)}"))
            await reco.recorder.flush()
        return await read(store, *args)

    monkeypatch.setattr(type(reco.store), "interactions_since", slow)
    await reco.sync()
    monkeypatch.undo()
    assert len(recorded) == 3
    await reco.flush()
    await reco.refresh()
    wanted = {"hose": 1.0, "boots": np.log1p(1) / np.log1p(3)}
    assert popularity(reco) == pytest.approx(wanted)
    await reco.sync()
    assert popularity(reco) == pytest.approx(wanted)


async def test_login_joins_purchases_of_the_browser_wherever_they_are_counted():
    for synced in (False, True):
        async with recommender() as reco:
            await reco.upsert_items(WARDROBE)
            await reco.record_many([purchase("rake", "v1"), view("hose", "v1", ago=5)])
            await reco.flush()
            if synced:
                await reco.sync()
            await reco.alias("v1", "u1")
            assert "rake" not in (await reco.similar_items("hose", user_id="u1")).ids
            assert "rake" not in (await reco.similar_items("hose", visitor_id="phone", user_id="u1")).ids
            assert "rake" in (await reco.similar_items("hose", user_id="u2")).ids
            assert (await reco.recommend(strategy="recently_viewed", user_id="u1")).ids == ("hose",)
            await reco.sync()
            assert "rake" not in (await reco.similar_items("hose", user_id="u1")).ids


async def test_a_refund_of_a_changed_item_is_seen(reco):
    await reco.record(purchase("rake"))
    await reco.sync()
    await reco.upsert_items([changed("rake", price=17.0)])
    assert "rake" not in (await reco.similar_items("hose", visitor_id="v1")).ids
    await reco.record(act("refund", "rake"))
    assert "rake" in (await reco.similar_items("hose", visitor_id="v1")).ids


async def test_many_items_are_counted_live():
    items = [Item(id=f"i{n}", title=f"Thing {n}") for n in range(700)]
    async with recommender() as reco:
        await reco.upsert_items(items, embed=False)
        await reco.record_many([view(i.id, f"v{n % 50}") for i in items for n in range(1 + (i.id == "i699"))])
        await reco.flush()
        assert len(popularity(reco)) == 700
        assert (await reco.recommend(strategy="trending", n=1)).ids == ("i699",)


# -- searches


async def test_a_search_joins_the_session_once_its_vector_is_known(reco):
    await reco.sync()
    before = await reco.recommend(visitor_id="v1", n=2)
    await reco.record(act("search", query="silk evening dress"))
    await reco.recommend(visitor_id="v1", n=2)  # perhaps before the vector is there: nothing of it may be kept
    await until(lambda: reco.engine.query_vectors)
    slate = await reco.recommend(visitor_id="v1", n=2)
    assert slate.ids[0] == "black-dress"
    assert (slate.tier, slate[0].reason) == ("personal", "Matches your search")
    assert before.tier == "popular"


async def test_a_search_recorded_in_another_thread_is_embedded_too(reco):
    await reco.sync()
    await asyncio.to_thread(lambda: reco.record_now([act("search", query="garden hose")]))
    await until(lambda: reco.engine.query_vectors)
    assert (await reco.recommend(visitor_id="v1", n=1)).ids == ("hose",)


async def test_a_search_is_enough_whatever_has_vectors():
    async with recommender(embedder=HashingEmbedder(64)) as reco:
        await reco.record(act("search", query="garden hose"))
        await until(lambda: len(reco._queries))
        assert len(await reco.recommend(visitor_id="v1")) == 0
        await reco.upsert_items(WARDROBE[:4], embed=False)
        embedder, reco.embedder = reco.embedder, None
        await reco.sync()  # a snapshot in which nothing has a vector
        assert len(await reco.recommend(visitor_id="v1", n=4)) == 4
        reco.embedder = embedder
        await reco.upsert_items(WARDROBE[4:])
        assert (await reco.recommend(visitor_id="v1", n=8)).ids[0] == "hose"
        await reco.record_many([view("boots", ago=20), view("kettle", ago=10)])
        assert len(await reco.recommend(visitor_id="v1", n=8)) == 6
        assert len(await reco.recommend(strategy="similar_items", seeds=["boots", "hose"], n=8)) == 6


async def test_searches_outlive_a_new_snapshot(reco):
    await reco.record(act("search", query="garden hose"))
    await until(lambda: reco.engine.query_vectors)
    for _ in range(2):
        await reco.sync()
        assert (await reco.recommend(visitor_id="v1", n=1)).ids == ("hose",)


# -- delta + snapshot = rebuild

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("upsert"), st.sampled_from(["a", "b", "c", "d", "e"]), st.sampled_from(["red dress", "garden hose"])),
        st.tuples(st.just("delete"), st.sampled_from(["a", "b", "c", "d", "e"]), st.just("")),
        st.tuples(
            st.sampled_from(["view_item", "purchase", "refund", "dismiss"]),
            st.sampled_from(["a", "b", "c", "d", "e"]),
            st.sampled_from(["v1", "v2"]),
        ),
        st.tuples(st.just("sync"), st.just(""), st.just("")),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None)
@given(OPERATIONS)
def test_the_delta_and_a_rebuild_say_the_same(operations):
    async def answers(reco):
        out = {}
        for strategy in ("bestsellers", "trending"):
            out[strategy] = (await reco.recommend(strategy=strategy, n=9)).ids
        state = reco.engine.state
        out["popular"] = [
            state.view.item_id(row)
            for row in state.orders.popular_rows.tolist()
            if state.view.alive[row] and state.orders.popular[row] > 0
        ]
        out["weights"] = {i: round(v, 9) for i, v in popularity(reco).items() if state.view.row(i) >= 0}
        out["alive"] = sorted(state.view.item_id(row) for row in np.flatnonzero(state.view.alive))
        return out

    async def play():
        async with recommender() as reco:
            stored = {}
            for kind, what, value in operations:
                if kind == "upsert":
                    stored[what] = Item(id=what, title=f"{value} {what}")
                    await reco.upsert_items([stored[what]])
                elif kind == "delete":
                    stored.pop(what, None)
                    await reco.delete_items([what])
                elif kind == "sync":
                    await reco.sync()
                else:
                    await reco.record(act(kind, what, value))
            await reco.flush()
            before = await answers(reco)
            assert before["alive"] == sorted(stored)
            await reco.sync()
            after = await answers(reco)
            ties = {name for name in ("bestsellers", "trending", "popular") if sorted(before[name]) == sorted(after[name])}
            assert ties == {"bestsellers", "trending", "popular"}
            assert {k: v for k, v in before.items() if k in {"weights", "alive"}} == {
                k: v for k, v in after.items() if k in {"weights", "alive"}
            }

    asyncio.run(play())


async def test_deleted_is_deleted_and_back_is_back(reco):
    await reco.sync()
    assert await reco.delete_items(["blue-dress", "gone"]) == 1
    for _ in range(2):
        assert "blue-dress" not in (await reco.similar_items("red-dress", n=8)).ids
        await reco.sync()
    await reco.upsert_items([changed("blue-dress")])
    for _ in range(2):
        assert (await reco.similar_items("red-dress", n=8)).ids[0] == "blue-dress"
        await reco.sync()


async def test_a_changed_item_keeps_its_popularity(reco):
    await reco.record(purchase("kettle"))
    await reco.sync()
    await reco.upsert_items([changed("kettle", title="Red enamel kettle")])
    assert (await reco.recommend(strategy="bestsellers", n=1)).ids == ("kettle",)
    assert popularity(reco)["kettle"] == 1.0


async def test_a_delta_that_grows_too_large_is_built_by_itself():
    async with recommender(delta_limit=3, poll_interval_seconds=0.02) as reco:
        await reco.upsert_items(WARDROBE)
        await until(lambda: not len(reco.engine.state.view.delta))
        assert reco._follower.base.meta["items"] == len(WARDROBE)


async def test_a_build_that_fails_is_not_tried_at_every_poll():
    tries = []

    class Broken(MissingModel):
        @property
        def fingerprint(self):
            tries.append(1)
            raise ModelNotFound("no model")

    async with recommender(embedder=Broken(), delta_limit=3, poll_interval_seconds=0.01) as reco:
        await reco.upsert_items(WARDROBE)
        await until(lambda: "build" in reco._troubles)
        before = sum(t.get_name() == "reco-build" for t in reco._tasks)
        await asyncio.sleep(0.2)
        assert before == sum(t.get_name() == "reco-build" for t in reco._tasks) == 0
        assert len(await reco.recommend(n=3)) == 3


# -- models


async def test_an_unchanged_text_is_never_embedded_twice(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    first = CountingEmbedder()
    async with recommender(url, embedder=first) as reco:
        await reco.upsert_items(WARDROBE)
        report = await reco.sync()
        assert (report.items, report.with_vector, report.embedded, report.reused) == (8, 8, 0, 8)
        await reco.upsert_items([changed("boots", price=1.0)])
        assert len(first.texts) == len(WARDROBE)
    again = CountingEmbedder()
    async with recommender(url, embedder=again) as reco:
        assert (await reco.sync()).embedded == 0
    assert again.texts == []


async def test_another_model_re_embeds_into_a_new_snapshot_while_the_old_one_serves(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    async with recommender(url, embedder=CountingEmbedder(64, "old")) as reco:
        await reco.upsert_items(WARDROBE)
        await reco.sync()
    other = CountingEmbedder(32, "new")
    async with recommender(url, embedder=other) as reco:
        assert (await reco.similar_items("red-dress", n=1)).ids == ("blue-dress",)
        assert other.texts == []
        assert any("built with model" in problem for problem in (await reco.doctor()).problems)
        await reco.upsert_items([Item(id="green-dress", title="Green linen summer dress", categories=["Women > Dresses"])])
        assert "green-dress" in (await reco.similar_items("red-dress", n=8)).ids  # by category, until the model's own snapshot
        await reco.record(act("search", query="garden hose"))
        await until(lambda: len(reco._queries))
        assert not reco.engine.query_vectors  # the old snapshot does not speak the new model's language
        report = await reco.sync()
        assert report.embedded == len(WARDROBE)
        assert reco.engine.query_vectors
        assert reco._follower.base.dimension == 32
        assert "green-dress" in (await reco.similar_items("red-dress", n=2)).ids
        assert (await reco.doctor()).healthy


async def test_a_missing_model_leaves_items_stored_and_popular_answers():
    async with recommender(embedder=MissingModel()) as reco:
        report = await reco.upsert_items(WARDROBE)
        assert report.inserted == len(WARDROBE)
        await reco.record(purchase("kettle", "v2"))
        await reco.flush()
        slate = await reco.recommend(visitor_id="v1", n=8)
        assert (slate.ids[0], len(slate), slate.tier) == ("kettle", 8, "popular")
        assert "black-dress" in (await reco.similar_items("red-dress", n=2)).ids  # by category
        with pytest.raises(ModelNotFound):
            await reco.sync()
        diagnosis = await reco.doctor()
        assert not diagnosis.healthy
        assert any("/models/gone" in problem for problem in diagnosis.problems)
        assert any("8 items have no vector" in problem for problem in diagnosis.problems)


async def test_what_was_mended_is_no_trouble_any_more(reco):
    working, reco.embedder = reco.embedder, MissingModel()
    await reco.upsert_items([Item(id="x", title="Unembedded")])
    assert reco.last_error is not None
    reco.embedder = working
    await reco.sync()
    assert reco.last_error is None
    assert (await reco.doctor()).problems == ()


async def test_the_doctor_says_what_is_missing():
    async with recommender() as reco:
        assert any("no items" in problem for problem in (await reco.doctor()).problems)
        await reco.upsert_items(WARDROBE)
        assert (await reco.doctor()).problems == ("there is no snapshot yet; run sync",)
        await reco.sync()
        diagnosis = await reco.doctor()
        assert diagnosis.healthy
        assert diagnosis.facts["items"] == diagnosis.facts["rows"] == len(WARDROBE)


async def test_items_stored_without_embedding_are_embedded_by_the_next_sync():
    embedder = CountingEmbedder()
    async with recommender(embedder=embedder) as reco:
        await reco.upsert_items(WARDROBE, embed=False)
        assert embedder.texts == []
        assert (await reco.sync()).embedded == len(WARDROBE)


# -- snapshots that fail


async def test_a_flipped_byte_is_refused_logged_and_the_one_before_serves(tmp_path, caplog):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    async with recommender(url) as reco:
        await reco.upsert_items(WARDROBE)
        good = (await reco.sync()).snapshot
        await reco.upsert_items([changed("boots", title="Black leather winter boots")])
        bad = (await reco.sync()).snapshot
    damaged = max(bad.iterdir(), key=lambda path: path.stat().st_size * (path.suffix == ".npy"))
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.chmod(0o644)
    damaged.write_bytes(content)
    async with recommender(url) as reco:
        assert reco._follower.base.path == good
        assert "refused" in caplog.text
        assert damaged.stem in caplog.text
        slate = await reco.similar_items("red-dress", n=8)
        assert slate.ids[0] == "blue-dress"
        row = reco.engine.state.view.row("boots")
        assert reco.engine.state.view.title(row) == "Black leather winter boots"  # the delta since the good one is complete
        assert any("damaged" in problem for problem in (await reco.doctor()).problems)
        caplog.clear()
        await reco.refresh()
        assert "refused" not in caplog.text  # once is enough
        await reco.sync()
        assert (await reco.doctor()).healthy


async def test_when_no_snapshot_is_good_the_store_serves(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    async with recommender(url) as reco:
        await reco.upsert_items(WARDROBE)
        only = (await reco.sync()).snapshot
    (only / "manifest.json").chmod(0o644)
    (only / "manifest.json").write_text("{}")
    async with recommender(url) as reco:
        assert reco._follower.base.path is None
        assert (await reco.similar_items("red-dress", n=1)).ids == ("blue-dress",)


async def test_a_snapshot_that_lacks_what_this_release_needs_is_refused(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    async with recommender(url) as reco:
        await reco.upsert_items(WARDROBE)
        await reco.sync()
    monkeypatch.setattr("reco_sdk.snapshot.base.SessionTable.from_arrays", lambda array: array("an_array_of_next_year"))
    async with recommender(url) as reco:
        assert (await reco.similar_items("red-dress", n=1)).ids == ("blue-dress",)
        assert any("refused" in problem for problem in (await reco.doctor()).problems)


async def test_the_state_folder_may_be_deleted(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    async with recommender(url) as reco:
        await reco.upsert_items(WARDROBE)
        await reco.record(purchase("kettle"))
        await reco.sync()
        before = popularity(reco)
    shutil.rmtree(f"{tmp_path}/shop.sqlite3.state")
    async with recommender(url) as reco:
        assert popularity(reco) == pytest.approx(before)
        assert (await reco.similar_items("red-dress", n=1)).ids == ("blue-dress",)
        await reco.sync()
        assert popularity(reco) == pytest.approx(before)


@pytest.fixture
def full_disk():
    """Let this process write no file over 4 KB, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(limit=4_096):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))

    yield fill
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_leaves_the_earlier_snapshot_serving(tmp_path, full_disk):
    items = [Item(id=f"i{n}", title=f"Red dress number {n}") for n in range(100)]
    async with recommender(state_dir=str(tmp_path)) as reco:
        await reco.upsert_items(items[:50])
        good = (await reco.sync()).snapshot
        await reco.upsert_items(items[50:])
        before = (await reco.similar_items("i1", n=90)).ids
        full_disk()
        with pytest.raises(SnapshotError, match="no snapshot was written"):
            await reco.sync()
        full_disk(-1)
        assert reco.folder.current() == reco._follower.base.path == good
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([good.name, "CURRENT", "build.lock"])
        assert (await reco.similar_items("i1", n=90)).ids == before
        assert (await reco.sync()).items == 100


async def test_a_full_disk_under_the_store_keeps_interactions(tmp_path, monkeypatch, caplog):
    async with recommender(f"sqlite:///{tmp_path}/shop.sqlite3", flush_interval_seconds=0.02) as reco:
        await reco.upsert_items(WARDROBE)
        append = type(reco.store).append_interactions

        async def full(*_):
            raise StoreError("no space") from OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(type(reco.store), "append_interactions", full)
        await reco.record(purchase("boots"))
        await until(lambda: reco.recorder.counts.failed_writes > 1)
        assert "boots" not in (await reco.recommend(visitor_id="v1")).ids  # the page goes on and knows it
        monkeypatch.setattr(type(reco.store), "append_interactions", append)
        await until(lambda: not any(reco.recorder.counts.at_risk.values()))
        assert await reco.store.interaction_counts() == {"purchase": 1}


async def test_two_builders_at_once(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.sqlite3"
    async with recommender(url) as one, recommender(url) as other:
        await one.upsert_items(WARDROBE)
        outcomes = await asyncio.gather(one.sync(), other.sync(), return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["BuildInProgress", "SyncReport"]
        assert isinstance(next(o for o in outcomes if isinstance(o, Exception)), BuildInProgress)
        await other.refresh()
        assert other._follower.base.path == one._follower.base.path or await one.refresh()


async def test_a_store_from_a_newer_release_is_refused(tmp_path):
    path = tmp_path / "shop.sqlite3"
    async with recommender(f"sqlite:///{path}"):
        pass
    database = sqlite3.connect(path)
    with database:
        database.execute("INSERT INTO reco_migration VALUES ('9999_future', 'x', 'y')")
    database.close()
    reco = recommender(f"sqlite:///{path}")
    with pytest.raises(StoreTooNew, match="upgrade"):
        await reco.start()
    with pytest.raises(NotRunning):
        await reco.recommend()


# -- following


async def test_a_store_that_fails_for_a_while_is_followed_again(reco, monkeypatch, caplog):
    for failure in (StoreError("gone for a while"), OverflowError("a surprise")):

        async def fail(*_, failure=failure):
            raise failure

        with monkeypatch.context() as patched:
            patched.setattr(type(reco.store), "changes_since", fail)
            object.__setattr__(reco, "config", replace(reco.config, poll_interval_seconds=0.01))
            task = asyncio.get_running_loop().create_task(reco._follow())
            await until(lambda: reco.last_error)
            assert str(failure) in reco.last_error
            assert len(await reco.recommend(n=3)) == 3
        await until(lambda: reco.last_error is None)
        task.cancel()


async def test_nothing_runs_before_it_is_open_or_after_it_is_closed():
    reco = recommender()
    for _ in range(2):
        for call in (
            reco.recommend,
            lambda: reco.similar_items("a"),
            lambda: reco.record(view("a")),
            lambda: reco.upsert_items([]),
            lambda: reco.delete_items([]),
            lambda: reco.alias("v", "u"),
            reco.flush,
            reco.sync,
            reco.refresh,
            reco.doctor,
            lambda: reco.import_interactions([]),
            lambda: reco.similar_sessions(visitor_id="v"),
        ):
            with pytest.raises(NotRunning, match="open"):
                await call()
        async with reco:
            pass
        await reco.aclose()


async def test_what_fails_while_it_opens_leaves_it_closed(monkeypatch):
    reco = recommender()

    async def fail(*_):
        raise StoreError("not now")

    with monkeypatch.context() as patched:
        patched.setattr(type(reco.store), "interactions_since", fail)
        with pytest.raises(StoreError):
            await reco.start()
    with pytest.raises(NotRunning):
        await reco.recommend()
    async with reco:
        assert len(await reco.recommend()) == 0


# -- sessions


@pytest.mark.parametrize("graph", [False, True])
async def test_a_session_like_this_one_is_found(graph, monkeypatch):
    if graph:
        pytest.importorskip("hnswlib")
        monkeypatch.setattr("reco_sdk.snapshot.builder.SESSION_EXACT_LIMIT", 2)
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        assert await reco.similar_sessions(visitor_id="v1") == []
        await reco.record_many([view("red-dress", "a", ago=900), view("black-dress", "a", ago=800)])
        await reco.record_many([view("hose", "b", ago=700), purchase("rake", "b", ago=600)])
        await reco.record_many([view("boots", "c", ago=500), view("sneakers", "c", ago=400)])
        await reco.sync()
        assert ("sessions.bin" in reco._follower.base.snapshot.file_names) is graph
        await reco.record_many([view("blue-dress", "me", ago=20), view("red-dress", "me", ago=10)])
        found = await reco.similar_sessions(visitor_id="me", k=3)
        assert len(found) == 3
        assert found[0].item_ids == ("red-dress", "black-dress")
        assert found[0].at == (NOON - timedelta(seconds=800)).timestamp()
        assert [s.score for s in found] == sorted((s.score for s in found), reverse=True)
        await reco.record(view("rake", "gardener"))
        assert (await reco.similar_sessions(visitor_id="gardener", k=1))[0].item_ids == ("hose", "rake")
        assert await reco.similar_sessions(visitor_id="stranger") == []
        with pytest.raises(InvalidRequest, match="k"):
            await reco.similar_sessions(visitor_id="me", k=0)


async def test_a_restart_remembers_visitors_aliases_and_counts(tmp_path):
    url, clock = f"sqlite:///{tmp_path}/shop.sqlite3", FakeClock()
    async with recommender(url, clock=clock) as reco:
        await reco.upsert_items(WARDROBE)
        await reco.record_many([view("boots", ago=50), view("hose", ago=40)])
        await reco.sync()
        await reco.record(view("kettle", ago=30))
        await reco.alias("v1", "u1")
        await reco.flush()
        before = popularity(reco)
    async with recommender(url, clock=clock) as reco:
        assert popularity(reco) == pytest.approx(before)
        assert (await reco.recommend(strategy="recently_viewed", user_id="u1")).ids == ("kettle", "hose", "boots")
