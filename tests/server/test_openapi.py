import dataclasses

import pytest

from reco_sdk.interactions.interaction import Interaction
from reco_sdk.items.item import Item
from reco_sdk.ports import UpsertReport
from reco_sdk.ranking.slate import RecommendedItem, Slate
from reco_sdk.server.openapi import document
from reco_sdk.server.routes import ROUTES
from reco_sdk.server.schemas import SCHEMAS

validator = pytest.importorskip("openapi_spec_validator")
jsonschema = pytest.importorskip("jsonschema")


def check(name: str, value: object) -> None:
    schema = {**SCHEMAS[name], "components": {"schemas": SCHEMAS}}
    jsonschema.Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize("with_token", [False, True])
def test_the_document_is_openapi(with_token):
    validator.validate(document(ROUTES, with_token=with_token))


async def test_each_served_route_is_in_it(client):
    served = {
        (route.method.lower(), route.resource.canonical) for route in client.server.app.router.routes() if route.method != "HEAD"
    }
    body = await (await client.get("/openapi.json")).json()
    assert {(method, path) for path, operations in body["paths"].items() for method in operations} == served
    check("OpenAPI", body)


def test_the_schemas_have_the_fields_of_the_types():
    def names(kind):
        return {field.name for field in dataclasses.fields(kind)}

    assert set(SCHEMAS["Item"]["properties"]) == names(Item)
    assert set(SCHEMAS["Interaction"]["properties"]) == names(Interaction)
    assert set(SCHEMAS["UpsertReport"]["properties"]) == names(UpsertReport)
    slate_item = RecommendedItem(id="a", score=1.0, reason="", reason_kind="").to_dict()
    assert set(SCHEMAS["RecommendedItem"]["properties"]) == set(slate_item)
    assert set(SCHEMAS["Slate"]["properties"]) == names(Slate)


async def test_answers_are_as_the_document_says(client):
    check("Slate", await (await client.get("/v1/recommend?n=3")).json())
    check("Health", await (await client.get("/healthz")).json())
    item = {"id": "z", "title": "Z", "attributes": {"size": ["S"]}, "tags": ["t"], "price": 1}
    check("Item", item)
    check("UpsertReport", await (await client.post("/v1/items", json=item)).json())
    row = {"kind": "view_item", "item_id": "z", "visitor_id": "v"}
    check("Interaction", row)
    check("Accepted", await (await client.post("/v1/interactions", json=row)).json())
    check("Problem", await (await client.post("/v1/interactions", json={})).json(content_type=None))
    check("Problem", await (await client.get("/nothing")).json(content_type=None))
