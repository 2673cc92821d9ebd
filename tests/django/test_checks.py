"""Each system check, triggered; none touches the database (no test here has one)."""

from types import SimpleNamespace

import pytest
from django.core.checks import run_checks

import django_reco as reco
from django_reco import registry
from django_reco.checks import CHECKS, check_deployment, check_settings

GOOD = {"ITEMS": "plain.Product", "MODE": "inline"}
ITEM = {"model": "plain.Product"}
LINE = {"model": "plain.OrderLine", "item": "product"}


def found(settings, raw):
    settings.RECO = raw
    return check_settings()


def ids(messages):
    return [message.id for message in messages]


def item(**fields):
    return {**GOOD, "ITEMS": {**ITEM, **fields}}


def lines(**fields):
    return {**GOOD, "ORDERS": {**LINE, **fields}}


CASES = [
    ("reco.E001", "shop.Product", "not a dict"),
    ("reco.E002", {"ITEM": "plain.Product", **GOOD}, "'ITEM'"),
    ("reco.E003", {**GOOD, "POLL_SECONDS": -1}, "out of range"),
    ("reco.E010", {**GOOD, "ITEMS": "plain.Produkt"}, "no installed model"),
    ("reco.E010", {**GOOD, "ITEMS": "Product"}, "app_label.Model"),
    ("reco.E011", item(price="prize"), "has no 'prize'"),
    ("reco.E011", item(text=["title", "category.nam"]), "has no 'nam'"),
    ("reco.E011", item(text="tests.django.nowhere.at_all"), "neither"),
    ("reco.E011", item(attributes={"size": "sizes"}), "attributes['size']"),
    ("reco.E012", item(queryset="objects.browsable"), "no 'browsable'"),
    ("reco.E012", item(queryset="tests.django.nowhere.at_all"), "neither"),
    ("reco.E012", item(result_queryset="published"), "neither"),
    ("reco.E012", item(where={"is_activ": True}), "is_activ"),
    ("reco.E013", item(watch={"plain.Stock": "product"}), "no installed model"),
    ("reco.E013", item(watch=["plain.Order"]), "give the path"),
    ("reco.E020", {**GOOD, "ORDERS": {**LINE, "model": "plain.Nothing"}}, "no installed model"),
    ("reco.E020", {**GOOD, "ORDERS": {"model": "plain.OrderLine"}}, "'item'"),
    ("reco.E021", lines(item="produkt"), "has no 'produkt'"),
    ("reco.E021", lines(at="order.placed_at"), "has no 'placed_at'"),
    ("reco.E021", lines(where={"order__payed": True}), "payed"),
    ("reco.E021", lines(refunded={"stolen": True}), "refunded"),
    ("reco.E030", {**GOOD, "EVENTS": {"a.b": {"kind": "seen", "item": "x"}}}, "seen"),
    ("reco.E031", {**GOOD, "EVENTS": {"a.b": {"kind": "view_item", "item": "x"}}}, "cannot be imported"),
    ("reco.E031", {**GOOD, "EVENTS": {"tests.django.signals.not_a_signal": {"kind": "view_item", "item": "x"}}}, "not a signal"),
    ("reco.E040", {**GOOD, "CONSENT": "tests.django.consent.nothing"}, "cannot be imported"),
    ("reco.E003", {**GOOD, "SEGMENTS": ["wholesale"]}, "list, not a dict"),
    ("reco.E003", {**GOOD, "SEGMENTS": {"customer": "tests.django.consent.says_cookie"}}, "known by itself"),
    ("reco.E003", {**GOOD, "SEGMENTS": {"wholesale": 7}}, "wholesale"),
    ("reco.E041", {**GOOD, "SEGMENTS": {"wholesale": "tests.django.consent.nothing"}}, "cannot be imported"),
    ("reco.E050", {**GOOD, "STORE": "mysql://x"}, "mysql"),
    ("reco.E060", {**GOOD, "PLACEMENTS": 7}, "int, not a dict"),
    ("reco.E060", {**GOOD, "PLACEMENTS": {"basket": {}}}, "no placement 'basket'"),
    ("reco.E060", {**GOOD, "PLACEMENTS": {"cart": {"strategy": "magic"}}}, 'RECO["PLACEMENTS"]["cart"]["strategy"]'),
    ("reco.E060", {**GOOD, "PLACEMENTS": {"cart": {"title": 7}}}, "title"),
    ("reco.E060", {**GOOD, "PLACEMENTS": {"cart": {"filters": {"colour": "red"}}}}, "no filter 'colour'"),
    ("reco.E061", {**GOOD, "PLACEMENTS": {"cart": {"seeds": "tests.django.nothing"}}}, "tests.django.nothing"),
    ("reco.E061", {**GOOD, "PLACEMENTS": {"cart": {"template": "nowhere.html"}}}, "nowhere.html"),
    ("reco.W001", {"MODE": "inline"}, "no items"),
]


