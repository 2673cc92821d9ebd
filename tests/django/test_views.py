import pytest
from django.test import Client

from django_reco import metrics
from tests.django.shops.plain.models import Product
from tests.django.test_context import recorded


def test_json(browser, products):
    answer = browser.get("/reco/recommend/", {"item": f"plain.product:{products[0].pk}", "n": 3})
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert (body["strategy"], body["placement"], len(body["items"])) == ("you_may_also_like", "item", 3)
    first = body["items"][0]
    assert first["title"].startswith("Linen summer dress")
    assert first["url"] == f"/p/{first['id'].partition(':')[2]}/"
    assert first["price"] == str(Product.objects.get(pk=first["id"].partition(":")[2]).price)
    assert "no-store" in answer.headers["Cache-Control"] or "no-cache" in answer.headers["Cache-Control"]


def test_filters(browser, products):
    body = browser.get("/reco/recommend/", {"strategy": "bestsellers", "price_max": "20", "category": "Kitchen", "n": 50}).json()
    assert len(body["items"]) == 6
    body = browser.get(
        "/reco/recommend/", {"strategy": "bestsellers", "exclude": f"plain.product:{products[6].pk}", "n": 50}
    ).json()
    assert len(body["items"]) == 11


def test_html(browser, products):
    page = browser.get("/reco/row/", {"item": f"plain.product:{products[0].pk}", "title": "<More>"}).content.decode()
    assert "&lt;More&gt;</h2>" in page
    assert page.count("reco-card__link") == 8
    assert browser.get("/reco/row/", {"strategy": "recently_viewed"}).content == b""


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"strategy": "magic"}, "strategy"),
        ({"strategy": "similar_items"}, "item"),
        ({"item": "7"}, "item"),
        ({"item": "auth.user:1"}, "item"),
        ({"n": "many"}, "n"),
        ({"n": "-1"}, "n"),
        ({"price_min": "x"}, "price_min"),
        ({"price_min": "nan"}, "price_min"),
        ({"placement": "moon"}, "placement"),
    ],
)
@pytest.mark.parametrize("path", ["/reco/recommend/", "/reco/row/"])
def test_bad_input(browser, products, query, field, path):
    answer = browser.get(path, query)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field


def test_huge_n_is_capped_and_methods_are_checked(browser, products):
    assert len(browser.get("/reco/recommend/", {"n": "1000000"}).json()["items"]) == 12
    assert browser.post("/reco/recommend/").status_code == 405
    assert browser.get("/reco/event/").status_code == 405


def test_broken_engine_answers_nothing(browser, products, monkeypatch):
    monkeypatch.setattr("django_reco.views.recommend", lambda *a, **k: 1 / 0)
    answer = browser.get("/reco/recommend/")
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    assert metrics.counts()["view.error"] == 1


@pytest.fixture
def shown(browser, products):
    page = browser.get("/reco/recommend/", {"strategy": "bestsellers"}).json()
    browser.get(f"/p/{products[0].pk}/")
    return page


def test_beacon(browser, shown):
    strict = Client(enforce_csrf_checks=True, headers={"user-agent": browser.defaults["HTTP_USER_AGENT"]})
    strict.cookies = browser.cookies
    answer = strict.post("/reco/event/", {"item": shown["items"][2]["id"], "token": shown["token"], "position": "2"})
    assert (answer.status_code, answer.content) == (204, b"")
    click = recorded()[-1]
    assert (click.kind, click.item_id, click.slate_id, click.position, click.placement) == (
        "select_item",
        shown["items"][2]["id"],
        shown["slate"],
        2,
        "home",
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"token": "forged"}, 403),
        ({"token": ""}, 403),
        ({"item": "auth.user:1"}, 400),
        ({"item": ""}, 400),
        ({"kind": "purchase"}, 400),
        ({"kind": "nothing"}, 400),
        ({"position": "x" * 5_000}, 413),
    ],
)
def test_beacon_refuses(browser, shown, change, status):
    before = len(recorded())
    fields = {"kind": "select_item", "item": shown["items"][0]["id"], "token": shown["token"], **change}
    assert browser.post("/reco/event/", fields).status_code == status
    assert len(recorded()) == before


@pytest.mark.parametrize("position", ["", "-1", "x", "99999", "²"])
def test_beacon_keeps_a_click_without_its_place(browser, shown, position):
    browser.post("/reco/event/", {"item": shown["items"][0]["id"], "token": shown["token"], "position": position})
    assert recorded()[-1].position is None


def test_beacon_needs_consent(browser, shown):
    before = len(recorded())
    browser.cookies["consent"] = "no"
    fields = {"item": shown["items"][0]["id"], "token": shown["token"]}
    assert browser.post("/reco/event/", fields).status_code == 204
    stranger = Client(headers={"user-agent": "Firefox"})
    stranger.cookies["consent"] = "yes"
    answer = stranger.post("/reco/event/", fields)
    assert answer.status_code == 204
    assert len(recorded()) == before
