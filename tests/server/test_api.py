import asyncio
import io
import json
import math
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from reco_sdk.errors import EmbeddingError, StoreError
from reco_sdk.server import create_app
from reco_sdk.server.context import Limits

from .conftest import ITEMS

DRESS = {"id": "new", "title": "Yellow dress", "categories": ["Women > Dress"], "price": 5}


async def problem(response, status):
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    body = await response.json(content_type=None)
    assert body["status"] == status
    assert body["request_id"] == response.headers["X-Request-ID"]
    return body


async def test_items_one_or_several(client, reco):
    response = await client.post("/v1/items", json=DRESS)
    assert (response.status, (await response.json())["inserted"]) == (200, 1)
    response = await client.post("/v1/items", json=[DRESS, {**DRESS, "id": "other"}])
    body = await response.json()
    assert (body["inserted"], body["unchanged"]) == (1, 1)
    slate = await (await client.get("/v1/items/new/similar?n=1")).json()
    assert slate["items"][0]["id"] == "other", "recommendable at once"
    assert (await client.delete("/v1/items/other")).status == 204
    assert (await problem(await client.delete("/v1/items/other"), 404))["type"] == "urn:reco:problem:unknown-item"
    slate = await (await client.get("/v1/items/new/similar")).json()
    assert "other" not in {item["id"] for item in slate["items"]}


BAD_ITEMS = [
    ({"title": "x"}, "id"),
    ({"id": "b"}, "title"),
    ({"id": "c", "title": ""}, "title"),
    ({"id": 5, "title": "x"}, "id"),
    ({"id": [], "title": "x"}, "id"),
    ({"id": "d", "title": "x", "price": -1}, "price"),
    ({"id": "e", "title": "x", "price": math.nan}, "price"),
    ({"id": "f", "title": "x", "price": math.inf}, "price"),
    ({"id": "g", "title": "x", "price": 10**400}, "price"),
    ({"id": "h", "title": "x", "availability": "perhaps"}, "availability"),
    ({"id": "i", "title": "x", "availability": []}, "availability"),
    ({"id": "j", "title": "x", "currency": "XXQ"}, "currency"),
    ({"id": "k", "title": "x", "currency": {}}, "currency"),
    ({"id": "l", "title": "x", "description": "d" * 10_000_000}, "description"),
    ({"id": "m", "title": "x\x07"}, "title"),
    ({"id": "n", "title": "\ud800"}, "title"),
    ({"id": "o", "title": "x", "colour": "red"}, "colour"),
    ({"id": "p", "title": "x", "attributes": {"a": {"b": 1}}}, "attributes.a"),
    ({"id": "q", "title": "x", "tags": [1]}, "tags"),
    ({"id": "r", "title": "x", "published_at": 5}, "published_at"),
    ([], ""),
    (None, ""),
]


async def test_each_bad_item_is_named_and_nothing_is_stored(client, reco):
    before = await reco.store.item_count()
    sent = io.BytesIO(json.dumps([DRESS, *(item for item, _ in BAD_ITEMS)]).encode())
    response = await client.post("/v1/items", data=sent, headers={"Content-Type": "application/json"})
    body = await problem(response, 422)
    assert [(error["index"], error["field"]) for error in body["errors"]] == [
        (i, field) for i, (_, field) in enumerate(BAD_ITEMS, start=1)
    ]
    assert body["errors"][5]["item_id"] == "d"
    assert await reco.store.item_count() == before


async def test_an_id_that_stands_twice(client):
    body = await problem(await client.post("/v1/items", json=[DRESS, {**DRESS, "id": "x"}, DRESS]), 422)
    assert body["errors"] == [
        {"index": 2, "item_id": "new", "field": "id", "reason": "stands at 0 and at 2; send each item once"}
    ]


async def test_interactions_are_live_at_once_and_stored(client, reco):
    rows = [{"kind": "view_item", "item_id": "s0", "visitor_id": "v"}, {"kind": "search", "query": "dress", "visitor_id": "v"}]
    response = await client.post("/v1/interactions", json=rows)
    assert (response.status, await response.json()) == (202, {"accepted": 2})
    slate = await (await client.get("/v1/recommend", params={"visitor_id": "v", "strategy": "recently_viewed"})).json()
    assert [item["id"] for item in slate["items"]] == ["s0"]
    await reco.flush()
    assert await reco.store.interaction_counts() == {"view_item": 1, "search": 1}