@pytest.mark.parametrize(("check_id", "raw", "says"), CASES)
def test_check(settings, check_id, raw, says):
    messages = found(settings, raw)
    assert ids(messages) == [check_id]
    assert says in messages[0].msg
    assert messages[0].hint


def test_good_settings_say_nothing(settings):
    assert found(settings, GOOD) == []
    assert found(settings, item(text=["title", "category.parent.name", "labels.name"], queryset="objects", url="")) == []


def test_registered_twice(settings):
    try:

        @reco.register("plain.Product")
        class ProductItems(reco.Items):
            price = "prize"

        assert ids(found(settings, GOOD)) == ["reco.W002", "reco.E011"]
        reco.register("plain.Nothing")(ProductItems)
        assert ids(found(settings, {"MODE": "inline"})) == ["reco.E010"]
    finally:
        registry._registered.clear()
        registry.reset()


def test_other_database(settings):
    postgres = {"default": {"ENGINE": "django.db.backends.mysql", "NAME": "shop"}}
    settings.RECO = {"ITEMS": "plain.Product"}
    assert check_settings() == []  # in memory: in line with each request
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django_reco.places.settings", SimpleNamespace(DATABASES=postgres))
        assert ids(check_settings()) == ["reco.W003"]
        settings.RECO = {"ITEMS": "plain.Product", "STORE": "sqlite:////tmp/x.sqlite3"}
        assert check_settings() == []


def test_postgresql_without_asyncpg(settings, monkeypatch):
    settings.RECO = {"ITEMS": "plain.Product"}
    postgres = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "shop"}}
    monkeypatch.setattr("django_reco.places.settings", SimpleNamespace(DATABASES=postgres))
    monkeypatch.setattr("django_reco.checks.postgres_url", lambda: "postgresql:///shop")
    assert check_settings() == []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert ids(check_settings()) == ["reco.W007"]


def test_consent_without_middleware(settings):
    settings.MIDDLEWARE = []
    assert ids(found(settings, {**GOOD, "CONSENT": "tests.django.consent.says_cookie"})) == ["reco.W004"]


def test_embedding_without_the_package(settings, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert ids(found(settings, {**GOOD, "EMBED_IN_WEB": True})) == ["reco.W005"]
    assert found(settings, {**GOOD, "EMBED_IN_WEB": True, "MODEL": "hashing"}) == []


def test_inline_in_production(settings):
    settings.RECO = GOOD
    assert ids(check_deployment()) == ["reco.W006"]
    settings.RECO = {"ITEMS": "plain.Product"}
    assert check_deployment() == []


def test_each_is_in_the_table_and_tested():
    tested = {check_id for check_id, *_ in CASES} | {f"reco.W00{n}" for n in range(2, 8)}
    assert tested == set(CHECKS)


def test_django_runs_them(settings):
    settings.RECO = {**GOOD, "MODE": "fast"}
    assert ids(run_checks(tags=["reco"]))[0] == "reco.E003"


def test_wrong_settings_leave_pages_alone(client, db, settings):
    settings.RECO = {"NOPE": 1}
    assert client.get("/", headers={"user-agent": "Firefox"}).status_code == 200
