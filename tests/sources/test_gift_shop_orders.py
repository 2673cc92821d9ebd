"""What is bought together in a real gift shop's orders: complements, not bestsellers."""

import csv
import gzip
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from reco_sdk import Config, Item
from reco_sdk.items.catalogue import Columns
from reco_sdk.snapshot.base import Base
from reco_sdk.snapshot.live import LiveCounts
from reco_sdk.snapshot.log import LogArrays
from reco_sdk.snapshot.view import View
from reco_sdk.sources.behaviour import Behaviour
from reco_sdk.sources.co_purchase import BoughtTogether, information_bound
from reco_sdk.sources.context import Context
from reco_sdk.training.behaviour import learn_behaviour

DATA = Path(__file__).parents[2] / "examples" / "giftshop" / "data"


def table(name):
    with gzip.open(DATA / f"{name}.csv.gz", "rt", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def shop():
    products, lines = table("products"), table("order_lines")
    rows = {product["stock_code"]: row for row, product in enumerate(products)}
    order = np.cumsum([int(line["order_step"]) for line in lines]).astype(np.uint64) + np.uint64(1)
    items = np.asarray([rows[line["stock_code"]] for line in lines], np.int32)
    ones = np.ones(len(items))
    log = LogArrays(items, order, ones, 1.6e9 + order.astype(np.float64) * 3_600.0, ones.astype(np.int8), order, order, order)
    now = float(log.at[-1]) + 86_400.0
    arrays = learn_behaviour(log, len(rows), now, Config())
    columns = Columns.of([Item(id=p["stock_code"], title=p["title"], group_id=p["group_code"] or None) for p in products])
    n = len(products)
    base = replace(
        Base.empty(now),
        columns=columns,
        vectors=np.zeros((n, 1), np.float32),
        has_vector=np.zeros(n, np.bool_),
        group_order=np.argsort(columns.group, kind="stable").astype(np.int32),
        group_sorted=np.sort(columns.group),
        popular=np.zeros(n),
        trending=np.zeros(n),
        sold=np.zeros(n),
        snapshot=SimpleNamespace(array=arrays.__getitem__),
    )
    return View(base, (), {}, (), 1), Behaviour(base, 1_800.0), {p["title"]: row for row, p in enumerate(products)}, now


def together(shop, *titles, k=5):
    view, behaviour, rows, now = shop
    mask = view.alive.copy()
    seeds = np.asarray([rows[title] for title in titles], np.int32)
    mask[seeds] = False
    context = Context(view, LiveCounts(now, 30.0, 3.0).orders(view), now, mask, seeds, behaviour)
    found = BoughtTogether().candidates(context, k)
    reasons = BoughtTogether().reasons(context, found.rows.tolist())
    return {view.title(row): reason.text for row, reason in zip(found.rows.tolist(), reasons, strict=True)}


@pytest.mark.parametrize(
    ("cart", "complements"),
    [
        (["Green Regency Teacup and Saucer"], {"Roses Regency Teacup and Saucer", "Regency Cake Stand 3 Tier"}),
        (["Baking Set 9 Piece Retrospot"], {"Baking Set Spaceboy Design", "Retrospot Tea Set Ceramic 11 Piece"}),
        (["Assorted Colour Bird Ornament"], {"Painted Metal Pears Assorted"}),
        (["Paper Chain Kit 50s Christmas"], {"Paper Chain Kit Vintage Christmas", "Box of 6 Mini 50s Crackers"}),
        (["Party Bunting"], {"Spotty Bunting", "Tea Time Party Bunting"}),
        (
            ["Regency Cake Stand 3 Tier", "Green Regency Teacup and Saucer"],
            {"Roses Regency Teacup and Saucer", "Regency Teapot Roses"},
        ),
    ],
)
def test_a_cart_is_offered_what_belongs_to_it(shop, cart, complements):
    found = together(shop, *cart)
    assert complements <= set(found)
    assert all(text.startswith("Often bought together with ") for title, text in found.items() if title in complements)


def test_what_everybody_buys_is_no_complement_of_everything(shop):
    _, behaviour, rows, _ = shop
    title = {row: name for name, row in rows.items()}
    best = np.argsort(-behaviour.bought.popularity)[:60].tolist()
    most = {title[row] for row in best[:10]}
    by_count = []
    for row in best:
        others, one, other = behaviour.bought.pairs.of_item(row)
        by_count.append(title[int(others[np.argmax(one + other)])])
    by_significance = [next(iter(together(shop, title[row], k=1))) for row in best]
    assert len(set(by_significance)) > len(set(by_count))
    assert 2 * sum(name in most for name in by_significance) < sum(name in most for name in by_count)


def test_chance_and_evidence_are_told_apart():
    assert information_bound(1, 0.01) < 0 < information_bound(3, 0.05)
    assert information_bound(100, 100.0) < 0 < information_bound(200, 100.0)
    assert information_bound(3, 0.05) == pytest.approx(np.log2(3.5 / 0.55) - 3.3 * 3.5**-0.5 - 2 * 3.5**-1.5)
