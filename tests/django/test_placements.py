"""Rows by placement: what they start from, that they do not repeat themselves, and what may be kept by a cache."""

import re
from types import ModuleType, SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.template import Context, Template, engines
from django.test import RequestFactory
from django.views.decorators.cache import cache_page

import django_reco as reco
from django_reco import metrics
from django_reco.middleware import RecoMiddleware
from django_reco.slates import recommend
from django_reco.starts import starts_of
from reco_sdk.errors import ConfigError
from tests.django.conftest import BROWSER
from tests.django.shops.plain.models import Product
from tests.django.test_context import recorded

BASE = {"ITEMS": "plain.Product", "MODE": "inline", "CONSENT": "tests.django.consent.says_cookie"}


def first_two(request):
    return Product.objects.order_by("pk")[:2]


def page(source, request=None, **context):
    request = request or RequestFactory().get("/", HTTP_USER_AGENT=BROWSER)
    return engines["django"].from_string("{% load reco %}" + source).render(context, request)


def shown(html):
    return re.findall(r'data-reco-item="([^"]+)"', html)


def test_what_a_page_names_to_start_from(products):
    line = SimpleNamespace(product=products[0], quantity=2)
    basket = SimpleNamespace(all_lines=lambda: [line, SimpleNamespace(product=products[1])])
    one, two = (f"plain.product:{product.pk}" for product in products[:2])
    for given in (
        [products[0], products[1]],
        basket,
        [basket],
        Product.objects.filter(pk__in=[products[0].pk, products[1].pk]).order_by("pk"),
        {"a": line, "b": products[1]},
    ):
        assert starts_of(given) == [one, two]
    assert starts_of([one, one, None, "", User(pk=3), 7]) == [one]
    assert metrics.counts()["seed.no_item"] == 2
    assert starts_of(None) == starts_of([]) == []


def test_reco_row_asks_what_the_settings_say(products, settings):
    settings.RECO = {
        **BASE,
        "PLACEMENTS": {"cart": {"strategy": "bestsellers", "n": 3, "title": "More", "filters": {"category": "Kitchen"}}},
    }
    row = page('{% reco_row "cart" %}')
    assert row.count('__title">Ceramic') == 3
    assert (">More</h2>" in row, 'data-reco-placement="cart"' in row) == (True, True)


def test_a_cart_starts_from_what_the_settings_name_and_an_empty_one_falls_back(products, settings):
    settings.RECO = {**BASE, "PLACEMENTS": {"cart": {"seeds": "tests.django.test_placements.first_two"}}}
    row = page('{% reco_row "cart" %}')
    assert "Often bought together" in row
    assert not {f"plain.product:{product.pk}" for product in products[:2]} & set(shown(row))
    settings.RECO = BASE
    row = page('{% reco_row "cart" cart %}', cart=[])
    assert "Recommended for you" in row
    assert metrics.counts()["slate.fallback.recommended_for_you"] == 1


@pytest.mark.parametrize("tag", ["bought_together", "similar_items", "cross_category"])
def test_a_strategy_without_a_seed_is_an_empty_row(products, tag):
    assert page("{% " + tag + " cart %}", cart=[]).strip() == ""
    assert metrics.counts().get("tag.error") is None


def test_rows_of_one_page_do_not_repeat_products(products):
    first, second = (
        page("{% bestsellers n=4 %}"),
        page("{% bestsellers n=4 %}{% trending n=4 %}{% similar_items product n=2 %}", product=products[0]),
    )
    assert len(shown(first)) == 4
    assert len(shown(second)) == len(set(shown(second))) == 10
    again = page("{% bestsellers n=4 %}{% bestsellers n=4 repeat=True %}")
    assert shown(again)[:4] == shown(again)[4:]
    mail = shown(Template("{% load reco %}{% bestsellers n=4 %}{% trending n=4 %}").render(Context()))
    assert len(set(mail)) == 8


def test_strict_and_relaxed_rows(products):
    assert page("{% bought_together product strict=True %}", product=products[0]).strip() == ""
    assert len(shown(page("{% bestsellers category=kind price_max=9 n=8 %}", kind=products[6].category))) == 2
    assert len(shown(page("{% bestsellers category n=8 %}", category=products[6].category))) == 6
    wide = page(
        "{% bestsellers category=kind price_max=9 n=8 relaxed=True as slate %}{{ slate.relaxed|join:',' }} {{ slate|length }}",
        kind=products[6].category,
    )
    assert wide == "price,categories 8"
    other = page("{% bought_together product strict=True fallback='recently_viewed,new_arrivals' %}", product=products[0])
    assert metrics.counts().get("slate.fallback.new_arrivals", 0) == bool(shown(other))


