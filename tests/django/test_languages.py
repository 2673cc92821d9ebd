"""A shop with two languages on two sites: rows keep to the page's, in words, addresses, prices and what is sold."""

from html import unescape

import pytest
from django.contrib.sites.models import Site
from django.utils import translation

import django_reco as reco
from django_reco import registry
from django_reco.hydrate import _spoken, hydrate
from django_reco.languages import own_language
from django_reco.outage import KeptObjects
from django_reco.rules import put_rule
from django_reco.scopes import Scope, scope_of
from django_reco.values import priced
from reco_sdk.ranking.rules import Rule
from tests.django.conftest import BROWSER
from tests.django.shapes import DRESSES, MUGS, Channels, MultiSite, in_german
from tests.django.shops.boutique.models import Category, Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(settings):
    made = MultiSite()
    Site.objects.clear_cache()
    settings.ROOT_URLCONF = "tests.django.shop_urls"
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    place = settings.MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware")
    locale = "django.middleware.locale.LocaleMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], locale, *settings.MIDDLEWARE[place:]]
    settings.RECO = {**made.settings, "MODE": "inline"}
    made.things = made.make()
    yield made
    Site.objects.clear_cache()


def page(client, path, site):
    response = client.get(path, headers={"host": f"{site}.example.com", "user-agent": BROWSER})
    assert response.status_code == 200
    return unescape(response.content.decode())


def test_a_german_page_is_german_throughout(client, shop):
    html = page(client, f"/de/boutique/{shop.things[0].pk}/", "eu")
    assert "Das könnte Ihnen auch gefallen" in html
    assert [title for title in DRESSES + MUGS if title in html] == []
    assert all(in_german(title) in html for title in DRESSES[1:] + MUGS)
    assert f'href="/de/boutique/{shop.things[1].pk}/"' in html
    assert "11,00\xa0EUR" in html
    assert f"Ähnlich wie „{in_german(DRESSES[0])}“" in html


def test_the_other_site_sells_other_things_at_other_prices(client, shop):
    english = page(client, f"/en/boutique/{shop.things[0].pk}/", "us")
    assert "Linen summer dress F" in english
    assert "111.00\xa0USD" in english
    assert "EUR" not in english
    assert "Similar to Linen summer dress A" in english
    assert f'href="/en/boutique/{shop.things[1].pk}/"' in english
    for language, title in (("en", "Linen summer dress F"), ("de", in_german("Linen summer dress F"))):
        assert title not in page(client, f"/{language}/boutique/", "eu")


def test_what_is_not_translated_is_not_shown_and_the_row_stays_full(client, shop):
    shop.things[1].delete_translation("de")
    german = page(client, "/de/boutique/", "eu")
    assert german.count("reco-card__title") == 9
    assert DRESSES[1] not in german
    assert in_german(DRESSES[1]) not in german
    assert DRESSES[1] in page(client, "/en/boutique/", "eu")
    with translation.override("de"):
        assert len(reco.recommend(shop.request(), "new_arrivals", n=9)) == 9


def test_what_is_sold_out_here_is_sold_there(client, shop):
    shop.hide(shop.things[1])
    assert DRESSES[1] not in page(client, "/en/boutique/", "eu")
    assert DRESSES[1] in page(client, "/en/boutique/", "us")


def test_what_is_bought_on_one_site_is_learnt_from_on_all(shop):
    for _ in range(3):
        shop.buy([shop.things[0], shop.things[9]])
    for host in ("eu.example.com", "us.example.com"):
        shop.host = host
        for language in ("en", "de"):
            with translation.override(language):
                assert reco.recommend(shop.request(), "bought_together", seeds=[shop.things[0]], n=1)[0] == shop.things[9]


def test_an_item_is_the_same_whatever_the_page_speaks(shop):
    adapter = registry.adapters()["boutique.product"]
    items = []
    for language in ("en", "de", "fr"):
        with translation.override(language):
            items.append(adapter.item(Product.objects.get(pk=shop.things[0].pk)))
            assert translation.get_language() == language
    assert items[0].content_hash == items[1].content_hash == items[2].content_hash
    assert (items[0].title, items[0].language) == (DRESSES[0], "en")
    assert items[0].attributes["languages"] == ("de", "en")
    shop.things[0].delete_translation("en")
    german = adapter.item(Product.objects.get(pk=shop.things[0].pk))
    assert (german.title, german.language) == (in_german(DRESSES[0]), "de")
    assert own_language(Product.objects.get(pk=shop.things[0].pk)) == "de"


def test_a_category_is_the_same_whatever_the_page_speaks(shop):
    for language in ("en", "de"):
        with translation.override(language):
            category = Category.objects.get(pk=shop.things[0].category_id)
            assert set(reco.recommend(shop.request(), "new_arrivals", category=category, n=20)) == set(shop.things[:5])


def test_reasons_name_nothing_in_another_language(shop):
    shop.things[0].delete_translation("de")
    with translation.override("de"):
        slate = reco.recommend(shop.request(), "similar_items", seeds=[shop.things[0]], n=2)
        assert {obj.reco.reason for obj in slate} == {"Ähnlich wie dieser Artikel"}
        assert {obj.reco.reason_title for obj in slate} == {None}


def test_a_site_may_be_asked_for(shop):
    us = Site.objects.get(name="us")
    assert len(reco.recommend(None, "new_arrivals", n=20, site=us)) == 11
    assert len(reco.recommend(shop.request(), "new_arrivals", n=20)) == 10
    assert len(reco.recommend(shop.request(), "new_arrivals", n=20, site=us.pk)) == 11
    # Nobody asks, and this process is of no site: it is not guessed.
    assert len(reco.recommend(None, "new_arrivals", n=20)) == 11


