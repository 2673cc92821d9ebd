"""Logs: a Google Analytics 4 export, and a web server's own."""

import gzip
import json

import pytest

from reco_sdk.errors import ConfigError, ImportRefused
from reco_sdk.importing import ImportOptions, RefusalLog, import_interactions, import_items
from reco_sdk.importing.readers.access_log import UrlPattern

from .conftest import jsonl

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"
AT = 1_717_236_000_000_000  # 2024-06-01T10:00:00Z


def event(name, items=(), *, at=AT, visitor="123.456", user=None, **parameters):
    typed = {int: "int_value", str: "string_value", float: "double_value"}
    return {
        "event_date": "20240601",
        "event_timestamp": str(at),
        "event_name": name,
        "event_params": [{"key": k, "value": {typed[type(v)]: v}} for k, v in parameters.items()],
        "user_id": user,
        "user_pseudo_id": visitor,
        "ecommerce": {"transaction_id": parameters.pop("order", None)},
        "items": [{"item_id": i, "item_name": "x", **rest} for i, rest in items],
    }


EVENTS = [
    event("page_view", ga_session_id=7),
    event("view_item_list", [("a", {}), ("b", {})]),
    event("view_item", [("a", {"price": 9.5})], ga_session_id=7, currency="EUR"),
    event("add_to_cart", [("a", {"price": 9.5, "quantity": 2})], at=AT + 1_000_000, user="u1", ga_session_id=7, currency="EUR"),
    event("purchase", [("a", {"quantity": 2}), ("b", {"quantity": 1})], at=AT + 2_000_000, transaction_id="T1"),
    event("purchase", [("a", {"quantity": 2}), ("b", {"quantity": 1})], at=AT + 90_000_000, transaction_id="T1"),  # reloaded
    event("view_search_results", at=AT + 3_000_000, search_term="red mug"),
    event("view_item", [("(not set)", {})], at=AT + 4_000_000),
    event("add_to_cart", at=AT + 5_000_000),
    event("page_view"),
]


async def stored(store):
    return [entry.interaction for entry in await store.interactions_since(0)]


def check(report, found):
    assert report.format == "ga4"
    assert [(i.kind, i.item_id) for i in found] == [
        ("view_item", "a"), ("add_to_cart", "a"), ("purchase", "a"), ("purchase", "b"), ("search", None),
    ]  # fmt: skip
    view, cart, bought, _, search = found
    assert (view.visitor_id, view.user_id, view.session_id, view.value, view.currency) == (
        "123.456",
        None,
        "123.456.7",
        9.5,
        "EUR",
    )
    assert view.at.isoformat() == "2024-06-01T10:00:00+00:00"
    assert (cart.user_id, cart.quantity) == ("u1", 2)
    assert bought.quantity == 2
    assert search.query == "red mug"
    assert report.left_out == {"event page_view": 2, "event view_item_list": 1, "event add_to_cart without items": 1}
    assert (report.inserted, report.unchanged, report.refused) == (5, 2, 1)
    assert [refusal.field for _, refusal in report.refusals] == ["item_id"]


async def test_a_ga4_export_as_json_lines(write, store):
    report = await import_interactions(store, write("export.json", jsonl(*EVENTS)))
    check(report, await stored(store))
    assert "left out: event page_view 2, event view_item_list 1" in report.to_text()
    again = await import_interactions(store, write("export.json", jsonl(*EVENTS)))
    assert again.inserted == 0


@pytest.mark.parametrize("options", [ImportOptions(), ImportOptions(format="ga4")])
async def test_a_ga4_export_as_parquet(tmp_path, store, options):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{**row, "event_timestamp": int(row["event_timestamp"])} for row in EVENTS]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "export.parquet")
    check(await import_interactions(store, tmp_path / "export.parquet", options), await stored(store))


async def test_lists_as_older_writers_wrap_them(write, store):
    row = event("view_item", [("a", {})])
    row["items"] = {"list": [{"element": row["items"][0]}]}
    await import_interactions(store, write("export.jsonl", jsonl(row)))
    assert [i.item_id for i in await stored(store)] == ["a"]


async def test_a_damaged_event_is_refused_by_itself(write, store):
    report = await import_interactions(
        store, write("e.jsonl", jsonl(EVENTS[2]) + "{not json\n" + jsonl({**EVENTS[3], "items": "x"}))
    )
    assert (report.inserted, report.refused) == (1, 1)


@pytest.mark.parametrize(
    ("name", "content"),
    [("e.jsonl", jsonl(EVENTS[2])), ("a.log", '1.2.3.4 - - [01/Jun/2024:10:00:00 +0000] "GET / HTTP/1.1" 200 1\n')],
)
async def test_logs_hold_no_items(write, store, name, content):
    with pytest.raises(ImportRefused, match="holds what visitors did"):
        await import_items(store, write(name, content), ImportOptions(urls=("/p/{item_id}",)))