BAD_INTERACTIONS = [
    ({"kind": "stare", "item_id": "a", "visitor_id": "v"}, "kind"),
    ({"kind": [], "item_id": "a", "visitor_id": "v"}, "kind"),
    ({"item_id": "a", "visitor_id": "v"}, "kind"),
    ({"kind": "view_item", "visitor_id": "v"}, "item_id"),
    ({"kind": "view_item", "item_id": "a"}, "visitor_id"),
    ({"kind": "view_item", "item_id": "a", "visitor_id": "v", "at": "2999-01-01"}, "at"),
    ({"kind": "view_item", "item_id": "a", "visitor_id": "v", "at": "2001-01-01"}, "at"),
    ({"kind": "view_item", "item_id": "a", "visitor_id": "v", "at": "soon"}, "at"),
    ({"kind": "purchase", "item_id": "a", "visitor_id": "v", "quantity": 0}, "quantity"),
    ({"kind": "purchase", "item_id": "a", "visitor_id": "v", "value": 10**400}, "value"),
    ("view", ""),
]


async def test_each_bad_interaction_is_named_and_none_is_recorded(client, reco):
    good = {"kind": "view_item", "item_id": "s0", "visitor_id": "v"}
    body = await problem(await client.post("/v1/interactions", json=[good, *(row for row, _ in BAD_INTERACTIONS)]), 422)
    assert [(e["index"], e["field"]) for e in body["errors"]] == [
        (i, field) for i, (_, field) in enumerate(BAD_INTERACTIONS, start=1)
    ]
    await reco.flush()
    assert await reco.store.interaction_counts() == {}


async def test_an_interaction_with_an_unknown_item_is_kept(client, reco):
    assert (
        await client.post("/v1/interactions", json={"kind": "view_item", "item_id": "later", "visitor_id": "v"})
    ).status == 202
    await reco.flush()
    assert (await reco.store.interaction_counts())["view_item"] == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("category=Women > Hat", lambda i: "Hat" in i.categories[0]),
        ("category=Women > Hat&category=Women > Dress", lambda i: "Shirt" not in i.categories[0]),
        ("brand=acme", lambda i: i.brand == "Acme"),
        ("price_min=12&price_max=14.5", lambda i: 12 <= i.price <= 14.5),
        ("attribute=colour:red&attribute=colour:blue", lambda i: i.attributes["colour"] in {"red", "blue"}),
        ("only=s1&only=s2&exclude=s2", lambda i: i.id == "s1"),
    ],
)
async def test_filters(client, query, expected):
    slate = await (await client.get(f"/v1/recommend?n=12&{query}")).json()
    assert {item["id"] for item in slate["items"]} == {item.id for item in ITEMS if expected(item)}


async def test_similar_and_its_path(client, reco):
    slate = await (await client.get("/v1/items/s0/similar?n=3&visitor_id=v&placement=cart")).json()
    assert (slate["strategy"], slate["placement"], len(slate["items"])) == ("similar_items", "cart", 3)
    assert "s0" not in {item["id"] for item in slate["items"]}
    for odd in ("shop.product:42", "a/b c?d", "ü%2F"):
        await client.post("/v1/items", json={"id": odd, "title": "Odd dress"})
        response = await client.get(f"/v1/items/{quote(odd, safe='')}/similar?n=1", allow_redirects=False)
        assert response.status == 200, odd


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("n=0", "n"),
        ("n=-1", "n"),
        ("n=1000000", "n"),
        ("n=8.5", "n"),
        ("n=" + "9" * 5_000, "n"),
        ("n=1&n=2", "n"),
        ("strategy=magic", "strategy"),
        ("placement=moon", "placement"),
        ("strategy=similar_items", "seeds"),
        ("price_min=nan", "price_min"),
        ("price_min=9&price_max=1", "price_min"),
        ("available=perhaps", "available"),
        ("attribute=red", "attribute"),
        ("visitr_id=v", "visitr_id"),
    ],
)
async def test_queries_that_cannot_be(client, query, field):
    body = await problem(await client.get(f"/v1/recommend?{query}"), 422)
    assert [error["field"] for error in body["errors"]] == [field]


