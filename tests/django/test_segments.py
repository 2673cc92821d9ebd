"""Segments of a Django shop: asked only where a rule speaks of them, chosen in the admin, and never in another's cached page."""

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from django_reco import metrics
from django_reco.recommender import process
from django_reco.rules import put_rule, read_rules
from django_reco.slates import recommend
from reco_sdk.ranking.rules import Rule
from tests.django.conftest import BROWSER
from tests.django.test_admin import ADD, fields, text

SHOP = {"ITEMS": "plain.Product", "MODE": "inline", "CONSENT": "tests.django.consent.says_cookie"}
ASKED = []


def is_wholesale(request):
    ASKED.append("wholesale")
    return request.headers.get("X-Company") == "yes"


def breaks(request):
    raise RuntimeError("the customer service is down")


@pytest.fixture
def shop(products, settings):
    settings.RECO = {**SHOP, "SEGMENTS": {"wholesale": "tests.django.test_segments.is_wholesale", "vip": breaks}}
    ASKED.clear()
    return products


def asked(**headers):
    return RequestFactory(headers={"User-Agent": BROWSER, **headers}).get("/")


def hide(shop, **where):
    put_rule(Rule(id="r", action="hide", items=(f"plain.product:{shop[0].pk}",), **where))


def shown(shop, request, **options):
    slate = recommend(request, "new_arrivals", n=20, placement="home", repeat=True, **options)
    assert len(slate) >= 11
    return shop[0] in slate


def test_a_rule_holds_for_those_it_is_meant_for(shop):
    assert shown(shop, asked(**{"X-Company": "yes"}))
    hide(shop, segments=("wholesale",))
    company, other = asked(**{"X-Company": "yes"}), asked()
    assert not shown(shop, company)
    assert not shown(shop, company)
    assert shown(shop, other)
    assert shown(shop, None), "nobody asks"
    assert shown(shop, asked(**{"X-Company": "yes"}), user=User(pk=7)), "the request is not of the account that is asked for"
    assert ASKED == ["wholesale", "wholesale"], "once a request"


def test_the_shop_is_asked_nothing_where_no_rule_speaks_of_it(shop):
    hide(shop, segments=("wholesale",), placements=("cart",))
    request = asked()
    assert shown(shop, request)
    assert ASKED == []
    assert not hasattr(request, "_reco_personal")


def test_known_ones_need_no_setting(products, settings):
    settings.RECO = SHOP
    hide(products, segments=("new_visitor",))
    request = asked()
    assert not shown(products, request)
    assert request._reco_personal, "no cache may show a customer what a new visitor saw"


def test_what_fails_holds_nobody_and_is_counted(shop):
    before = metrics.counts().get("segment.error", 0)
    hide(shop, segments=("vip",))
    assert shown(shop, asked())
    assert metrics.counts()["segment.error"] == before + 1


def test_they_are_chosen_in_the_admin(client, shop):
    client.force_login(User.objects.create_superuser("anna", password="x"))
    page = text(client.get(ADD))
    for name, label in (("new_visitor", "New visitor"), ("customer", "Customer"), ("wholesale", "wholesale")):
        assert f'value="{name}"' in page
        assert label in page
    given = fields(items=f"plain.product:{shop[0].pk}", segments=["customer", "wholesale"], rule_id="r")
    assert client.post(ADD, given).status_code == 302
    assert read_rules()[0].segments == ("customer", "wholesale")
    assert "Select a valid choice" in text(client.post(ADD, fields(items="1", segments=["nobody"])))


def test_a_rule_keeps_a_segment_that_is_not_in_the_settings_any_more(client, shop):
    client.force_login(User.objects.create_superuser("anna", password="x"))
    hide(shop, segments=("gone",))
    page = text(client.get("/admin/django_reco/rule/r/change/"))
    assert 'value="gone"' in page
    given = fields(items=f"plain.product:{shop[0].pk}", segments=["gone"], note="kept")
    assert client.post("/admin/django_reco/rule/r/change/", given).status_code == 302
    assert (read_rules()[0].segments, read_rules()[0].note) == (("gone",), "kept")


def test_a_preview_is_the_row_of_those_it_is_meant_for(client, shop):
    client.force_login(User.objects.create_superuser("anna", password="x"))
    assert shown(shop, asked())  # the recommender is there
    given = fields(items=f"plain.product:{shop[1].pk}", segments=["wholesale"], action="pin", slot="1")
    page = text(
        client.post("/admin/django_reco/rule/preview/", {**given, "preview_item": str(shop[0].pk), "preview_placement": "home"})
    )
    assert process.inline
    assert "Select a valid choice" not in page
