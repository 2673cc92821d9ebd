"""The session's cookie: a worker that knows nothing of a visitor is told by the visitor's own browser, and by nothing else."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.core import signing
from django.http import HttpResponse
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

import django_reco as reco
from django_reco import metrics
from django_reco.context import SALT as VISITOR_SALT
from django_reco.context import visitor_of
from django_reco.middleware import RecoMiddleware
from django_reco.recommender import process
from django_reco.session_cookie import MAX_BYTES, MAX_EVENTS, SALT, SESSION_SECONDS, SessionCookie, carried
from reco_sdk.interactions.interaction import KIND_CODES, Interaction
from tests.django.conftest import BROWSER, make_products
from tests.django.test_context import page, recorded

VISITOR = "v" * 22


def titles(browser):
    """What the home page says was recently viewed."""
    row = browser.get("/reco/recommend/", {"strategy": "recently_viewed", "n": 50})
    return [item["title"] for item in row.json()["items"]]


def view(item_id="plain.product:1", *, ago=0.0, **fields):
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return Interaction(**{"kind": "view_item", "item_id": item_id, "visitor_id": VISITOR, "at": at, **fields})


def written(*interactions, visitor_id=VISITOR, user_id=None):
    """Return the cookie after a request that recorded these."""
    cookie = SessionCookie(visitor_id, None)
    for interaction in interactions:
        cookie.note(interaction)
    return cookie.replacement(user_id)


def taken(text, *, visitor_id=VISITOR, user_id=None):
    return SessionCookie(visitor_id, text).take(user_id)


def clock(monkeypatch, now):
    monkeypatch.setattr("django_reco.session_cookie.time", SimpleNamespace(time=lambda: now))


def items(events):
    return [event.item_id for event in events]


# -- from worker to worker


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


# -- when it is set


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
    browser.cookies["reco_visitor"] = signing.get_cookie_signer(salt="reco_visitor" + VISITOR_SALT).sign(VISITOR)
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
    request.COOKIES = {"consent": "yes"}
    assert ("reco_session" in RecoMiddleware(view_of)(request).cookies) is is_set


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


# -- what is not believed


def forged():
    text = written(view())
    changed = text[:9] + ("A" if text[9] != "A" else "B") + text[10:]
    return {
        "nonsense": "forged",
        "nothing but marks": ":.:",
        "changed": changed,
        "another visitor's": written(view(), visitor_id="w" * 22),
        "too long": text + "A" * MAX_BYTES,
        "of another release": signing.dumps({"events": []}, salt=f"{SALT}:{VISITOR}"),
        "of a kind that is not known": signing.dumps(["", int(time.time()), [[99, 0, "a"]]], salt=f"{SALT}:{VISITOR}"),
        "of no numbers": signing.dumps(["", "now", [["0", "0", "a"]]], salt=f"{SALT}:{VISITOR}"),
        "not text": "\udcff\x00é",
    }


@pytest.mark.parametrize("what", forged())
def test_what_this_site_did_not_sign_for_this_visitor_is_nothing(what):
    metrics.reset()
    cookie = SessionCookie(VISITOR, forged()[what])
    assert cookie.take(None) == ()
    assert cookie.replacement(None) == ""
    assert metrics.counts() == {"session.refused": 1}


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


def test_a_secret_key_that_is_changed(settings):
    text = written(view())
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert items(taken(text)) == ["plain.product:1"]
    settings.SECRET_KEY_FALLBACKS = []
    assert taken(text) == ()


def test_a_session_that_is_over_is_nothing(monkeypatch):
    text = written(view())
    later = time.time() + SESSION_SECONDS + 2
    clock(monkeypatch, later)
    metrics.reset()
    cookie = SessionCookie(VISITOR, text)
    assert cookie.take(None) == ()
    assert cookie.replacement(None) == ""
    assert metrics.counts() == {"session.expired": 1}


def test_only_the_session_that_goes_on_is_carried():
    pauses = [view(f"p:{minutes}", ago=minutes * 60) for minutes in (75, 40, 15, 0)]
    assert items(taken(written(*pauses))) == ["p:40", "p:15", "p:0"]


# -- clocks


@pytest.mark.parametrize(("ahead", "known"), [(60, True), (3_600, False)])
def test_a_host_whose_clock_runs_ahead(ahead, known, monkeypatch):
    now = time.time()
    clock(monkeypatch, now + ahead)
    text = written(view("p:1", ago=-ahead))
    clock(monkeypatch, now)
    cookie = SessionCookie(VISITOR, text)
    assert items(cookie.take(None)) == ["p:1"] * known
    cookie.note(view("p:2"))
    assert set(items(taken(cookie.replacement(None)))) == {"p:2"} | ({"p:1"} if known else set())


# -- accounts


def carried_to(first, then):
    """Whether what ``first`` did in this browser is known when it is ``then`` who asks."""
    return bool(taken(written(view(), user_id=first), user_id=then))


@pytest.mark.parametrize(
    ("first", "then", "known"), [(None, "1", True), ("1", "1", True), ("1", None, True), ("1", "2", False), (None, None, True)]
)
def test_what_one_account_did_is_not_anothers(first, then, known):
    metrics.reset()
    assert carried_to(first, then) is known
    assert metrics.counts().get("session.refused", 0) == (not known)


def test_who_logs_out_leaves_the_session_to_the_account():
    cookie = SessionCookie(VISITOR, written(view("p:1"), user_id="1"))
    cookie.note(view("p:2"))
    text = cookie.replacement(None)
    assert items(taken(text, user_id="1")) == ["p:1", "p:2"]
    assert taken(text, user_id="2") == ()
    other = SessionCookie(VISITOR, text)
    other.note(view("p:3"))
    assert items(taken(other.replacement("2"), user_id="2")) == ["p:3"]


def test_a_login_takes_the_session_over():
    cookie = SessionCookie(VISITOR, written(view("p:1")))
    assert items(cookie.take("1")) == ["p:1"]
    text = cookie.replacement("1")  # nothing was done, but it belongs to somebody now
    assert (items(taken(text, user_id="1")), taken(text, user_id="2")) == (["p:1"], ())


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


# -- how much it holds


def test_it_holds_the_newest_and_stays_small(browser, products, db):
    for product in [*products, *make_products()]:
        answer = browser.get(page([product]))
    text = answer.cookies["reco_session"].value
    assert len(text) <= MAX_BYTES
    process.stop()
    assert len(titles(browser)) == MAX_EVENTS


def test_keys_of_any_kind_fit():
    views = [view(f"some_catalogue.product:{uuid.UUID(int=n * 2**100 + n**9)}", ago=99 - n) for n in range(99)]
    text = written(*views)
    assert len(text) <= MAX_BYTES
    assert items(taken(text)) == [v.item_id for v in views[-MAX_EVENTS:]]


def test_what_is_too_long_to_carry_is_left_out():
    text = written(view("p:1", ago=1), view("x" * 101), view(None, kind="search", query="y" * 101))
    assert items(taken(text)) == ["p:1"]


def test_each_thing_is_carried_once():
    cookie = SessionCookie(VISITOR, written(view("p:1", ago=9), view("p:2", ago=5)))
    cookie.note(view("p:1"))
    assert items(taken(cookie.replacement(None))) == ["p:2", "p:1"]


TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=130).filter(str.strip)
KINDS = st.sampled_from(KIND_CODES)


@st.composite
def interactions(draw):
    kind = draw(KINDS)
    # Far from where a session ends, so that the moments between writing and reading do not matter.
    fields = {"kind": kind, "ago": 60 * draw(st.integers(0, 90)) + 30 + draw(st.floats(0, 0.999))}
    if kind == "rate":
        fields["value"] = draw(st.floats(0, 5))
    if kind == "search":
        fields["query"] = draw(TEXTS)
    return view(None if kind == "search" else draw(TEXTS | st.sampled_from(["shop.product:1", "shop.product:2"])), **fields)


@given(st.lists(interactions(), max_size=30))
def test_what_is_written_is_read(done):
    text = written(*done)
    metrics.reset()
    found = taken(text)
    wanted = carried((event for i in done for event in noted(i)), time.time())
    assert found == wanted[len(wanted) - len(found) :]
    assert len(text or "") <= MAX_BYTES
    assert bool(found) == bool(wanted)
    assert len(found) <= MAX_EVENTS
    assert "session.refused" not in metrics.counts()
    # What was read and is written again without news is the same.
    again = SessionCookie(VISITOR, text)
    assert again.take(None) == found
    assert again.take(None) == ()
    assert again.replacement(None) is None


def noted(interaction):
    cookie = SessionCookie(VISITOR, None)
    cookie.note(interaction)
    return cookie._done


@given(st.text(max_size=60) | st.text(":.Aa-_", max_size=30))
def test_any_text_is_read_without_harm(text):
    assert taken(text) == ()
