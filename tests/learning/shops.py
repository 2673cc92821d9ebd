"""A shop whose orders follow a pattern that its texts do not tell: who buys one thing buys the one that belongs to it."""

import asyncio
from datetime import timedelta

import numpy as np

from reco_sdk import Config, Item
from reco_sdk.items.text import DEFAULT_RECIPE
from reco_sdk.learning.run import train
from reco_sdk.snapshot.publisher import SnapshotFolder
from reco_sdk.storage.sqlite import SqliteStore
from tests.core.support import NOON, QUIET, FakeClock, purchase, recommender

ITEMS = 48
KINDS = 6
CONFIG = Config(**QUIET)


def item_id(number):
    return f"item-{number:02d}"


CATALOGUE = [
    Item(
        id=item_id(n),
        title=f"{['Red', 'Blue', 'Green', 'Grey'][n % 4]} {['mug', 'lamp', 'scarf', 'clock', 'candle', 'basket'][n % KINDS]} {n}",
        categories=[f"Kind {n % KINDS}"],
        price=5.0 + n,
    )
    for n in range(ITEMS)
]


def baskets(count, seed=0):
    """Return pairs of what is bought first and what with it: three times of four what belongs to it."""
    draw = np.random.default_rng(seed)
    first = np.minimum(draw.geometric(0.06, count) - 1, ITEMS - 1)
    other = np.where(draw.random(count) < 0.75, (first * 7 + 3) % ITEMS, draw.integers(0, ITEMS, count))
    return [(item_id(a), item_id(b)) for a, b in zip(first.tolist(), other.tolist(), strict=True) if a != b]


def orders(count, seed=0):
    """Return the lines of orders, some minutes apart, the last an hour before noon."""
    lines = []
    for number, pair in enumerate(baskets(count, seed)):
        at = NOON - timedelta(minutes=60 + (count - number) * (80_000 // max(count, 1)))
        lines += [
            purchase(
                i,
                f"buyer-{number % 97}",
                at=at + timedelta(seconds=place),
                session_id=f"o:{number}",
                event_id=f"{number}:{place}",
            )
            for place, i in enumerate(pair)
        ]
    return lines


async def open_shop(folder, count):
    """Return a recommender over a shop with so many orders, entered, with a snapshot."""
    reco = recommender(f"sqlite:///{folder}/shop.sqlite3", state_dir=str(folder / "state"))
    await reco.__aenter__()
    await reco.upsert_items(CATALOGUE)
    await reco.store.append_interactions(orders(count))
    await reco.sync()
    return reco


def make_shop(folder, count):
    async def make():
        reco = await open_shop(folder, count)
        await reco.aclose()

    asyncio.run(make())


async def trained(folder, **options):
    """Train on a shop's folder."""
    store = SqliteStore(folder / "shop.sqlite3")
    await store.open()
    try:
        return await train(
            store, SnapshotFolder(folder / "state"), CONFIG, recipe=DEFAULT_RECIPE, clock=FakeClock(), minutes=10.0, **options
        )
    finally:
        await store.aclose()
