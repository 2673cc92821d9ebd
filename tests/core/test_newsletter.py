"""A row for every user in a file: everybody is there, what is there is right, and a killed run goes on."""

import csv
from dataclasses import replace

import numpy as np
import pyarrow.parquet
import pytest

from reco_sdk import Filters, Item, Request
from reco_sdk.asking import ask
from reco_sdk.errors import ConfigError
from reco_sdk.newsletter import read_users, rows, write_newsletter
from reco_sdk.newsletter import writing as newsletter_writing
from reco_sdk.newsletter.ahead import floor
from reco_sdk.ranking.diversity import Diversity
from reco_sdk.ranking.rules import Rule
from reco_sdk.snapshot.view import top
from reco_sdk.sources.context import Context, rows_of
from reco_sdk.sources.session_items import SessionItems
from tests.core.support import NOON, WARDROBE, act, purchase, recommender, view


@pytest.fixture
async def reco():
    async with recommender() as opened:
        await opened.upsert_items(WARDROBE)
        for place, who in enumerate(("anna", "bo", "cleo", "dan", "eve")):
            await opened.record(act("view_item", WARDROBE[place].id, None, user_id=who, ago=60))
        await opened.record(act("purchase", "kettle", None, user_id="anna", ago=30))
        await opened.record(view("hose", "browser"))
        await opened.alias("browser", "fay")
        await opened.flush()
        await opened.sync()
        yield opened