def test_on_sale_and_buy_again_show_nothing_where_nothing_is(products):
    assert page("{% on_sale %}{% buy_again %}").strip() == ""
    assert metrics.counts().get("tag.error") is None


# -- lazy rows


def test_a_lazy_row_is_a_place_with_an_address_and_asks_nothing(browser, products, django_assert_num_queries):
    with django_assert_num_queries(0):
        place = page("{% you_may_also_like product n=3 lazy=True %}", product=products[0])
    assert shown(place) == []
    address, frame = (
        re.search(pattern, place)[1].replace("&amp;", "&")
        for pattern in ('hx-get="([^"]+)"', '<noscript><iframe class="reco-frame" src="([^"]+)"')
    )
    before = len(recorded())
    row = browser.get(address)
    assert len(shown(row.content.decode())) == 3
    assert "no-store" in row["Cache-Control"]
    assert [i.kind for i in recorded()[before:]] == ["view_item"]
    whole = browser.get(frame)
    assert whole.content.decode().startswith("<!doctype html>")
    assert len(shown(whole.content.decode())) == 3
    assert len(recorded()) == before + 1


def test_a_lazy_row_of_a_placement_keeps_its_settings(browser, products, settings):
    settings.RECO = {**BASE, "PLACEMENTS": {"cart": {"strategy": "bestsellers", "n": 2, "title": "More"}}}
    address = re.search(r'hx-get="([^"]+)"', page('{% reco_row "cart" lazy=True %}'))[1].replace("&amp;", "&")
    row = browser.get(address).content.decode()
    assert (len(shown(row)), ">More</h2>" in row) == (2, True)


def test_a_lazy_row_without_addresses_says_what_to_add(products, settings, caplog):
    settings.ROOT_URLCONF = ModuleType("bare")
    settings.ROOT_URLCONF.urlpatterns = []
    assert page("{% bestsellers lazy=True %}").strip() == ""
    assert "include('django_reco.urls')" in caplog.text


# -- caches


@cache_page(60)
def cached(request):
    return HttpResponse(page("{% recommended_for_you n=3 %}", request))


@cache_page(60)
def cached_lazily(request):
    return HttpResponse(page("{% recommended_for_you n=3 lazy=True %}", request))


def visit(view, consent):
    request = RequestFactory().get("/cached", HTTP_USER_AGENT=BROWSER, HTTP_COOKIE=f"consent={consent}")
    return RecoMiddleware(view)(request)


def test_a_page_with_a_personal_row_is_never_kept_for_others(products):
    from django.core.cache import cache

    cache.clear()
    one, other = visit(cached, "yes"), visit(cached, "yes")
    assert one.content != other.content  # each slate has its own id: nothing came from the cache
    assert "private" in one["Cache-Control"]
    cache.clear()
    one, other = visit(cached, "no"), visit(cached, "no")
    assert one.content == other.content  # what is the same for everybody is kept
    cache.clear()
    one, other = visit(cached_lazily, "yes"), visit(cached_lazily, "yes")
    assert one.content == other.content
    cache.clear()


# -- mails


def test_a_row_for_a_mail(products, settings):
    settings.RECO = {**BASE, "BASE_URL": "https://shop.example"}
    user = User.objects.create(username="anna")
    row = reco.email_row(user, 3)
    assert row.count('href="https://shop.example/p/') >= 3
    assert ("style=" in row, "data-reco" in row, "<script" in row) == (True, False, False)
    request = RequestFactory().get("/", HTTP_USER_AGENT=BROWSER, HTTP_COOKIE="consent=yes")
    tag = page('{% reco_row "email" n=3 user=user %}', request, user=user)
    assert tag.count('href="https://shop.example/p/') >= 3


def test_a_mail_without_the_shops_address_says_what_to_set(products, settings):
    del settings.SITE_ID
    assert page('{% reco_row "email" %}', RequestFactory().get("/", HTTP_USER_AGENT=BROWSER)).count("http://testserver/p/") > 0
    with pytest.raises(ConfigError, match="BASE_URL"):
        reco.email_row(User.objects.create(username="bo"))


def test_an_account_may_be_asked_for_without_a_request(products):
    user = User.objects.create(username="cleo")
    reco.track(None, "purchase", products[0], user_id=str(user.pk))
    slate = recommend(None, "bestsellers", n=12, user=user)
    assert products[0] not in list(slate)
