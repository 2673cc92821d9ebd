"""Explanations over HTTP: off unless they are asked for, since they tell what visitors did; else as the document says."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer

from reco_sdk.config import Config
from reco_sdk.items.item import Item
from reco_sdk.server import create_app
from reco_sdk.server.context import RECOMMENDER
from reco_sdk.wiring import Recommender
from tests.server.conftest import ITEMS, HashingEmbedder
from tests.server.test_openapi import check


@pytest.fixture
async def telling(tmp_path):
    config = Config(state_dir=str(tmp_path / "state"), explanations=True)
    async with Recommender.open("memory://", config=config, embedder=HashingEmbedder()) as reco:
        await reco.upsert_items([*ITEMS, Item(id="later", title="red hat", published_at=datetime.now(UTC) + timedelta(days=9))])
        async with TestClient(TestServer(create_app(reco))) as client:
            yield client


async def test_they_are_off_by_default(client):
    assert (await client.get("/v1/why")).status == 404
    assert (await client.get("/v1/why-not?item=s1")).status == 404
    assert not {"/v1/why", "/v1/why-not"} & set((await (await client.get("/openapi.json")).json())["paths"])


async def test_why_explains_what_recommend_answers(telling):
    query = "strategy=similar_items&seeds=s0&n=4&exclude=s1"
    slate = await (await telling.get(f"/v1/recommend?{query}")).json()
    why = await (await telling.get(f"/v1/why?{query}")).json()
    check("Explanation", why)
    assert [item["id"] for item in why["items"]] == [item["id"] for item in slate["items"]]
    for item in why["items"]:
        assert sum(part["contribution"] for part in item["evidence"]) == pytest.approx(item["score"], abs=1e-6)
        assert all(part["text"] for part in item["evidence"])


async def test_why_not_names_the_stage_and_the_change(telling):
    await telling.put("/v1/rules/no-hats", json={"action": "hide", "items": ["s8"], "note": "recalled"})
    query = "strategy=similar_items&seeds=s0&n=20"
    missed = await (await telling.get(f"/v1/why-not?item=s8&{query}")).json()
    check("WhyNot", missed)
    assert (missed["stage"], missed["changes"][0]["rules"]) == ("rule", ["no-hats"])
    assert "recalled" in missed["text"]
    missed = await (await telling.get(f"/v1/why-not?item=later&{query}")).json()
    check("WhyNot", missed)
    assert missed["stage"] == "unpublished"
    assert datetime.fromisoformat(missed["changes"][0]["item"]["published_at"]) <= datetime.now(UTC)
    missed = await (await telling.get(f"/v1/why-not?item=nothing&{query}")).json()
    assert (missed["stage"], missed["changes"]) == ("unknown_item", [])


async def test_what_is_missing_or_unknown_is_refused(telling):
    answer = await telling.get("/v1/why-not?n=3")
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["field"] == "item"
    assert (await telling.get("/v1/why?item=s1")).status == 422
    assert (await telling.get("/v1/why-not?item=s1&strategy=similar_items&seeds=gone")).status == 404


async def test_the_token_is_wanted_here_too(telling):
    reco = telling.server.app[RECOMMENDER]
    async with TestClient(TestServer(create_app(reco, token="s3cret"))) as guarded:
        assert (await guarded.get("/v1/why")).status == 401
        assert (await guarded.get("/v1/why", headers={"Authorization": "Bearer s3cret"})).status == 200