def test_filters_rules_and_rows_read_the_price_of_the_site(client, shop):
    us = Site.objects.get(domain__startswith="us")
    asked = {"strategy": "new_arrivals", "n": 20}

    def prices(site, **filters):
        slate = reco.recommend(shop.request(), **asked, site=site, **filters)
        return sorted(float(registry.adapter_for(obj).card(obj, slate.site).price) for obj in slate)

    every = prices(us.pk)
    assert min(every) >= 110.0
    assert prices(us.pk, price_max=112) == [price for price in every if price <= 112]
    assert prices(us.pk, where="price between 111 and 113") == [price for price in every if 111 <= price <= 113]
    assert prices(us.pk, price_max=50) == []
    assert len(reco.recommend(shop.request(), **asked, price_max=50)) == 10, "the request's own site asks euros"
    put_rule(Rule(id="dear", action="hide", where="price > 112", sites=(str(us.pk),)))
    assert prices(us.pk) == [price for price in every if price <= 112]
    assert len(reco.recommend(shop.request(), **asked)) == 10


def test_a_sale_on_one_site_is_none_on_another(shop, settings):
    us = Site.objects.get(domain__startswith="us")
    sale = {"prices": "tests.django.test_languages.on_sale_in_the_us"}
    settings.RECO = {**shop.settings, "ITEMS": {**shop.settings["ITEMS"], **sale}, "MODE": "inline"}
    first = reco.recommend(shop.request(), "on_sale", n=20, site=us.pk, strict=True)
    assert [obj.reco.reason for obj in first] == ["25 % off"] * 11
    card = registry.adapter_for(first[0]).card(first[0], first.site)
    assert (float(card.price), card.currency) == (75.0, "USD")
    assert not reco.recommend(shop.request(), "on_sale", n=20, strict=True)


def on_sale_in_the_us(product):
    return {
        offer.site: {"price": 100, "sale_price": 75, "currency": "USD"} if offer.currency == "USD" else (offer.price, "EUR")
        for offer in product.offers.all()
    }


def test_sites_may_differ_in_prices_alone(shop, settings):
    us = Site.objects.get(domain__startswith="us")
    items = {key: value for key, value in shop.settings["ITEMS"].items() if key != "sites"}
    settings.RECO = {**shop.settings, "ITEMS": items, "MODE": "inline"}
    everything = reco.recommend(shop.request(), "new_arrivals", n=50, site=us.pk)
    assert len(everything) > len(reco.recommend(shop.request(), "new_arrivals", n=50, site=us.pk, price_min=115)) > 0
    assert len(reco.recommend(shop.request(), "new_arrivals", n=50)) == len(everything), "every site shows everything"


def test_a_host_of_no_site_sells_nothing(shop):
    shop.host = "elsewhere.example.com"
    assert not reco.recommend(shop.request(), "new_arrivals", n=20)


def test_a_region_reads_its_language(shop):
    with translation.override("de-at"):
        assert scope_of(shop.request()).attributes["languages"] == ("de-at", "de", "*")
    assert Scope().narrowed({"price_min": 1.0}) == {"price_min": 1.0}
    narrowed = Scope("1").narrowed({"attribute": {"colour": "red"}})
    assert narrowed == {"site": "1", "attributes": (("colour", "red"), ("sites", ("1", "*")))}


def test_models_without_bounds_are_everywhere(shop, settings):
    settings.RECO = {**shop.settings, "ITEMS": [shop.settings["ITEMS"], "plain.Product"], "MODE": "inline"}
    from tests.django.conftest import make_products

    plain = make_products()
    with translation.override("de"):
        shown = reco.recommend(shop.request(), "new_arrivals", n=50)
    assert set(plain) <= set(shown)
    assert len(shown) == 10 + len(plain)


def test_what_is_kept_for_an_outage_speaks_the_pages_language(shop, django_assert_num_queries):
    kept, item_id = KeptObjects(), registry.item_id_of(shop.things[0])
    kept.keep(hydrate([item_id], shop.request()))
    adapter = registry.adapters()["boutique.product"]
    with translation.override("de"), django_assert_num_queries(0):
        card = adapter.card(_spoken(kept.get(item_id)))
    assert (card.title, card.url) == (in_german(DRESSES[0]), f"/de/boutique/{shop.things[0].pk}/")


def test_a_channel_is_what_the_shop_says_it_is(client, settings):
    shop = Channels()
    settings.RECO = {**shop.settings, "MODE": "inline"}
    shop.make()
    asked = {
        channel: client.get("/reco/recommend/", {"strategy": "new_arrivals", "n": 20, "channel": channel}).json()
        for channel in ("eu", "us", "none")
    }
    assert [len(asked[channel]["items"]) for channel in asked] == [10, 11, 0]
    currencies = {channel: {item["currency"] for item in answer["items"]} for channel, answer in asked.items()}
    assert currencies == {"eu": {"EUR"}, "us": {"USD"}, "none": set()}
    assert min(float(item["price"]) for item in asked["us"]["items"]) == 110.0


@pytest.mark.parametrize(
    ("language", "amount", "currency", "shown"),
    [
        ("en", 1234.5, "USD", "1234.50\xa0USD"),
        ("de", "1234.505", "EUR", "1234,51\xa0EUR"),
        ("fr", 10, None, "10,00"),
        ("en", 1234.5, "JPY", "1235\xa0JPY"),
        ("en", "on request", None, "on request"),
    ],
)
def test_prices_are_written_as_the_language_does(language, amount, currency, shown):
    with translation.override(language):
        assert priced(amount, currency) == shown


def test_thousands_are_grouped_where_the_shop_groups_them(settings):
    settings.USE_THOUSAND_SEPARATOR = True
    with translation.override("de"):
        assert priced(1234567, "EUR") == "1.234.567,00\xa0EUR"
