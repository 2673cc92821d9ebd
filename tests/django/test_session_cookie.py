"""The session's cookie: a worker that knows nothing of a visitor is told by the visitor's own browser, and by nothing else."""

import time

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.core import signing
from django.http import HttpResponse
from django.test import Client, RequestFactory

import django_reco as reco
from django_reco import metrics
from django_reco.context import SALT as VISITOR_SALT
from django_reco.context import visitor_of
from django_reco.middleware import RecoMiddleware
from django_reco.recommender import process
from django_reco.session_cookie import MAX_BYTES, MAX_EVENTS, SESSION_SECONDS
from tests.django.conftest import BROWSER, make_products
from tests.django.test_context import page, recorded
from tests.django.test_session_encoding import VISITOR


def titles(browser):
    """What the home page says was recently viewed."""
    row = browser.get("/reco/recommend/", {"strategy": "recently_viewed", "n": 50})
    return [item["title"] for item in row.json()["items"]]


def known_visitor():
    return signing.get_cookie_signer(salt="reco_visitor" + VISITOR_SALT).sign(VISITOR)


def test_another_worker_knows_at_once_what_was_viewed_here(browser, products):
    browser.get(page(products))
    browser.get(page(products, 1))
    before = recorded()
    process.stop()  # a worker of its own: nothing in memory, nothing in the store
    assert titles(browser) == [products[1].title, products[0].title]
    assert [i.kind for i in before] == ["view_item", "view_item"]
    assert recorded() == []  # it was recorded where it happened, and is not recorded again


def test_without_the_cookie_another_worker_does_not_know(browser, products, settings):
    settings.RECO = {**settings.RECO, "COOKIE": {"session_name": ""}}
    answer = browser.get(page(products))
    assert set(answer.cookies) == {"reco_visitor"}
    assert titles(browser) == [products[0].title]
    process.stop()
    assert titles(browser) == []


def test_what_was_told_before_counts_once(browser, products):
    browser.get(page(products))
    for _ in range(3):
        assert titles(browser) == [products[0].title]
    (interaction,) = recorded()
    tracker = process.backend().facade.core.tracker
    assert len(tracker.history(interaction.visitor_id, None, time.time())) == 1


