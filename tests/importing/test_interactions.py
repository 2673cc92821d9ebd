import pytest

from reco_sdk.errors import ImportRefused
from reco_sdk.importing import ImportOptions, RefusalLog, import_interactions

from .conftest import jsonl


async def test_orders_as_a_csv_and_a_second_import_doubles_nothing(write, store):
    path = write(
        "orders.csv",
        "order,sku,customer,when,pieces,paid\n"
        "1,a,c1,2024-01-01T10:00:00Z,2,5.00 EUR\n"
        "1,b,c1,1704103200,1,7.00 EUR\n"
        "2,a,c2,1704103200000,0,5\n"
        "3,a,,1704103200,1,5\n"
        "4,a,c3,2999-01-01,1,5\n"
        "5,a,c3,,1,5\n"
        "6,a,c3,2001-01-01,1,5\n",
    )
    options = ImportOptions(
        mapping={"item_id": "sku", "user_id": "customer", "at": "when", "quantity": "pieces", "value": "paid"},
        constants={"kind": "purchase"},
    )
    refused = []
    report = await import_interactions(store, path, options, refusals=RefusalLog(also=refused.append))
    assert [(r.line, r.item_id, r.field) for r in refused] == [
        (4, "a", "quantity"),
        (5, "a", "visitor_id"),
        (6, "a", "at"),
        (7, "a", "at"),
    ]
    assert (report.inserted, report.refused, report.unknown_columns) == (3, 4, ("order",))
    stored = [entry.interaction for entry in await store.interactions_since(0)]
    assert (stored[0].value, stored[0].currency, stored[0].quantity) == (5.0, "EUR", 2)
    assert stored[0].at == stored[1].at
    report = await import_interactions(store, path, options)
    assert (report.inserted, report.unchanged) == (0, 3)
    assert "3 already stored" in report.to_text()


async def test_json_lines_with_every_field(write, store):
    row = {
        "kind": "view_item", "item_id": "a", "visitor_id": "v", "session_id": "s", "timestamp": 1704103200.5, "placement": "home",
        "slate_id": "x", "position": 3, "event_id": "e1",
    }  # fmt: skip
    search = {"event_name": "search", "query": "red dress", "visitor_id": "v", "at": "2024-01-01"}
    report = await import_interactions(store, write("i.jsonl", jsonl(row, search, {**row, "kind": "stare"}, row)))
    assert (report.inserted, report.unchanged, report.refused) == (2, 1, 1)
    first = (await store.interactions_since(0))[0].interaction
    assert (first.event_id, first.position, first.slate_id) == ("e1", 3, "x")


async def test_a_file_without_a_kind_says_how_to_give_one(write, store):
    with pytest.raises(ImportRefused, match=r"no column holds the kind.*--map kind="):
        await import_interactions(store, write("o.csv", "item_id,at\na,2024-01-01\n"))