def lines(path):
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path).to_pylist()
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
async def test_every_user_has_the_row_that_a_page_would_show(reco, tmp_path, name):
    report = await write_newsletter(reco, tmp_path / name, n=3, base_url="https://shop.example")
    assert (report.users, report.rows, report.empty, report.resumed) == (6, 18, 0, 0)
    found = lines(tmp_path / name)
    assert list(dict.fromkeys(line["user_id"] for line in found)) == ["anna", "bo", "cleo", "dan", "eve", "fay"]
    for user in ("anna", "fay"):
        page = await reco.recommend(user_id=user, placement="email", n=3)
        assert [line["item_id"] for line in found if line["user_id"] == user] == list(page.ids)
    assert "kettle" not in [line["item_id"] for line in found if line["user_id"] == "anna"]
    first = found[0]
    assert (int(first["position"]), first["strategy"], first["price"]) == (0, "recommended_for_you", first["price"])
    assert float(first["price"]) > 0
    assert first["title"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


async def test_every_users_row_is_the_answer_of_recommend_with_its_reasons_if_they_are_asked_for(reco):
    many = [act("view_item", WARDROBE[number % 8].id, None, user_id=f"u{number}", ago=90 + number) for number in range(40)]
    many += [act("view_item", WARDROBE[number % 5].id, None, user_id=f"u{number}", ago=50 + number) for number in range(40)]
    many += [act("purchase", WARDROBE[number % 3].id, None, user_id=f"u{number}", ago=20) for number in range(0, 40, 3)]
    await reco.record_many(many)
    await reco.flush()
    await reco.upsert_items([replace(WARDROBE[0], id="another", title="Red linen winter dress")])
    await reco.sync()
    readers = await read_users(reco)
    for strategy in ("recommended_for_you", "trending", "buy_again"):
        for reasons in (False, True):
            found = dict(rows(reco, readers.tracker, readers.users, (strategy,), n=4, placement="email", reasons=reasons))
            assert len(found) == 46
            for user, slate in found.items():
                page = reco.recommend_now(Request(strategy=strategy, user_id=user, n=4, placement="email"))
                assert [(i.id, i.score, i.reason, i.reason_kind) for i in slate] == [
                    (i.id, pytest.approx(i.score, abs=1e-6), i.reason if reasons else "", i.reason_kind) for i in page
                ]


WORDS = ["red", "blue", "silk", "linen", "summer", "winter", "dress", "boots", "hose", "rake"]
SIX = ("Women > Dresses", "Women > Shoes", "Garden", "Men > Shoes", "Men > Shirts", "Kitchen")


def a_shop(random):
    return [
        Item(
            id=f"i{number}",
            title=" ".join(random.choice(WORDS, 4)),
            categories=(SIX[number % 6],),
            price=float(number % 40 + 1),
            group_id=f"g{number // 3}" if number < 60 else None,
            availability="out_of_stock" if number % 11 == 10 else "in_stock",
        )
        for number in range(160)
    ]


def what_they_did(random, users, ago):
    return [
        act(
            random.choice(["view_item", "view_item", "view_item", "add_to_cart", "dismiss", "purchase"]),
            f"i{(user * 7 + random.integers(0, 30)) % 160}",
            None,
            user_id=f"u{user:02d}",
            ago=ago - 40 * step - user % 5,
        )
        for user in users
        for step in range(random.integers(1, 9))
    ]


@pytest.mark.parametrize("exact_limit", [20_000, 10])
async def test_users_answered_together_get_what_each_gets_alone(exact_limit):
    random = np.random.default_rng(7)
    async with recommender(exact_limit=exact_limit) as reco:
        await reco.upsert_items(a_shop(random))
        await reco.record_many(what_they_did(random, range(70), 90_000))
        await reco.flush()
        await reco.sync()
        # Sessions that went on and new ones, new items, and rules, all of them after the snapshot.
        await reco.record_many(what_they_did(random, range(40, 90), 4_000))
        await reco.upsert_items([replace(item, id=f"new-{item.id}", group_id=None) for item in a_shop(random)[:5]])
        await reco.flush()
        await reco.refresh()
        await reco.put_rule(Rule(id="pin", action="pin", items=("i70",), slot=2))
        await reco.put_rule(Rule(id="hide", action="hide", items=("i80", "i81")))
        await reco.put_rule(
            Rule(id="boost", action="boost", where='category under "Garden"', factor=3, segments=("returning_visitor",))
        )
        await reco.put_rule(
            Rule(id="other", action="replace", strategy="trending", segments=("customer",), placements=("email",))
        )
        readers = await read_users(reco)
        assert len(readers.users) == 90
        for options in (
            {"reasons": True},
            {"filters": Filters(price_max=9.0), "relaxed": True},
            {"diversity": Diversity(mmr=0.7)},
        ):
            asked = {"n": 6, "placement": "email", **options}
            found = dict(rows(reco, readers.tracker, readers.users, ("recommended_for_you",), **asked))
            asked.pop("reasons", None)
            for user, slate in found.items():
                alone = ask(reco.recommend_now, lambda: reco.engine.state.view, ("recommended_for_you",), user_id=user, **asked)
                assert (slate.ids, slate.tier, slate.relaxed) == (alone.ids, alone.tier, alone.relaxed)
                for one, other in zip(slate, alone, strict=True):
                    assert one.contributions == pytest.approx(other.contributions, abs=1e-6)
                    assert not options.get("reasons") or one.reason == other.reason


async def test_what_is_near_to_several_liked_items_counts_by_the_nearest():
    random = np.random.default_rng(11)
    async with recommender() as reco:
        await reco.upsert_items(a_shop(random))
        await reco.sync()
        await reco.record_many(act("view_item", f"i{place}", ago=90 - place) for place in (61, 62, 63, 64, 65))
        view = reco.engine.state.view
        context = Context(
            view=view,
            orders=reco.engine.state.orders,
            now=NOON.timestamp(),
            mask=np.ones(len(view), np.bool_),
            seeds=np.empty(0, np.int32),
            behaviour=reco.engine.state.behaviour,
            history=(history := reco.tracker.history("v1", None, NOON.timestamp())),
            history_rows=rows_of(view, history),
        )
        for k in (6, 20, 60):
            found = SessionItems().candidates(context, k)
            assert (np.diff(found.scores) <= 0).all()
            assert len(set(found.rows.tolist())) == len(found.rows)


async def test_a_search_of_many_at_once_finds_what_one_alone_finds():
    random = np.random.default_rng(3)
    for count, k in ((5, 8), (40, 3), (1_000, 50), (1_003, 50), (1_003, 990)):
        scores = random.integers(0, 40, count).astype(np.float32)  # with ties
        scores[random.random(count) < 0.3] = -np.inf
        allowed = np.flatnonzero(np.isfinite(scores)).astype(np.int32)
        kept = np.flatnonzero(scores >= floor(scores, k)).astype(np.int32)
        for one, other in zip(top(allowed, scores[allowed], k), top(kept, scores[kept], k), strict=True):
            assert one.tolist() == other.tolist()


async def test_a_killed_run_goes_on_after_its_last_whole_part(reco, tmp_path, monkeypatch):
    monkeypatch.setattr(newsletter_writing, "USERS_A_PART", 2)
    whole, target = tmp_path / "whole.csv", tmp_path / "rows.csv"
    await write_newsletter(reco, whole, n=3)

    def killed(stage, done, of):
        if stage == "users" and done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await write_newsletter(reco, target, n=3, progress=killed)
    assert not target.exists()
    with pytest.raises(ConfigError, match="ask for the same"):
        await write_newsletter(reco, target, n=2, resume=True)
    report = await write_newsletter(reco, target, n=3, resume=True)
    assert (report.resumed, report.users) == (4, 2)
    assert target.read_text() == whole.read_text()


async def test_without_resume_it_begins_anew(reco, tmp_path, monkeypatch):
    monkeypatch.setattr(newsletter_writing, "USERS_A_PART", 2)
    target = tmp_path / "rows.csv"

    def killed(stage, done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await write_newsletter(reco, target, n=3, progress=killed)
    report = await write_newsletter(reco, target, n=2)
    assert (report.resumed, report.users, report.rows) == (0, 6, 12)


async def test_named_users_and_strategies(reco, tmp_path):
    target = tmp_path / "rows.csv"
    report = await write_newsletter(reco, target, n=2, users=["anna", "zoe"], strategy="buy_again")
    assert (report.users, report.rows, report.empty) == (2, 1, 1)
    assert [(line["user_id"], line["item_id"]) for line in lines(target)] == [("anna", "kettle")]


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
async def test_a_shop_without_users_gives_a_file_without_lines(tmp_path, name):
    async with recommender() as reco:
        report = await write_newsletter(reco, tmp_path / name)
        assert (report.users, lines(tmp_path / name)) == (0, [])


async def test_which_fallback_answered_is_counted(tmp_path):
    async with recommender(placements={"email": {"strategy": "buy_again", "fallback": ["new_arrivals", "trending"]}}) as reco:
        await reco.upsert_items(WARDROBE)
        await reco.record(purchase("kettle", None, user_id="anna"))
        await reco.record(act("view_item", "hose", None, user_id="bo"))
        report = await write_newsletter(reco, tmp_path / "rows.csv", n=2)
        assert (report.fallbacks, report.users) == ({"new_arrivals": 1}, 2)
        assert {line["strategy"] for line in lines(tmp_path / "rows.csv")} == {"buy_again", "new_arrivals"}


async def test_another_kind_of_file_is_refused(reco, tmp_path):
    with pytest.raises(ConfigError, match=r"csv or .parquet"):
        await write_newsletter(reco, tmp_path / "rows.xlsx")
    assert list(tmp_path.iterdir()) == []


async def test_histories_are_read_beyond_what_a_serving_process_keeps():
    async with recommender(max_visitors=2) as reco:
        await reco.upsert_items(WARDROBE)
        for number in range(10):
            await reco.record(act("view_item", "hose", None, user_id=f"u{number}"))
        await reco.flush()
        readers = await read_users(reco)
        assert len(readers.users) == len(readers.tracker) == 10
        assert len(reco.tracker) == 2
