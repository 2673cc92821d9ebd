import gzip

import pytest

from reco_sdk.errors import ConfigError, ImportRefused
from reco_sdk.importing import ImportStopped


async def test_every_field_of_an_item(write, load, store):
    path = write(
        "items.csv",
        "id,title,description,group_id,categories,brand,price,sale_price,currency,availability,quantity,image_url,page_url,"
        "attributes,tags,rating,rating_count,published_at,expires_at,language\n"
        'sku-1,Red dress,"Linen, ""light""\nand red",g1,Women > Dresses|Sale,Acme,59.00,49,eur,in stock,3,/i.jpg,/p,'
        '"{""colour"": ""red""}",new|linen,4.5,12,2024-01-02,2030-01-02T00:00:00Z,en\n',
    )
    done = await load(path)
    assert done.refusals == []
    item = (await store.get_items(["sku-1"]))["sku-1"]
    assert item.description == 'Linen, "light"\nand red'
    assert item.categories == ("Women > Dresses", "Sale")
    assert (item.price, item.sale_price, item.currency, item.quantity) == (59.0, 49.0, "EUR", 3)
    assert item.attributes == {"colour": "red"}
    assert item.tags == ("new", "linen")
    assert (item.rating, item.rating_count, item.language) == (4.5, 12, "en")
    assert item.published_at.isoformat() == "2024-01-02T00:00:00+00:00"


async def test_a_google_tsv_with_its_english_headers(write, load, store):
    path = write(
        "feed.txt",
        "id\ttitle\titem group id\tlink\timage link\tprice\tsale price\tavailability\tproduct type\tgoogle product category\tcolor\tcustom label 0\n"
        "a\tDress\tg\thttps://s/a\thttps://s/a.jpg\t59.00 EUR\t49.00 EUR\tout of stock\tWomen > Dresses\t2271\tRed\tsummer\n",
    )
    done = await load(path)
    assert done.report.unknown_columns == ()
    item = (await store.get_items(["a"]))["a"]
    assert (item.group_id, item.page_url, item.image_url) == ("g", "https://s/a", "https://s/a.jpg")
    assert (item.price, item.sale_price, item.currency, item.availability) == (59.0, 49.0, "EUR", "out_of_stock")
    assert item.categories == ("Women > Dresses",)
    assert item.attributes == {"color": "Red"}
    assert item.tags == ("summer",)


async def test_each_refused_row_names_line_item_field_and_value(write, load, store):
    path = write(
        "items.csv",
        "id,title,price,availability,quantity\n"
        "a,Good,1,in stock,\n"
        ",No id,1,,\n"
        "b,,1,,\n"
        "c,Bad price,-5,,\n"
        'd,"Two\nlines",abc,,\n'
        "e,NaN,nan,,\n"
        "f,Unknown,1,perhaps,\n"
        "g,Half,1,,1.5\n"
        "a,Again,2,,\n"
        "h,Control\x07,1,,\n"
        "i,short\n"
        "\n"
        "j,Good too,2,,\n",
    )
    done = await load(path)
    assert done.named() == [
        (3, None, "id"),
        (4, "b", "title"),
        (5, "c", "price"),
        (6, "d", "price"),
        (8, "e", "price"),
        (9, "f", "availability"),
        (10, "g", "quantity"),
        (11, "a", "id"),
        (12, "h", "title"),
        (13, None, "row"),
    ]
    assert done.refusals[3].value == "abc"
    assert "line 2" in done.refusals[7].reason
    assert "line 11" in done.refusals[7].reason
    assert (done.report.rows, done.report.inserted, done.report.refused) == (12, 2, 10)
    assert (await store.get_items(["a"]))["a"].title == "Good"
    assert "availability" in done.report.to_text()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
async def test_the_delimiter_is_found(write, load, store, delimiter):
    path = write("items.csv", delimiter.join(["id", "title", "brand"]) + "\n" + delimiter.join(["a", "Dress", "Acme"]) + "\n")
    await load(path)
    assert (await store.get_items(["a"]))["a"].brand == "Acme"


async def test_mapping_constants_and_attributes(write, load, store):
    path = write("items.csv", "sku,name,cost,colour,Season,warehouse\na,Dress,5,red,summer|spring,W1\n")
    done = await load(
        path,
        mapping={"id": "sku", "title": "name", "price": "cost", "group_id": "sku"},
        constants={"currency": "GBP"},
        attributes=("colour", "season"),
    )
    item = (await store.get_items(["a"]))["a"]
    assert (item.price, item.currency, item.group_id) == (5.0, "GBP", "a")
    assert item.attributes == {"colour": "red", "Season": ("summer", "spring")}
    assert done.report.unknown_columns == ("warehouse",)
    done = await load(path, mapping={"id": "sku", "title": "name"}, attributes=("*",))
    assert set((await store.get_items(["a"]))["a"].attributes) == {"colour", "Season", "warehouse", "cost"}


