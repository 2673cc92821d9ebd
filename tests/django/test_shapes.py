"""Every configuration in ``examples/configurations`` on a shop of its shape: synced, shown, bought, hidden."""

import io
from pathlib import Path

import pytest
from django.core.management import call_command

import django_reco as reco
from django_reco import dirty, registry
from django_reco.indexer import read_orders
from django_reco.recommender import process
from django_reco.rendering import cards
from tests.django.shapes import DRESSES, MUGS, SHAPES, Headless

pytestmark = pytest.mark.django_db
FOLDER = Path(__file__).resolve().parents[2] / "examples" / "configurations"


@pytest.fixture(params=SHAPES, ids=lambda shape: shape.name)
def shape(request, settings):
    made = request.param()
    settings.ROOT_URLCONF = "tests.django.shop_urls"
    settings.RECO = {**made.settings, "MODE": "inline"}
    return made


def titles(slate):
    return [str(obj) for obj in slate]


def test_each_configuration_has_its_shop():
    assert {path.stem for path in FOLDER.glob("*.py")} == {"__init__", *(shape.name for shape in SHAPES)}


def test_settings_are_sound(shape):
    call_command("check", "--tag", "reco", "--fail-level", "WARNING")


def test_sync_takes_all_of_it_once(shape, settings, tmp_path):
    settings.RECO = {**shape.settings, "STORE": f"sqlite:///{tmp_path}/reco.sqlite3", "MODEL": "hashing"}
    things = shape.make()
    shape.buy([things[0], things[5]])
    shape.leave([things[1]])

    def sync():
        out = io.StringIO()
        call_command("reco_sync", stdout=out, no_color=True)
        return out.getvalue()

    first = sync()
    assert "0 refused" in first
    assert "2 new purchases" in first
    second = sync()
    assert "0 new, 0 changed, 0 removed, 0 refused" in second
    assert "nothing is new" in second


def test_rows_show_what_is_like_it(shape):
    things = shape.make()
    slate = reco.recommend(shape.request(), "similar_items", seeds=[things[0]], n=4)
    assert sorted(titles(slate)) == DRESSES[1:]
    assert all(type(obj) is type(things[0]) for obj in slate)
    card = dict(cards(slate))[slate[0]]
    assert card.title == str(slate[0])
    assert card.price is not None
    everything = reco.recommend(shape.request(), "new_arrivals", n=50)
    assert sorted(titles(everything)) == sorted(DRESSES + MUGS)


def test_rows_need_few_queries(shape, django_assert_max_num_queries):
    shape.make()
    reco.recommend(shape.request(), "new_arrivals", n=2)
    process._backend.facade.refresh()
    with django_assert_max_num_queries(40) as before:
        list(cards(reco.recommend(shape.request(), "new_arrivals", n=1)))
    with django_assert_max_num_queries(40) as after:
        assert len(list(cards(reco.recommend(shape.request(), "new_arrivals", n=8)))) == 8
    # Two models are two queries; nothing is asked for each object.
    assert len(after) - len(before) <= 1


def test_what_is_bought_together_is_learnt_and_counted_once(shape):
    things = shape.make()
    for _ in range(3):
        shape.buy([things[0], things[9]])
    shape.leave([things[0], things[3]])
    assert reco.recommend(shape.request(), "bought_together", seeds=[things[0]], n=3)[0] == things[9]
    assert set(reco.recommend(shape.request(), "bestsellers", n=2)) == {things[0], things[9]}
    for rebuild in (False, True):
        assert read_orders(process.backend(), rebuild=rebuild).new == 0
    shape.buy([things[9]])
    assert read_orders(process.backend()).new == 1


def test_what_is_hidden_vanishes_from_every_row(shape):
    things = shape.make()
    gone = str(things[1])
    shape.buy([things[0], things[1]])

    def rows():
        for strategy, seeds in (
            ("similar_items", things[:1]),
            ("bought_together", things[:1]),
            ("bestsellers", ()),
            ("new_arrivals", ()),
        ):
            yield titles(reco.recommend(shape.request(), strategy, seeds=seeds, n=20))

    assert all(gone in row for row in rows())
    item_id = registry.item_id_of(things[1])
    shape.hide(things[1])
    assert item_id in {marked for _, marked in dirty.take("default")}
    assert all(row and gone not in row for row in rows())


def test_a_headless_shop_calls_nothing_but_json(browser, settings):
    shape = Headless()
    settings.RECO = {**shape.settings, "MODE": "inline"}
    things = shape.make()
    seed = registry.item_id_of(things[0])

    def ask(**query):
        answer = browser.get("/reco/recommend/", query)
        assert answer.status_code == 200
        return answer.json()

    similar = ask(item=seed, strategy="similar_items", n=4, view=1)
    assert sorted(item["title"] for item in similar["items"]) == DRESSES[1:]
    assert [item["id"] for item in ask(strategy="recently_viewed")["items"]] == [seed]
    chosen = {"kind": "add_to_cart", "item": similar["items"][0]["id"], "token": similar["token"], "position": 0}
    assert browser.post("/reco/event/", chosen).status_code == 204
    for _ in range(3):
        shape.buy([things[0], things[9]])
    assert ask(item=seed, strategy="bought_together", n=1)["items"][0]["id"] == registry.item_id_of(things[9])
    shape.hide(things[9])
    assert registry.item_id_of(things[9]) not in {item["id"] for item in ask(strategy="bestsellers", n=50)["items"]}
