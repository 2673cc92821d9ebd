import math
from datetime import UTC, date, datetime

import pytest

from reco_sdk.importing import values
from reco_sdk.importing.values import BadValue


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("59.00 EUR", (59.0, "EUR")),
        ("EUR 59", (59.0, "EUR")),
        ("59.00EUR", (59.0, "EUR")),
        ("59,90 eur", (59.9, "EUR")),
        ("1.234,50 EUR", (1234.5, "EUR")),
        ("1,234.50 USD", (1234.5, "USD")),
        ("€12", (12.0, "EUR")),
        ("1 234,50 PLN", (1234.5, "PLN")),
        ("1'234.50 CHF", (1234.5, "CHF")),
        ("1.234", (1.234, None)),
        (59, (59.0, None)),
        (["7 GBP", "8 GBP"], (7.0, "GBP")),
        ("-3 EUR", (-3.0, "EUR")),
    ],
)
def test_money(given, expected):
    assert values.money(given) == expected


@pytest.mark.parametrize("given", ["1,234 EUR", "12$", "59 XYZ", "EUR 5 USD", "free", "1,2,3", "", "9" * 100, "1_000", "5 €€"])
def test_money_that_can_be_read_in_two_ways_or_none(given):
    with pytest.raises(BadValue, match=r"write|price|currency|number"):
        values.money(given)


def test_money_passes_nan_on_for_the_item_to_refuse():
    assert math.isnan(values.money("nan")[0])
    assert math.isinf(values.number(math.inf))
    with pytest.raises(BadValue, match="too large"):
        values.number(10**400)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("in stock", "in_stock"),
        ("in_stock", "in_stock"),
        ("https://schema.org/OutOfStock", "out_of_stock"),
        ("Pre-Order", "preorder"),
        ("available for order", "backorder"),
        (True, "in_stock"),
        (False, "out_of_stock"),
        ("perhaps", "perhaps"),
    ],
)
def test_availability(given, expected):
    assert values.availability(given) == expected


MOMENT = datetime(2024, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [
        "2024-03-01T12:00:00Z",
        "2024-03-01T13:00+0100",
        "2024-03-01 12:00:00",
        "1709294400",
        1709294400,
        1709294400.0,
        "1709294400000",
        1709294400000,
        1709294400000000,
        1709294400000000000,
        datetime(2024, 3, 1, 12),
        MOMENT,
    ],
)
def test_time(given):
    assert values.time(given) == MOMENT


def test_a_date_is_its_midnight():
    assert values.time(date(2024, 3, 1)) == values.time("2024-03-01") == datetime(2024, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("given", ["yesterday", "1" * 500, "0001-01-01T00:00:00+05:00", {"a": 1}, math.nan, 1e30, "12"])
def test_no_time(given):
    with pytest.raises(BadValue):
        values.time(given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Women > Dresses", ("Women > Dresses",)),
        ("Women>Dresses|Sale", ("Women > Dresses", "Sale")),
        ("Food, Beverages & Tobacco > Food Items", ("Food, Beverages & Tobacco > Food Items",)),
        ("Women > Dresses, Sale > Summer", ("Women > Dresses", "Sale > Summer")),
        ("Dresses, Sale", ("Dresses, Sale",)),
        (["A > B", "C"], ("A > B", "C")),
        ('["A > B, x", "C"]', ("A > B, x", "C")),
        ("2271", ()),
        ("", ()),
    ],
)
def test_category_paths(given, expected):
    assert values.category_paths(given) == expected


def test_category_paths_of_another_separator():
    assert values.category_paths("Women/Dresses|Sale", "/") == ("Women > Dresses", "Sale")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a, b", ("a", "b")),
        ("a,b|c", ("a,b", "c")),
        (["x", "", "y"], ("x", "y")),
        ('["x","y"]', ("x", "y")),
        (5, ("5",)),
        ("[x", ("[x",)),
    ],
)
def test_labels(given, expected):
    assert values.labels(given) == expected


def test_counts_and_ids():
    assert values.count("5") == values.count(5.0) == values.count("5.0") == 5
    with pytest.raises(BadValue, match="whole"):
        values.count("5.5")
    with pytest.raises(BadValue, match="whole"):
        values.count(math.nan)
    assert values.identifier(7) == "7"
    for wrong in (7.0, True, None, ["x"]):
        with pytest.raises(BadValue, match="ids"):
            values.identifier(wrong)


def test_mapping_of_prices():
    assert values.mapping_of_prices('{"uk": "17.50 GBP", "se": [200, 150], "none": null}') == {"uk": 17.5, "se": (200.0, 150.0)}
    for wrong in ("17", "[1]", 5, {"uk": "dear"}):
        with pytest.raises(BadValue):
            values.mapping_of_prices(wrong)


def test_mapping_of_texts():
    assert values.mapping_of_texts('{"colour": "red", "size": ["S", 7], "none": null}') == {"colour": "red", "size": ("S", "7")}
    assert values.mapping_of_texts([("a", "b")]) == {"a": "b"}
    for wrong in ("red", "[1]", 5):
        with pytest.raises(BadValue):
            values.mapping_of_texts(wrong)
