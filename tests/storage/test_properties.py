"""Any sequence of changes leaves memory, SQLite, PostgreSQL and a plain dict in the same state."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_sdk.errors import StoreError
from reco_sdk.interactions.interaction import KINDS, Interaction
from reco_sdk.items.item import Item
from reco_sdk.storage.memory import MemoryStore
from reco_sdk.storage.postgres import PostgresStore
from reco_sdk.storage.sqlite import SqliteStore

ids = st.sampled_from(["a", "b", "c", "é", "👗", "10", "9"])
items = st.builds(
    lambda item_id, price, title: Item(id=item_id, title=title, price=price),
    ids,
    st.sampled_from([1.0, 2.5]),
    st.sampled_from("xy"),
)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("upsert"), st.lists(items, max_size=5, unique_by=lambda item: item.id)),
        st.tuples(st.just("delete"), st.lists(ids, max_size=4)),
    ),
    max_size=12,
)
texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
interactions = st.lists(
    st.builds(
        lambda kind, item_id, visitor_id, at, value, event_id: Interaction(
            kind=kind, item_id=item_id, visitor_id=visitor_id, at=at, value=value, event_id=event_id, query="q"
        ),
        st.sampled_from(sorted(KINDS)),
        texts,
        texts,
        st.datetimes(),
        st.none() | st.floats(min_value=0, max_value=5),
        st.sampled_from("abcdef"),
    ),
    max_size=8,
)
examples = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def on_all(postgres_server, migrated):
    """Run an async check on every store, and see that all answer the same."""

    async def main(check, dsn):
        answers = []
        with TemporaryDirectory() as folder:
            for store in (MemoryStore(), SqliteStore(Path(folder) / "shop.sqlite3"), PostgresStore(dsn)):
                await store.open()
                try:
                    answers.append(await check(store))
                finally:
                    await store.aclose()
        return answers

    def run(check):
        dsn = postgres_server.create(migrated)
        memory, sqlite, postgres = asyncio.run(main(check, dsn))
        postgres_server.drop(dsn)
        assert memory == sqlite == postgres

    return run


@examples
@given(operations=operations, page=st.integers(1, 4))
def test_items(on_all, operations, page):
    async def check(store):
        oracle, observed, replayed, cursor = {}, [], {}, 0
        for name, batch in operations:
            if name == "upsert":
                before = await store.item_version()
                report = await store.upsert_items(batch)
                fresh = [item for item in batch if oracle.get(item.id) != item]
                assert report.inserted == sum(item.id not in oracle for item in batch)
                assert report.inserted + report.changed == len(fresh) == report.version - before
                assert report.unchanged == len(batch) - len(fresh)
                oracle.update({item.id: item for item in batch})
                observed.append(report)
            else:
                assert await store.delete_items(batch) == len({item_id for item_id in batch if item_id in oracle})
                for item_id in batch:
                    oracle.pop(item_id, None)
            for change in await store.changes_since(cursor, limit=page):  # a reader that lags behind
                cursor = change.version
                replayed[change.item_id] = change.item
        while changes := await store.changes_since(cursor, limit=page):
            for change in changes:
                assert change.version > cursor
                cursor = change.version
                replayed[change.item_id] = change.item
        assert {key: item for key, item in replayed.items() if item is not None} == oracle
        assert await store.get_items([*"abcé👗", "10", "9"]) == oracle
        assert await store.content_hashes(list(oracle)) == {key: item.content_hash for key, item in oracle.items()}
        assert await store.item_count() == len(oracle)
        walked = [change async for batch in store.iter_items(page) for change in batch]
        assert [change.item_id for change in walked] == sorted(oracle)
        return observed, walked, await store.changes_since(0), await store.item_version()

    on_all(check)


@examples
@given(batches=st.lists(interactions, max_size=4), page=st.integers(1, 3))
def test_interactions(on_all, batches, page):
    async def check(store):
        oracle = {}
        for batch in batches:
            new = {}
            for interaction in batch:
                if interaction.event_id not in oracle:
                    new.setdefault(interaction.event_id, interaction)
            assert await store.append_interactions(batch) == len(new)
            oracle.update(new)
        read, cursor = [], 0
        while stored := await store.interactions_since(cursor, limit=page):
            cursor = stored[-1].sequence
            read += stored
        assert [s.interaction for s in read] == list(oracle.values())
        assert await store.interaction_sequence() == cursor
        assert await store.recent_interactions(page) == read[-page:]
        return [s.interaction for s in read], await store.interaction_counts()

    on_all(check)


@examples
@given(
    batches=st.lists(st.dictionaries(st.sampled_from("abc"), st.lists(st.floats(width=32), min_size=1, max_size=3)), max_size=4)
)
def test_vectors(on_all, batches):
    async def check(store):
        outcomes = []
        for batch in batches:
            try:
                await store.put_vectors("m", {key: np.array(values, dtype=np.float32) for key, values in batch.items()})
            except StoreError as error:
                outcomes.append((type(error), str(error).partition(": ")[2] or str(error)))
        found = await store.get_vectors("m", list("abc"))
        assert len({vector.shape for vector in found.values()}) <= 1
        assert all(np.isfinite(vector).all() for vector in found.values())
        return outcomes, {key: vector.tobytes() for key, vector in found.items()}

    on_all(check)
