"""Whatever an item may hold comes back from each format as it was written."""

import asyncio
import csv
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reco_sdk.importing import import_items
from reco_sdk.items.item import Item
from reco_sdk.storage.memory import MemoryStore

NAMES = [
    "id",
    "title",
    "description",
    "categories",
    "brand",
    "price",
    "currency",
    "prices",
    "availability",
    "quantity",
    "attributes",
    "tags",
    "published_at",
]
WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20).filter(lambda text: text.strip())
LINES = st.text(st.characters(exclude_categories=("Cc", "Cs"), include_characters="\n\t\r"), max_size=60)
AMOUNTS = st.floats(0, 1e9)
IDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12).map(str.strip).filter(bool)


@st.composite
def items(draw):
    return Item(
        id=draw(IDS),
        title=draw(WORDS),
        description=draw(LINES),
        categories=draw(st.lists(WORDS.filter(lambda path: not path.strip(" >").isdigit() and path.strip(" >")), max_size=3)),
        brand=draw(st.none() | WORDS),
        price=draw(st.none() | st.floats(0, 1e9)),
        currency=draw(st.sampled_from([None, "EUR", "JPY"])),
        prices=draw(st.dictionaries(st.sampled_from(["uk", "se"]), AMOUNTS | st.tuples(AMOUNTS, AMOUNTS), max_size=2)),
        availability=draw(st.sampled_from(["in_stock", "out_of_stock", "preorder"])),
        quantity=draw(st.none() | st.integers(0, 10**6)),
        attributes=draw(st.dictionaries(WORDS, WORDS, max_size=2)),
        tags=draw(st.lists(WORDS, max_size=3)),
        published_at=draw(st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))),
    )


CATALOGUES = st.lists(items(), min_size=1, max_size=6, unique_by=lambda item: item.id)
SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def assert_comes_back(path, catalogue) -> None:
    async def run() -> None:
        store = MemoryStore()
        await store.open()
        report = await import_items(store, path)
        assert report.refused == 0, report.to_text()
        assert await store.get_items([item.id for item in catalogue]) == {item.id: item for item in catalogue}
        await store.aclose()

    asyncio.run(run())


@SETTINGS
@given(CATALOGUES)
def test_json_lines(tmp_path, catalogue):
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(item.to_dict()) + "\n" for item in catalogue))
    assert_comes_back(path, catalogue)


@SETTINGS
@given(CATALOGUES, st.sampled_from(",;\t"))
def test_delimited(tmp_path, catalogue, delimiter):
    path = tmp_path / "items.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, NAMES, delimiter=delimiter)
        writer.writeheader()
        for item in catalogue:
            row = item.to_dict()
            writer.writerow({key: json.dumps(value) if isinstance(value, list | dict) else value for key, value in row.items()})
    assert_comes_back(path, catalogue)


@SETTINGS
@given(CATALOGUES)
def test_parquet(tmp_path, catalogue):
    path = tmp_path / "items.parquet"
    rows = [
        {
            **dict.fromkeys(NAMES),
            **item.to_dict(),
            **{name: json.dumps(dict(found)) if (found := getattr(item, name)) else None for name in ("attributes", "prices")},
        }
        for item in catalogue
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert_comes_back(path, catalogue)
