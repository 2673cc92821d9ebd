"""The shop's own store: what is read of it, and the placements it is asked by."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from reco_sdk.cli import main
from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.embedding.sync import embed_items
from reco_sdk.errors import ConfigError
from reco_sdk.evaluation.contenders import simple_sources
from reco_sdk.evaluation.leakage import Guard
from reco_sdk.evaluation.placements import placement_split
from reco_sdk.evaluation.run import evaluate
from reco_sdk.evaluation.shop import read_shop
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.items.item import Item
from reco_sdk.items.text import DEFAULT_RECIPE
from reco_sdk.storage.memory import MemoryStore
from reco_sdk.storage.sqlite import SqliteStore

NOW = datetime.now(UTC).replace(microsecond=0)
START = NOW - timedelta(days=100)


def did(kind: str, item: str | None, day: float, *, visitor: str | None = None, user: str | None = None, **more) -> Interaction:
    at = START + timedelta(days=day)
    return Interaction(kind=kind, item_id=item, visitor_id=visitor, user_id=user, at=at, **more)


ITEMS = [
    Item(
        id=f"i{n}",
        title=f"{'mug' if n < 5 else 'hat'} {n}",
        categories=["Mugs" if n < 5 else "Hats"],
        brand="B" if n else None,
        price=n,
    )
    for n in range(10)
]
MINUTE = 1 / 1_440


async def read(store, interactions, items=ITEMS):
    await store.open()
    await store.upsert_items(items)
    await embed_items(store, HashingEmbedder(), items[:8])
    await store.append_interactions(interactions)
    return await read_shop(store, DEFAULT_RECIPE, HashingEmbedder().fingerprint, gap_seconds=1_800, name="shop")


LOG = [
    did("view_item", "i0", 0, visitor="v"),
    did("search", None, 0, visitor="v", query="mug"),
    did("view_item", "i1", MINUTE, user="ann"),
    did("rate", "i2", 2, user="ann", value=5),
    did("rate", "i3", 3, user="ann", value=1),
    did("view_item", "gone", 3, user="ann"),
    did("dismiss", "i4", 4, visitor="w"),
    did("view_item", "i5", 50, visitor="w"),
    # The last days: ann looks, puts in, buys; a stranger looks.
    did("view_item", "i0", 90, user="ann"),
    did("view_item", "i6", 90 + MINUTE, user="ann"),
    did("add_to_cart", "i6", 90 + 2 * MINUTE, user="ann"),
    did("add_to_cart", "i7", 90 + 3 * MINUTE, user="ann"),
    did("purchase", "i6", 90 + 4 * MINUTE, user="ann"),
    did("purchase", "i8", 90 + 4 * MINUTE, user="ann"),
    did("view_item", "i5", 100, visitor="stranger"),
    did("view_item", "i9", 100 + MINUTE, visitor="stranger"),
]


async def test_who_did_what_and_what_is_left_out():
    store = MemoryStore()
    await store.open()
    await store.alias("v", "ann")
    data = await read(store, LOG)
    assert data.timed
    names = [(int(user), data.item_ids[item]) for user, item in zip(data.log.users, data.log.items, strict=True)]
    assert names[:4] == [(0, "i0"), (0, "i1"), (0, "i2"), (1, "i5")], "a browser's account is the account"
    assert data.notes == (
        "1 interactions of the kind search are left out",
        "1 interactions that rate an item below 3 are left out",
        "1 interactions with items that are not there any more are left out",
        "1 interactions of the kind dismiss are left out",
        "2 items have no vector yet; `reco sync` makes them",
    )
    assert data.items.vectors.shape == (10, HashingEmbedder().dimension)
    assert not data.items.vectors[8:].any()
    assert data.items.brands.tolist() == [-1] + [0] * 9
    assert data.items.categories.tolist() == [0] * 5 + [1] * 5
    assert data.items.prices.tolist() == list(range(10))


async def test_each_placement_asks_what_its_page_shows():
    data = await read(MemoryStore(), LOG)
    split = placement_split(data)
    Guard(data.log, split)
    asked = {}
    for cases in split.cases:
        for case in range(len(cases)):
            shown = [data.item_ids[item] for item in cases.shown(case, data.log)[0]]
            targets = cases.targets[cases.offsets[case] : cases.offsets[case + 1]]
            asked.setdefault(cases.name, []).append((shown, {data.item_ids[data.log.items[t]] for t in targets}))
        assert cases.exclude_input
    assert asked == {
        "item": [
            (["i1", "i2", "i0"], {"i6"}),
            (["i1", "i2", "i0", "i6", "i6"], {"i7"}),
            (["i5"], {"i9"}),
        ],
        "cart": [(["i6"], {"i7", "i8"}), (["i6", "i7"], {"i8"})],
        "home": [(["i1", "i2"], {"i0", "i6", "i7", "i8"})],
    }
    assert split.description == "item 3, cart 2, home 1 cases in the last 25.0 days"


async def test_placements_become_rows_and_segments():
    data = await read(MemoryStore(), LOG)
    report = evaluate(data, placement_split(data), simple_sources(data))
    assert list(dict.fromkeys(row.asked for row in report.rows)) == ["item", "cart", "home"]
    assert {row.source for row in report.rows} == {"random", "popularity", "recent_popularity", "content", "lexical"}
    item = next(row for row in report.rows if row.asked == "item")
    assert item.segments["new visitors"].cases == 1
    assert "new items" not in item.segments, "all of them are: no segment"
    assert "item, 3 cases" in report.to_text()


async def test_a_validation_knows_nothing_of_the_last_days():
    more = [did("view_item", f"i{n % 10}", 40 + n * 0.4, visitor=f"v{n % 3}") for n in range(100)]
    data = await read(MemoryStore(), LOG + more)
    test, validation = placement_split(data), placement_split(data, part="validation")
    Guard(data.log, validation)
    assert max(data.log.times[c.targets].max() for c in validation.cases) < test.cut
    assert data.log.times[validation.fit].max() < validation.cut


async def test_a_shop_that_just_began_is_told_so():
    with pytest.raises(ConfigError, match="holds no interactions yet"):
        placement_split(await read(MemoryStore(), []))
    with pytest.raises(ConfigError, match="nobody did anything twice in the last"):
        placement_split(await read(MemoryStore(), LOG[:1]))
    with pytest.raises(ConfigError, match="days: 0 is not above 0"):
        placement_split(await read(MemoryStore(), LOG), days=0)


async def test_a_large_cart_is_asked_while_it_is_small():
    order = [did("purchase", f"i{n}", 99, user="b") for n in range(10)] + [
        did("purchase", f"j{n}", 99, user="b") for n in range(10)
    ]
    items = ITEMS + [Item(id=f"j{n}", title=f"pan {n}") for n in range(10)]
    data = await read(MemoryStore(), [did("view_item", "i0", 0, user="b"), *order], items)
    (cart,) = [cases for cases in placement_split(data).cases if cases.name == "cart"]
    assert cart.lengths().tolist() == list(range(1, 11))
    assert np.diff(cart.offsets).tolist() == list(range(19, 9, -1))


async def test_more_interactions_than_one_page(monkeypatch):
    monkeypatch.setattr("reco_sdk.evaluation.shop.PAGE", 7)
    data = await read(MemoryStore(), [did("view_item", f"i{n % 10}", n, visitor="v") for n in range(50)])
    np.testing.assert_array_equal(data.log.items, np.arange(50) % 10)


class TestCommand:
    @pytest.fixture
    def reco(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("RECO_MODEL", "hashing")

        def run(*arguments):
            status = main(["evaluate", *arguments])
            said = capsys.readouterr()
            return status, said.out, said.err

        return run

    @pytest.fixture
    def filled(self, tmp_path):
        import asyncio

        store = SqliteStore(tmp_path / "shop.reco.sqlite3")

        async def fill():
            await read(store, LOG)
            await store.aclose()

        asyncio.run(fill())

    def test_the_shop_s_own_days(self, reco, filled):
        status, said, _ = reco("--json", "-")
        assert status == 0
        figures = json.loads(said)
        assert figures["protocol"] == "time-split"
        assert figures["data"].startswith("sqlite:")
        assert {row["asked"] for row in figures["rows"]} == {"item", "cart", "home"}

    def test_any_protocol_on_the_shop(self, reco, filled):
        status, said, _ = reco("--protocol", "leave-one-out")
        assert status == 0
        assert "leave-one-out (test)" in said

    def test_no_store(self, reco):
        status, said, error = reco()
        assert (status, said) == (1, "")
        assert "there is no store" in error
