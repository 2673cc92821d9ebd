"""Merchandising rules over HTTP: put, listed with what is at odds, deleted; what cannot be is refused field by field."""


async def test_rules_go_in_hold_and_go(client):
    await client.post("/v1/items", json=[{"id": "a", "title": "A"}, {"id": "b", "title": "B"}])
    answer = await client.put("/v1/rules/no-a", json={"action": "hide", "items": ["a"]})
    assert (answer.status, (await answer.json())["id"]) == (200, "no-a")
    await client.put("/v1/rules/first", json={"id": "first", "action": "pin", "items": ["a"], "slot": 1})
    listed = await (await client.get("/v1/rules")).json()
    assert [rule["id"] for rule in listed["rules"]] == ["first", "no-a"]
    assert listed["conflicts"][0]["kind"] == "hidden"
    slate = await (await client.get("/v1/recommend")).json()
    assert "a" not in {item["id"] for item in slate["items"]}
    assert (await client.delete("/v1/rules/no-a")).status == 204
    assert (await client.delete("/v1/rules/no-a")).status == 404
    slate = await (await client.get("/v1/recommend")).json()
    assert slate["items"][0]["id"] == "a"
    assert slate["items"][0]["contributions"].keys() >= {"rule:first"}


async def test_a_rule_that_cannot_be_is_refused(client):
    for body, field in (({"action": "hide", "where": "prize > 3"}, "where"), ({"action": "hide", "items": ["a"], "x": 1}, "x")):
        answer = await client.put("/v1/rules/r", json=body)
        assert answer.status == 422
        assert (await answer.json())["errors"][0]["field"] == field
    assert (await client.put("/v1/rules/r", json={"id": "other", "action": "hide", "items": ["a"]})).status == 422
    assert (await client.put("/v1/rules/r", json=[])).status == 422
    answer = await client.get("/v1/recommend?where=prize > 3")
    assert answer.status == 422
    assert "did you mean price" in (await answer.json())["detail"]