def line(address, *, host="203.0.113.7", user="-", at="01/Jun/2024:12:00:00 +0200", method="GET", status=200, agent=BROWSER):
    return f'{host} - {user} [{at}] "{method} {address} HTTP/1.1" {status} 1234 "https://shop.example/" "{agent}"\n'


URLS = ("/products/{item_id}", "search=/find?q={query}", "add_to_cart=/cart/add/{item_id}")
LOG = "".join(
    [
        line("/products/red-mug/"),
        line("/products/red-mug", host="203.0.113.8"),
        line("/products/hat%2Fblue?utm=x", user="ann"),
        line("/find?page=2&q=red+mug%21"),
        line("/cart/add/hat", method="POST", status=302),
        line("/cart/add/hat", method="POST", status=500),
        line("/products/gone", status=404),
        line("/products/old", status=301),
        line("/products/red-mug", agent="Googlebot/2.1"),
        line("/products/red-mug", agent="-"),
        line("/products/red-mug", method="HEAD"),
        line("/static/app.css"),
        line("/products/red-mug/reviews"),
        "\n",
        "broken\n",
        line("/products/red-mug", at="31/Feb/2024:12:00:00 +0200"),
    ]
)


@pytest.mark.parametrize("packed", [False, True])
async def test_an_access_log(write, store, packed):
    path = write("access.log.gz", gzip.compress(LOG.encode())) if packed else write("access.log", LOG)
    refused = []
    report = await import_interactions(store, path, ImportOptions(urls=URLS), refusals=RefusalLog(also=refused.append))
    assert report.format == "log"
    found = await stored(store)
    assert [(i.kind, i.item_id or i.query, i.user_id) for i in found] == [
        ("view_item", "red-mug", None), ("view_item", "red-mug", None), ("view_item", "hat/blue", "ann"),
        ("search", "red mug!", None), ("add_to_cart", "hat", None),
    ]  # fmt: skip
    assert found[0].at.isoformat() == "2024-06-01T10:00:00+00:00"
    assert found[0].visitor_id != found[1].visitor_id
    assert found[0].visitor_id == found[3].visitor_id
    assert "203.0.113" not in json.dumps([i.to_dict() for i in found]), "no network address is stored"
    assert report.left_out == {
        "POST answered 500": 1, "GET answered 404": 1, "GET answered 301": 1, "robots": 2, "HEAD answered 200": 1, "other addresses": 2,
    }  # fmt: skip
    assert [refusal.line for refusal in refused] == [15, 16]


async def test_the_common_format_names_no_browser(write, store):
    text = '::1 - - [10/Oct/2024:13:55:36 -0700] "GET /p/42 HTTP/1.0" 200 2326\n'
    await import_interactions(store, write("common.log", text), ImportOptions(urls=("/p/{item_id}",)))
    (found,) = await stored(store)
    assert (found.item_id, found.at.isoformat()) == ("42", "2024-10-10T20:55:36+00:00")


async def test_a_log_without_a_pattern_says_how_to_give_one(write, store):
    with pytest.raises(
        ImportRefused, match=r"is a web server's log; say which addresses are items, as in --url '/products/\{item_id\}'"
    ):
        await import_interactions(store, write("access.log", LOG))


@pytest.mark.parametrize(
    ("pattern", "address", "told"),
    [
        ("/p/{item_id}", "/p/1", {"item_id": "1"}),
        ("/p/{item_id}/", "/p/1", {"item_id": "1"}),
        ("/p/{item_id}", "/p/1/2", None),
        ("/p/{item_id}", "/P/1", None),
        ("/p/*-{item_id}.html", "/p/red-mug-42.html", {"item_id": "42"}),
        ("/p/{item_id}-*", "/p/42-red-mug", {"item_id": "42"}),
        ("/*/shop/{item_id}", "/en/shop/7", {"item_id": "7"}),
        ("/show?id={item_id}", "/show?x=1&id=9", {"item_id": "9"}),
        ("/show?id={item_id}", "/show?x=1", None),
        ("/show?id={item_id}&view=full", "/show?view=full&id=9", {"item_id": "9"}),
        ("/show?id={item_id}&view=full", "/show?view=part&id=9", None),
        ("/a+b(c)/{item_id}", "/a+b(c)/1", {"item_id": "1"}),
    ],
)
def test_addresses_and_patterns(pattern, address, told):
    from urllib.parse import parse_qs, urlsplit

    parts = urlsplit(address)
    assert UrlPattern.parse(pattern).match(parts.path, parse_qs(parts.query)) == told


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("products/{item_id}", "begins with a slash"),
        ("/products", r"view_item needs \{item_id\}"),
        ("/p/{item_id}/{item_id}", "once"),
        ("/p/{colour}", r"needs \{item_id\}"),
        ("stare=/p/{item_id}", "'stare' is no kind"),
        ("purchase=/p/{query}", r"purchase needs \{item_id\}"),
    ],
)
async def test_patterns_that_cannot_be(pattern, reason, write, store):
    with pytest.raises(ConfigError, match=reason):
        await import_interactions(store, write("access.log", LOG), ImportOptions(urls=(pattern,)))
