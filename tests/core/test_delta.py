"""What differs from the snapshot, and how it is kept small."""

import time

import pytest

from reco_sdk import Item, following
from reco_sdk import delta as module
from reco_sdk.delta import Delta
from reco_sdk.embedding.sync import embed_items
from reco_sdk.ports import ItemChange
from reco_sdk.reading import MODEL

from .support import WARDROBE, CountingEmbedder, recommender


def take(delta, *items, room=2):
    for version, item in enumerate(items, delta.version + 1):
        change = ItemChange(version, item, None) if isinstance(item, str) else ItemChange(version, item.id, item)
        delta.take(change, room)
        delta.version = version
    return delta


def item(name, **fields):
    return Item(id=name, title=name, **fields)


def test_what_comes_above_the_room_waits_unless_it_went():
    delta = take(Delta(), item("a"), item("b"), item("c"), item("d", quantity=0))
    assert set(delta.changed) == {"a", "b"}
    assert delta.waiting == {"c", "d"}
    assert delta.deleted == {"d"}
    assert delta.size == 4
    take(delta, item("a", price=2), "c", "b", item("d"))
    assert set(delta.changed) == {"a", "d"}  # what is served already may change, and room was made
    assert delta.changed["a"].price == 2
    assert (delta.waiting, delta.deleted) == (set(), {"b", "c"})


@pytest.fixture
async def web(tmp_path):
    """A process without a model, beside one that has it."""
    async with recommender(f"sqlite:///{tmp_path}/shop.sqlite3", model="") as reco:
        reco.embedder = None
        reco._queries._embedder = None
        yield reco


async def test_an_item_without_a_vector_is_recommended_and_its_vector_is_taken_over_when_it_comes(web):
    embedder = CountingEmbedder()
    await web.store.put_state(MODEL, embedder.fingerprint)
    await web.upsert_items(WARDROBE)
    assert not web.engine.state.view.has_vector.any()
    found = await web.similar_items("red-dress", n=3)
    assert set(found.ids) >= {"blue-dress", "black-dress"}  # its category
    assert set((await web.recommend(n=8)).ids) == {item.id for item in WARDROBE}
    await embed_items(web.store, embedder, WARDROBE)
    assert await web.refresh() is True
    assert web.engine.state.view.has_vector.all()
    assert (await web.similar_items("red-dress", n=1)).ids == ("blue-dress",)


async def test_missing_vectors_are_looked_for_ever_less_often(web, monkeypatch):
    now, asked = [1_000.0], []
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    read = web.store.get_vectors

    async def counted(fingerprint, hashes):
        asked.append(len(hashes))
        return await read(fingerprint, hashes)

    monkeypatch.setattr(web.store, "get_vectors", counted)
    await web.store.put_state(MODEL, "some model")
    await web.upsert_items(WARDROBE)
    web._follower._reader._shortest_wait = 0.25
    asked.clear()
    for _ in range(2_400):  # ten minutes
        now[0] += 0.25
        await web._follower.follow()
    assert 5 < len(asked) < 40
    asked.clear()
    await web.store.upsert_items([item("new")])
    await web._follower.follow()
    assert asked == [1]  # the new one alone
    for _ in range(8):
        now[0] += 0.25
        await web._follower.follow()
    assert len(asked) >= 3  # somebody may embed now: often again


async def test_a_catalogue_that_arrives_at_once_waits_for_the_snapshot(tmp_path):
    many = [item(f"thing {n}") for n in range(100)]
    async with recommender(f"sqlite:///{tmp_path}/shop.sqlite3", delta_limit=4) as reco:
        reco._builds = False
        await reco.upsert_items(many, embed=False)
        assert len(reco.engine.state.view) == module.ROOM * 4
        assert reco._follower.delta_size == 100
        await reco.sync()
        assert (len(reco.engine.state.view), reco._follower.delta_size) == (100, 0)
        await reco.upsert_items([item(f"thing {n}", price=3) for n in range(30)], embed=False)
        assert int(reco.engine.state.view.alive.sum()) == 100  # what has no room keeps its old state
        await reco.upsert_items([item("thing 29", quantity=0)], embed=False)
        await reco.delete_items(["thing 28", "thing 90"])
        view = reco.engine.state.view
        assert [view.row(f"thing {n}") for n in (28, 29, 90)] == [-1, -1, -1]
        await reco.sync()
        assert int(reco.engine.state.view.alive.sum()) == 98


async def test_changes_without_a_pause_are_taken_over_together(tmp_path, monkeypatch):
    now = [1_000.0]
    async with recommender(f"sqlite:///{tmp_path}/shop.sqlite3") as reco:
        follower = reco._follower
        monkeypatch.setattr("reco_sdk.following.time.monotonic", lambda: now[0])

        async def slow(*args, state=follower._state):
            now[0] += 0.1
            return await state(*args)

        monkeypatch.setattr(follower, "_state", slow)
        await reco.store.upsert_items([item("a")])
        assert await follower.follow()
        await reco.store.upsert_items([item("b")])
        assert not await follower.follow()  # a quarter of the time at most
        now[0] += 0.31
        assert await follower.follow()
        await reco.store.upsert_items([item("c")])
        assert await reco.refresh()  # who asks for it gets it
        assert reco.engine.state.view.row("c") >= 0


async def test_a_machine_that_is_busy_elsewhere_holds_up_no_change(web, monkeypatch):
    waited = 0.2

    class Held(following.View):
        def __init__(self, *arguments):
            time.sleep(waited)
            super().__init__(*arguments)

    await web.upsert_items(WARDROBE)
    monkeypatch.setattr(following, "View", Held)
    await web.store.upsert_items([item("hat")])
    assert await web.refresh() is True
    # What it computed counts, not how long it was kept from it: three times that, at a quarter of a core.
    assert web._follower._items_not_before < time.monotonic() + 3 * waited / 2
    assert web.engine.state.view.row("hat") >= 0