async def test_an_unknown_seed_and_unknown_paths(client):
    assert "never stored" in (await problem(await client.get("/v1/items/none/similar"), 404))["detail"]
    assert (await problem(await client.get("/v1/recommend?strategy=similar_items&seeds=none"), 404))["type"].endswith(
        "unknown-item"
    )
    assert (await problem(await client.get("/v2"), 404))["type"].endswith("not-found")
    response = await client.put("/v1/items")
    assert (await problem(response, 405))["type"].endswith("method-not-allowed")
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe{", b"[" * 100_000, b'{"id": 1' + b"0" * 5_000 + b"}"])
async def test_bodies_that_are_no_json(client, body):
    response = await client.post("/v1/items", data=body, headers={"Content-Type": "application/json"})
    assert (await problem(response, 400))["type"].endswith("invalid-json")


async def test_only_json_is_taken_and_no_other_origin_is_let_in(client):
    response = await client.post(
        "/v1/items", data=json.dumps(DRESS), headers={"Content-Type": "text/plain", "Origin": "https://evil"}
    )
    await problem(response, 415)
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_limits(reco):
    app = web.Application(client_max_size=100)
    app.add_subapp("/reco", create_app(reco, limits=Limits(body_bytes=1_000, batch=3)))
    async with TestClient(TestServer(app)) as client:
        assert (await client.post("/reco/v1/items", json=[{**DRESS, "id": f"n{i}"} for i in range(3)])).status == 200
        assert "at most 3" in (await problem(await client.post("/reco/v1/items", json=[{}] * 4), 413))["detail"]
        body = await problem(await client.post("/reco/v1/items", json={**DRESS, "description": "d" * 2_000}), 413)
        assert "1,000 bytes" in body["detail"]


async def test_request_ids(client):
    response = await client.get("/healthz", headers={"X-Request-ID": "abc-1"})
    assert response.headers["X-Request-ID"] == "abc-1"
    response = await client.get("/healthz", headers={"X-Request-ID": "a b\tc"})
    assert response.headers["X-Request-ID"] not in {"", "a b\tc"}


async def test_a_token_guards_all_but_health_when_mounted(mounted):
    assert (await mounted.get("/reco/healthz")).status == 200
    right = {"Authorization": "Bearer s3cret"}
    for path in ("/reco/v1/recommend", "/reco/openapi.json", "/reco/nothing"):
        for wrong in (
            {},
            {"Authorization": "Bearer s3cre"},
            {"Authorization": "Basic s3cret"},
            {"Authorization": "Bearer s3crét"},
        ):
            response = await mounted.get(path, headers=wrong)
            await problem(response, 401)
            assert response.headers["WWW-Authenticate"] == "Bearer"
    assert (await mounted.get("/reco/v1/recommend?n=2", headers=right)).status == 200
    await problem(await mounted.get("/reco/nothing", headers=right), 404)


async def test_an_empty_catalogue_is_an_empty_slate(reco, client):
    await reco.delete_items([f"s{i}" for i in range(12)])
    slate = await (await client.get("/v1/recommend")).json()
    assert (slate["items"], slate["tier"]) == ([], "empty")


async def test_a_store_that_fails_and_what_nobody_foresaw(client, reco, monkeypatch, caplog):
    async def full(items):
        raise StoreError("disk full at /secret/path")

    monkeypatch.setattr(reco.store, "upsert_items", full)
    response = await client.post("/v1/items", json=DRESS)
    body = await problem(response, 503)
    assert response.headers["Retry-After"] == "5"
    assert "secret" not in json.dumps(body)

    def boom(request):
        raise RuntimeError("secret")

    monkeypatch.setattr(reco.engine, "recommend", boom)
    body = await problem(await client.get("/v1/recommend"), 500)
    assert "secret" not in json.dumps(body)
    assert body["request_id"] in caplog.text


async def test_health(client, reco, monkeypatch):
    assert await (await client.get("/healthz")).json() == {
        "status": "ok",
        "items": 12,
        "recorder": {"at_risk": 0, "dropped": 0},
    }
    assert (await client.head("/healthz")).status == 200

    async def missing(texts):
        raise EmbeddingError("the model is missing")

    monkeypatch.setattr(reco.embedder, "embed", missing)
    assert (await client.post("/v1/items", json=DRESS)).status == 200, "stored, found by category"
    assert (await (await client.get("/healthz")).json())["status"] == "degraded"
    await reco.aclose()
    await problem(await client.get("/healthz"), 503)


async def test_many_at_once(client):
    async def one(i: int) -> int:
        response = await client.get(f"/v1/items/s{i % 12}/similar")
        return len((await response.json())["items"])

    assert await asyncio.gather(*(one(i) for i in range(100))) == [8] * 100
