"""A shop small enough to see its answers by eye, a clock that tests turn, and a recommender over them."""

import asyncio
from datetime import UTC, datetime, timedelta

from reco_sdk import Config, Interaction, Item, Recommender
from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.errors import EmbeddingError, ModelNotFound

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUIET = {"poll_interval_seconds": 3600, "flush_interval_seconds": 3600, "deadline_ms": 60_000, "model": "hashing"}


class FakeClock:
    """A clock that stands still until it is turned."""

    def __init__(self, now=NOON):
        self.time = now

    def now(self):
        return self.time

    def turn(self, **delta):
        self.time += timedelta(**delta)


class CountingEmbedder(HashingEmbedder):
    """Remembers every text it was given."""

    def __init__(self, dimension=64, name=""):
        super().__init__(dimension)
        self.texts = []
        self.name = name

    @property
    def fingerprint(self):
        return super().fingerprint + self.name

    async def embed(self, texts):
        self.texts += texts
        return await super().embed(texts)


class MissingModel:
    """A model folder that is not there."""

    dimension = 64

    @property
    def fingerprint(self):
        raise ModelNotFound("no model in /models/gone; download it, or set RECO_MODEL")

    async def embed(self, texts):
        raise EmbeddingError("never reached")

    async def aclose(self):
        pass


def recommender(url="memory://", *, clock=None, embedder=None, **settings):
    """Return a recommender that does nothing by itself: no polls, no flushes, no deadline that a busy machine would miss."""
    embedder = HashingEmbedder(64) if embedder is None else embedder
    return Recommender.open(url, config=Config(**{**QUIET, **settings}), clock=clock or FakeClock(), embedder=embedder)


async def until(condition):
    """Wait for what another task does; a busy machine may take its time."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- what is waited for sets no event
            await asyncio.sleep(0.01)


def act(kind, item_id=None, who="v1", *, at=NOON, ago=None, **fields):
    """Return one interaction of a visitor, some seconds before noon."""
    at = at - timedelta(seconds=ago) if ago is not None else at
    return Interaction(kind=kind, item_id=item_id, visitor_id=who, at=at, **fields)


def view(item_id, who="v1", **fields):
    return act("view_item", item_id, who, **fields)


def purchase(item_id, who="v1", **fields):
    return act("purchase", item_id, who, **fields)


WARDROBE = (
    Item(id="red-dress", title="Red linen summer dress", categories=["Women > Dresses"], brand="Alba", price=60.0),
    Item(id="blue-dress", title="Blue linen summer dress", categories=["Women > Dresses"], brand="Alba", price=65.0),
    Item(id="black-dress", title="Black silk evening dress", categories=["Women > Dresses"], brand="Nero", price=190.0),
    Item(id="boots", title="Brown leather winter boots", categories=["Men > Shoes"], brand="Terra", price=120.0),
    Item(id="sneakers", title="White leather winter sneakers", categories=["Men > Shoes"], brand="Volt", price=80.0),
    Item(id="hose", title="Green garden hose with nozzle", categories=["Garden"], brand="Terra", price=25.0),
    Item(id="rake", title="Steel garden rake with wooden handle", categories=["Garden"], brand="Terra", price=18.0),
    Item(id="kettle", title="Stainless steel electric kettle", categories=["Kitchen"], brand="Volt", price=40.0),
)
