import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, RequestFactory

import django_reco as reco
from django_reco import metrics
from django_reco.context import visitor_of
from django_reco.middleware import RecoMiddleware
from django_reco.recommender import process
from reco_sdk.interactions.robots import is_robot
from tests.django.conftest import BROWSER


def page(products, index=0):
    return f"/p/{products[index].pk}/"


def recorded():
    process.backend().flush()
    found = process.backend().facade
    return [stored.interaction for stored in found.run(found.core.store.interactions_since(0))]


def test_cookie_only_with_consent(client, products):
    client.defaults["HTTP_USER_AGENT"] = BROWSER
    answer = client.get(page(products))
    assert "reco_visitor" not in answer.cookies
    assert recorded() == []
    client.cookies["consent"] = "yes"
    answer = client.get(page(products))
    cookie = answer.cookies["reco_visitor"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert "Cookie" in answer.headers["Vary"]
    assert [i.kind for i in recorded()] == ["view_item"]
    assert cookie.value.startswith(recorded()[0].visitor_id + ":")


def test_same_visitor_next_time(browser, products):
    browser.get(page(products))
    answer = browser.get(page(products, 1))
    assert "reco_visitor" not in answer.cookies
    assert len({i.visitor_id for i in recorded()}) == 1
    assert [i.item_id for i in recorded()] == [f"plain.product:{p.pk}" for p in products[:2]]


def test_a_cache_of_whole_pages_gives_nobody_anothers_cookies(products, settings):
    """Before they have a visitor's cookie, all who consented send the same ones: a page that is kept for them is one page."""
    cached = "django.middleware.cache.{}CacheMiddleware".format
    settings.MIDDLEWARE = [cached("Update"), *settings.MIDDLEWARE, cached("FetchFrom")]
    found = []
    for _ in range(2):
        client = Client(headers={"user-agent": BROWSER})
        client.cookies["consent"] = "yes"
        found.append(client.get(page(products)).cookies)
    for name in ("reco_visitor", "reco_session"):
        assert found[0][name].value != found[1][name].value
    cache.clear()


@pytest.mark.parametrize("control", ["", "public, max-age=60"])
def test_a_page_that_gives_a_cookie_is_private(products, control):
    def view_of(request):
        reco.track(request, "view_item", products[0])
        return HttpResponse(headers={"Cache-Control": control} if control else {})

    answer = RecoMiddleware(view_of)(request_of())
    assert "reco_visitor" in answer.cookies
    assert "private" in answer["Cache-Control"]
    assert "public" not in answer["Cache-Control"]


def test_forged_cookie_is_another_visitor(browser, products):
    browser.cookies["reco_visitor"] = "me:forged"
    answer = browser.get(page(products))
    assert "reco_visitor" in answer.cookies
    assert recorded()[0].visitor_id != "me"


def test_withdrawn_consent_deletes_the_cookie(browser, products):
    browser.get(page(products))
    browser.cookies["consent"] = "no"
    answer = browser.get(page(products, 1))
    assert answer.cookies["reco_visitor"]["max-age"] == 0
    assert len(recorded()) == 1


@pytest.mark.parametrize("consent", ["", "tests.django.consent.breaks", "tests.django.nowhere"])
def test_no_cookie_without_a_working_consent(browser, products, settings, consent):
    settings.RECO = {**settings.RECO, "CONSENT": consent}
    answer = browser.get(page(products))
    assert answer.status_code == 200
    assert "reco_visitor" not in answer.cookies


def test_no_cookie_on_pages_without_recommendations(browser, db):
    assert "reco_visitor" not in browser.get("/nowhere/").cookies


def test_login_joins_browser_and_account(browser, products):
    browser.get(page(products))
    user = User.objects.create_user("shopper", password="x")
    browser.login(username="shopper", password="x")  # without a request: nothing to join
    request = RequestFactory().get("/", HTTP_USER_AGENT=BROWSER)
    request.COOKIES = {name: morsel.value for name, morsel in browser.cookies.items()}
    request.session = browser.session
    from django.contrib.auth import login

    login(request, user)
    assert process.backend().facade.core.engine.aliases == {recorded()[0].visitor_id: str(user.pk)}
    assert list(reco.recommend(request, "recently_viewed")) == [products[0]]


def test_account_is_followed_without_cookie_where_no_consent_is_asked(client, products, settings):
    settings.RECO = {**settings.RECO, "CONSENT": ""}
    client.defaults["HTTP_USER_AGENT"] = BROWSER
    user = User.objects.create_user("shopper")
    client.force_login(user)
    client.get(page(products))
    assert [(i.user_id, i.visitor_id) for i in recorded()] == [(str(user.pk), None)]


def test_account_that_said_no_is_not_followed(client, products):
    client.defaults["HTTP_USER_AGENT"] = BROWSER
    client.force_login(User.objects.create_user("shopper"))
    client.get(page(products))
    assert recorded() == []


@pytest.mark.parametrize(("ignored", "count"), [(True, 0), (False, 1)])
def test_staff(browser, products, settings, ignored, count):
    settings.RECO = {**settings.RECO, "IGNORE_STAFF": ignored}
    browser.force_login(User.objects.create_user("boss", is_staff=True))
    assert "You may also like" in browser.get(page(products)).content.decode()
    assert len(recorded()) == count


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "   ",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "curl/8.5",
        "python-requests/2.32",
        "Mozilla/5.0 (X11) HeadlessChrome/120",
        "facebookexternalhit/1.1",
    ],
)
def test_bots_see_rows_and_leave_no_trace(browser, products, agent):
    browser.defaults["HTTP_USER_AGENT"] = agent
    answer = browser.get(page(products))
    assert "You may also like" in answer.content.decode()
    assert "reco_visitor" not in answer.cookies
    assert recorded() == []