async def test_a_header_that_cannot_work(write, load):
    with pytest.raises(ImportRefused, match=r"no column holds the id; its columns are sku, title.*--map id="):
        await load(write("a.csv", "sku,title\n1,x\n"))
    with pytest.raises(ImportRefused, match="no column 'cost' to map"):
        await load(write("a.csv", "id,title\n1,x\n"), mapping={"price": "cost"})
    with pytest.raises(ImportRefused, match="two columns are named 'id'"):
        await load(write("a.csv", "id,title,id\n1,x,2\n"))
    with pytest.raises(ImportRefused, match="is empty"):
        await load(write("a.csv", ""))
    with pytest.raises(ConfigError, match="'colour' is no field"):
        await load(write("a.csv", "id,title\n1,x\n"), mapping={"colour": "title"})


async def test_money_in_two_currencies_is_refused(write, load):
    done = await load(write("a.csv", "id,title,price,sale_price,currency\na,x,5 EUR,4 USD,\nb,y,5 EUR,,GBP\n"))
    assert done.named() == [(2, "a", "sale_price"), (3, "b", "price")]


async def test_a_sale_that_is_over_leaves_no_sale_price(write, load, store):
    await load(
        write(
            "a.csv",
            "id,title,price,sale_price,sale_price_effective_date\na,x,5,4,2020-01-01T00:00Z/2020-02-01T00:00Z\n"
            "b,y,5,4,2020-01-01T00:00Z/2120-02-01T00:00Z\nc,z,5,4,2120-01-01T00:00Z/2120-02-01T00:00Z\n",
        )
    )
    items = await store.get_items(["a", "b", "c"])
    assert [items[i].sale_price for i in "abc"] == [None, 4.0, None]


async def test_a_wrong_byte_is_named_and_the_rows_before_it_are_kept(write, load, store):
    path = write("a.csv", b"id,title\na,first\nb,caf\xe9\nc,third\n")
    with pytest.raises(ImportStopped, match=r"line 3: byte 0xe9 at place 6 is not utf-8") as caught:
        await load(path)
    assert caught.value.report.inserted == 1
    assert list(await store.get_items(["a", "b", "c"])) == ["a"]
    done = await load(path, encoding="cp1252")
    assert (done.report.inserted, done.report.unchanged) == (2, 1)
    assert (await store.get_items(["b"]))["b"].title == "café"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
async def test_a_byte_order_mark_is_believed(write, load, store, encoding):
    await load(write("a.csv", "id,title\na,Blüte\n", encoding=encoding), encoding="cp1252")
    assert (await store.get_items(["a"]))["a"].title == "Blüte"


async def test_an_open_quote_names_the_line_it_opens_in(write, load, store):
    with pytest.raises(ImportStopped, match=r"line 3: cannot be taken apart.*quote"):
        await load(write("a.csv", 'id,title\na,first\nb,"second\nc,third\n'))
    assert await store.item_count() == 1


async def test_gzip_and_where_it_breaks_off(write, load, store):
    content = gzip.compress(b"id,title\n" + b"".join(b"s%d,Thing %d\n" % (i, i * 7919) for i in range(5_000)))
    done = await load(write("a.csv.gz", content))
    assert done.report.inserted == 5_000
    with pytest.raises(ImportStopped, match="breaks off") as caught:
        await load(write("b.csv.gz", content[: len(content) // 2]))
    assert 0 < caught.value.report.rows < 5_000
    assert caught.value.report.unchanged == caught.value.report.rows
    with pytest.raises(ImportRefused, match="cannot be read"):
        await load(write("c.csv.gz", content[:20] + b"\xff" * 50))


async def test_no_such_file_and_a_folder(tmp_path, load):
    with pytest.raises(ImportRefused, match="check the path"):
        await load(tmp_path / "none.csv")
    with pytest.raises(ImportRefused, match="is a folder"):
        await load(tmp_path)
    with pytest.raises(ConfigError, match="'xlsx' is unknown"):
        await load(__file__, format="xlsx")


async def test_a_description_of_ten_megabytes_is_one_refused_row(write, load, store):
    done = await load(write("a.csv", "id,title,description\na,x," + "d" * 10_000_000 + "\nb,y,short\n"))
    assert done.named() == [(2, "a", "description")]
    assert len(done.refusals[0].value) <= 80
    assert await store.item_count() == 1
    with pytest.raises(ImportStopped, match="line 2: is over 16 MiB"):
        await load(write("b.csv", "id,title,description\na,x," + "d" * 17 * 2**20 + "\n"))