def test_the_beacon_is_carried_too(browser, products):
    row = browser.get("/reco/recommend/", {"strategy": "bestsellers", "n": 3}).json()
    item = row["items"][0]
    browser.post("/reco/event/", {"kind": "select_item", "item": item["id"], "token": row["token"]})
    process.stop()
    assert titles(browser) == [item["title"]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/p/{}/", "/async/{}/"])
async def test_async_and_sync_views_under_asgi(async_client, transactional_db, path):
    made = await sync_to_async(make_products)()
    async_client.cookies["consent"] = "yes"
    answer = await async_client.get(path.format(made[0].pk), headers={"user-agent": BROWSER})
    assert {"reco_visitor", "reco_session"} <= set(answer.cookies)
    await sync_to_async(process.stop)()
    answer = await async_client.get(f"/awaited/{made[1].pk}/", headers={"user-agent": BROWSER})
    assert "reco_session" not in answer.cookies
    assert metrics.counts()["session.read"] == 1
    home = (await async_client.get("/", headers={"user-agent": BROWSER})).content.decode()
    assert made[0].title in home.partition("Recently viewed")[2]


def test_it_is_set_with_consent_and_out_of_reach_of_scripts(client, products):
    client.defaults["HTTP_USER_AGENT"] = BROWSER
    assert "reco_session" not in client.get(page(products)).cookies
    client.cookies["consent"] = "yes"
    cookie = client.get(page(products)).cookies["reco_session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", SESSION_SECONDS)


def test_it_is_set_only_when_it_changes(browser, products):
    assert "reco_session" in browser.get(page(products)).cookies
    assert "reco_session" not in browser.get("/").cookies
    assert "reco_session" not in browser.get("/nowhere/").cookies
    assert "reco_session" in browser.get(page(products, 1)).cookies


def test_it_is_not_read_where_nobody_asks(browser, db):
    browser.cookies["reco_visitor"] = known_visitor()
    browser.cookies["reco_session"] = "forged"
    assert browser.get("/nowhere/").cookies == {}
    assert "session.refused" not in metrics.counts()


@pytest.mark.parametrize(
    ("control", "is_set"), [("", True), ("private, max-age=60", True), ("public, max-age=60", False), ("s-maxage=60", False)]
)
def test_pages_that_caches_keep_for_everybody_are_left_alone(products, control, is_set):
    def view_of(request):
        reco.track(request, "view_item", products[0])
        return HttpResponse(headers={"Cache-Control": control} if control else {})

    request = RequestFactory().get("/", headers={"user-agent": BROWSER})
    request.COOKIES = {"consent": "yes", "reco_visitor": known_visitor()}
    answer = RecoMiddleware(view_of)(request)
    assert ("reco_session" in answer.cookies, "private" in answer.get("Cache-Control", "")) == (is_set, is_set)


@pytest.mark.parametrize("left", [("reco_visitor", "reco_session"), ("reco_session",)])
def test_withdrawn_consent_deletes_it(browser, products, left):
    browser.get(page(products))
    for name in {"reco_visitor", "reco_session"} - set(left):
        del browser.cookies[name]
    browser.cookies["consent"] = "no"
    for path in ("/nowhere/", "/"):
        answer = browser.get(path)
        assert (answer.cookies["reco_session"]["max-age"], answer.cookies["reco_session"].value) == (0, "")
        browser.cookies["reco_session"] = "still there"
    assert "session.refused" not in metrics.counts()


def test_a_page_with_a_forged_cookie_is_a_page_and_mends_it(browser, products):
    browser.get(page(products))
    browser.cookies["reco_session"] = "forged"
    process.stop()
    answer = browser.get("/")
    assert answer.status_code == 200
    assert "Recently viewed" not in answer.content.decode()
    assert answer.cookies["reco_session"]["max-age"] == 0
    assert metrics.counts()["session.refused"] == 1
    assert "tag.error" not in metrics.counts()


def test_another_browsers_cookie_is_nothing(browser, products):
    browser.get(page(products))
    other = Client(headers={"user-agent": BROWSER})
    other.cookies["consent"] = "yes"
    other.get(page(products, 1))
    other.cookies["reco_session"] = browser.cookies["reco_session"].value
    process.stop()
    assert titles(other) == []
    assert metrics.counts()["session.refused"] == 1


def test_a_shop_where_two_log_in_from_one_browser(products):
    def request(user, cookies):
        made = RequestFactory().get("/", headers={"user-agent": BROWSER})
        made.COOKIES, made.user = cookies, user
        return made

    def asked(user, *tracked):
        """Return the titles viewed recently in a worker that knows nothing, and the cookies after the page."""
        process.stop()
        made = request(user, dict(cookies))
        seen = [obj.title for obj in reco.recommend(made, "recently_viewed")]
        for product in tracked:
            reco.track(made, "view_item", product)
        answer = RecoMiddleware(lambda _: HttpResponse())(made)
        cookies.update({name: morsel.value for name, morsel in answer.cookies.items()})
        return seen

    cookies = {"consent": "yes"}
    ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
    assert asked(AnonymousUser(), products[0]) == []
    assert asked(ann, products[1]) == [products[0].title]
    assert asked(ann) == [products[1].title, products[0].title]
    assert asked(bob, products[2]) == []
    assert asked(bob) == [products[2].title]


def test_what_is_recorded_for_another_is_not_this_browsers(products):
    request = RequestFactory().get("/", headers={"user-agent": BROWSER})
    request.COOKIES = {"consent": "yes"}
    assert reco.track(request, "view_item", products[0], visitor_id="somebody else")
    assert visitor_of(request).session.replacement(None) is None


def test_it_holds_the_newest_and_stays_small(browser, products, db):
    for product in [*products, *make_products()]:
        answer = browser.get(page([product]))
    text = answer.cookies["reco_session"].value
    assert len(text) <= MAX_BYTES
    process.stop()
    assert len(titles(browser)) == MAX_EVENTS