@pytest.mark.parametrize(
    "agent", [BROWSER, "Mozilla/5.0 (Linux; Android 9; CUBOT X20) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36"]
)
def test_people_are_no_bots(agent):
    assert not is_robot(agent)


def request_of(user=None, **cookies):
    request = RequestFactory().get("/", HTTP_USER_AGENT=BROWSER)
    request.COOKIES = {"consent": "yes", **cookies}
    request.user = user or AnonymousUser()
    return request


def test_track(products):
    request = request_of()
    assert reco.track(request, "add_to_cart", products[0], quantity=2)
    assert reco.track(request, "search", query="red dress")
    assert [(i.kind, i.quantity, i.query) for i in recorded()] == [("add_to_cart", 2, None), ("search", 1, "red dress")]
    assert {i.visitor_id for i in recorded()} == {visitor_of(request).visitor_id}


@pytest.mark.parametrize(
    ("kind", "obj", "fields"),
    [
        ("looked", "plain.product:1", {}),
        ("view_item", None, {}),
        ("view_item", 3, {}),
        ("add_to_cart", "plain.product:1", {"quantity": 0}),
        ("search", None, {"query": ""}),
        ("view_item", "plain.product:1", {"colour": "red"}),
        ("view_item", "plain.product:1", {"at": "2090-01-01T00:00:00+00:00"}),
    ],
)
def test_track_never_raises(products, kind, obj, fields):
    assert reco.track(request_of(), kind, obj, **fields) is False
    assert metrics.counts().get("track.refused", 0) + metrics.counts().get("track.error", 0) == 1
    assert recorded() == []


def test_track_without_recommender(products, settings, monkeypatch):
    monkeypatch.setattr("django_reco.places.in_memory", lambda alias="default": False)
    settings.RECO = {
        "ITEMS": "plain.Product",
        "STORE": "sqlite:////nowhere/x",
        "MODEL": "hashing",
        "CONSENT": settings.RECO["CONSENT"],
    }
    assert reco.track(request_of(), "view_item", products[0]) is False
    assert metrics.counts()["track.lost"] == 1


def impressions():
    process.backend().flush()
    facade = process.backend().facade
    return facade.run(facade.core.store.impression_count())


def test_rows_shown_are_logged_for_those_who_are_followed(browser, products):
    browser.get(page(products))
    assert impressions() == 1
    browser.cookies["consent"] = "no"
    browser.get(page(products))
    browser.cookies["consent"] = "yes"
    browser.force_login(User.objects.create_user("boss", is_staff=True))
    browser.get(page(products))
    assert impressions() == 1


def test_only_what_is_shown_is_logged(browser, products):
    browser.get(page(products))
    process.backend().flush()
    facade = process.backend().facade
    answer = browser.get("/reco/recommend/", {"strategy": "bestsellers", "n": 3}).json()
    process.backend().flush()
    logged = facade.run(facade.core.store.get_impression(answer["slate"]))
    assert list(logged.item_ids) == [item["id"] for item in answer["items"]]


def test_looking_ahead_is_no_view(browser, products):
    browser.get(page(products), headers={"sec-purpose": "prefetch;prerender"})
    assert recorded() == []


def test_reco_view_records_once(products):
    from django.template import Context, Template

    request = request_of()
    source = (
        "{% load reco %}{% reco_view product %}{% reco_view product %}{% similar_items product as s %}{% reco_view nothing %}"
    )
    Template(source).render(Context({"product": products[0], "request": request}))
    assert [i.kind for i in recorded()] == ["view_item"]


def test_views_are_left_to_the_shop_if_it_says_so(browser, products, settings):
    settings.RECO = {**settings.RECO, "TRACK_VIEWS": False}
    browser.get(page(products))
    assert recorded() == []
