import gzip
import math
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco_sdk.errors import ImportRefused
from reco_sdk.importing import ImportStopped

from .conftest import jsonl


async def test_json_lines(write, load, store):
    path = write(
        "items.jsonl",
        jsonl(
            {
                "id": 1,
                "title": "Dress",
                "categories": ["Women > Dresses"],
                "price": 59,
                "attributes": {"size": ["S", "M"]},
                "tags": ["a"],
            },
            {"id": "b", "title": "NaN", "price": math.nan},
            {"id": "c", "title": "Lone \ud800"},
            {"id": 1.5, "title": "Float id"},
            {"id": "1", "title": "Same as the number"},
        )
        + '{"id": "d", "title": \n'
        + "[1]\n\n"
        + jsonl({"id": "e", "title": "Fine", "colour": "red"}),
    )
    done = await load(path)
    assert done.report.format == "jsonl"
    assert done.named() == [
        (2, "b", "price"),
        (3, "c", "title"),
        (4, None, "id"),
        (5, "1", "id"),
        (6, None, "row"),
        (7, None, "row"),
    ]
    assert done.report.unknown_columns == ("colour",)
    item = (await store.get_items(["1"]))["1"]
    assert (item.price, item.attributes, item.tags) == (59.0, {"size": ("S", "M")}, ("a",))
    assert await store.item_count() == 2


async def test_hostile_json(write, load, store):
    done = await load(
        write("a.jsonl", "[" * 100_000 + "\n" + '{"id":' + "9" * 6_000 + "}\n" + jsonl({"id": "a", "title": "ok"})),
        format="jsonl",
    )
    assert [r.field for r in done.refusals] == ["row", "row"]
    done = await load(write("b.jsonl", '{"id": "x", "title": "' + "y" * 17 * 2**20 + '"}\n' + jsonl({"id": "b", "title": "ok"})))
    assert done.named() == [(1, None, "row")]
    assert await store.item_count() == 2


async def test_one_json_array_is_refused_with_the_mend(write, load):
    with pytest.raises(ImportRefused, match="jq -c"):
        await load(write("a.json", '[{"id": "a"}]'))


async def test_parquet(tmp_path, load, store):
    path = tmp_path / "items.parquet"
    table = pa.table(
        {
            "id": [1, 2, 3],
            "title": ["Dress", None, "Shirt"],
            "price": [59.0, 1.0, math.nan],
            "categories": [["Women > Dresses"], [], None],
            "published_at": [datetime(2024, 1, 1, tzinfo=UTC), None, None],
            "attributes": pa.array([[("colour", "red")], None, None], type=pa.map_(pa.string(), pa.string())),
            "quantity": pa.array([3.0, None, 1.0]),
        }
    )
    pq.write_table(table, path)
    done = await load(path)
    assert done.report.format == "parquet"
    assert done.named() == [(2, "2", "title"), (3, "3", "price")]
    item = (await store.get_items(["1"]))["1"]
    assert (item.categories, item.attributes, item.quantity) == (("Women > Dresses",), {"colour": "red"}, 3)
    assert item.published_at == datetime(2024, 1, 1, tzinfo=UTC)


async def test_parquet_that_is_damaged(tmp_path, write, load):
    path = tmp_path / "items.parquet"
    pq.write_table(
        pa.table({"id": [str(i) for i in range(50_000)], "title": [f"T {i}" for i in range(50_000)]}), path, row_group_size=10_000
    )
    content = bytearray(path.read_bytes())
    with pytest.raises(ImportRefused, match="export it again"):
        await load(write("cut.parquet", bytes(content[:-100])))
    middle = len(content) // 2
    content[middle : middle + 4_000] = b"\xff" * 4_000
    with pytest.raises(ImportStopped, match="damaged from here on") as caught:
        await load(write("hole.parquet", bytes(content)))
    assert caught.value.report.inserted == caught.value.report.rows > 0
    with pytest.raises(ImportRefused, match="gunzip"):
        await load(write("a.parquet.gz", gzip.compress(path.read_bytes())))
    with pytest.raises(ImportRefused, match="PAR1"):
        await load(write("b.parquet", b"id,title\n"))


RSS = """<?xml version="1.0" encoding="{encoding}"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>
<title>Shop</title><link>https://s</link>
<item>
  <g:id>a</g:id><title>plain title</title><g:title>Dréss &amp; more</g:title><description><![CDATA[<b>red</b>]]></description>
  <link>https://s/a</link><g:image_link>https://s/a.jpg</g:image_link><g:price>59.00 EUR</g:price>
  <g:availability>in_stock</g:availability><g:product_type>Women &gt; Dresses</g:product_type><g:product_type>Sale</g:product_type>
  <g:google_product_category>Apparel &amp; Accessories &gt; Clothing &gt; Dresses</g:google_product_category>
  <g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping><g:item_group_id>g1</g:item_group_id>
</item>
<item><g:id>b</g:id><title>No price</title><g:price>free</g:price></item>
<item><g:id>c</g:id><title>Third</title></item>
</channel></rss>"""


async def test_an_rss_feed(write, load, store):
    done = await load(write("feed.xml", RSS.format(encoding="iso-8859-1"), encoding="iso-8859-1"))
    assert done.report.format == "merchant"
    assert done.named() == [(11, "b", "price")]
    assert done.report.unknown_columns == ()
    item = (await store.get_items(["a"]))["a"]
    assert (item.title, item.description, item.page_url, item.group_id) == ("Dréss & more", "<b>red</b>", "https://s/a", "g1")
    assert item.price == 59.0
    assert item.categories == ("Women > Dresses", "Sale", "Apparel & Accessories > Clothing > Dresses")


async def test_an_atom_feed(write, load, store):
    await load(
        write(
            "feed",
            '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title><entry>'
            '<id>urn:1</id><g:id>a</g:id><title>Dress</title><link href="https://s/a"/><summary>red</summary><updated>2024</updated>'
            "</entry></feed>",
        )
    )
    item = (await store.get_items(["a"]))["a"]
    assert (item.title, item.page_url, item.description) == ("Dress", "https://s/a", "red")


async def test_feeds_that_break(write, load, store):
    text = RSS.format(encoding="utf-8")
    with pytest.raises(ImportStopped, match=r"line 12: is not well-formed XML") as caught:
        await load(write("a.xml", text.replace("<title>Third</title>", "<title>Third & fourth</title>")))
    assert (caught.value.report.rows, caught.value.report.refused) == (2, 1)
    assert await store.item_count() == 1
    with pytest.raises(ImportStopped, match="not well-formed"):
        await load(write("b.xml", text[: len(text) // 2]))
    with pytest.raises(ImportStopped, match="begins with <rss> or <feed>"):
        await load(write("c.xml", "<html><body>404</body></html>"))
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;">]><rss><channel><item><id>&z;</id></item></channel></rss>'
    with pytest.raises(ImportStopped, match="remove the declaration"):
        await load(write("d.xml", bomb))
    with pytest.raises(ImportStopped, match="breaks off"):
        await load(write("e.xml.gz", gzip.compress(text.encode() + b" " * 500_000)[:-20]), format="merchant")
