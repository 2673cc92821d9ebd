import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from reco_sdk.config import Config
from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.items.item import Item
from reco_sdk.server import create_app
from reco_sdk.wiring import Recommender

ITEMS = [
    Item(
        id=f"s{i}",
        title=f"{colour} {kind}",
        categories=[f"Women > {kind}"],
        brand=brand,
        price=10.0 + i,
        attributes={"colour": colour},
    )
    for i, (colour, kind, brand) in enumerate(
        (colour, kind, brand)
        for kind in ("Dress", "Shirt", "Hat")
        for colour, brand in (("red", "Acme"), ("blue", "Acme"), ("green", "Zen"), ("white", "Zen"))
    )
]


@pytest.fixture
async def reco(tmp_path) -> AsyncIterator[Recommender]:
    async with Recommender.open(
        "memory://", config=Config(state_dir=str(tmp_path / "state")), embedder=HashingEmbedder()
    ) as reco:
        await reco.upsert_items(ITEMS)
        yield reco


@pytest.fixture
async def client(reco) -> AsyncIterator[TestClient]:
    async with TestClient(TestServer(create_app(reco))) as client:
        yield client


@pytest.fixture
async def mounted(reco) -> AsyncIterator[TestClient]:
    app = web.Application()
    app.add_subapp("/reco", create_app(reco, token="s3cret"))
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture(autouse=True)
def quiet_access_log():
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
