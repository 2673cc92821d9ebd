"""The admin's pages of products and its dashboard: why, why not, rules, figures, and what they say without a recommender."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import translation

import django_reco as reco
from django_reco.recommender import process
from django_reco.rules import put_rule
from reco_sdk.errors import StoreError
from reco_sdk.placements import DEFAULTS
from reco_sdk.ranking.rules import Rule

pytestmark = pytest.mark.django_db

PRODUCTS = "/admin/django_reco/storeditem/"
DASHBOARD = f"{PRODUCTS}dashboard/"


@pytest.fixture
def merchant(client):
    client.force_login(User.objects.create_superuser("anna", password="x"))
    return client


def text(response):
    return response.content.decode()


def item(product):
    return f"plain.product:{product.pk}"


def why(product):
    return reverse("admin:django_reco_storeditem_change", args=[item(product).replace(":", "_3A")])


def test_the_index_leads_to_rules_products_and_the_dashboard(merchant, products):
    page = text(merchant.get("/admin/django_reco/"))
    assert all(url in page for url in (PRODUCTS, DASHBOARD, "/admin/django_reco/rule/"))
    assert why(products[0]) in text(merchant.get(PRODUCTS))
    found = text(merchant.get(PRODUCTS, {"q": "MUG coffee"}))
    assert why(products[6]) in found
    assert why(products[0]) not in found
    assert merchant.get(PRODUCTS, {"q": str(products[3].pk)}).context["found"] == [(item(products[3]), products[3].title, None)]
    assert "No product is found." in text(merchant.get(PRODUCTS, {"q": "nothing like it"}))


def test_why_and_why_not_are_said_in_the_language_of_the_page(merchant, products):
    put_rule(Rule(id="recall", action="hide", items=(item(products[1]),), note="Rückruf"))
    with translation.override("de"):
        page = text(merchant.get(why(products[0]), {"missing": item(products[1]), "placement": "item"}))
        assert "hier ausgeblendet durch Regel recall (Rückruf)" in page
        assert "Regel recall (Rückruf) zurücknehmen oder ändern" in page
        assert f"ähnlich wie „{products[0].title}“: " in page
    assert "hidden here by" not in page


def test_a_product_shows_its_rows_with_why_and_its_rules(merchant, products):
    put_rule(Rule(id="up", action="boost", factor=3.0, items=(item(products[1]),), note="more of it"))
    put_rule(Rule(id="dresses", action="bury", categories=("Women > Dresses",)))
    response = merchant.get(why(products[1]))
    assert [rule.id for rule in response.context["rules"]] == ["dresses", "up"]
    assert {row.placement for row in response.context["rows"]} == set(DEFAULTS) - {"email"}
    page = text(merchant.get(why(products[0])))
    row = merchant.get(why(products[0])).context["rows"][0]
    shown = reco.recommend(None, seeds=[products[0]], placement="item")
    assert [place.why.id for place in row.items] == [item(product) for product in shown]
    assert all(sum(e.contribution for e in place.why.evidence) == pytest.approx(place.why.score) for place in row.items)
    assert "rule:up" in page
    assert f"similar to {products[0].title}" in page
    assert f"{reverse('admin:django_reco_rule_add')}?items=plain.product%3A{products[0].pk}" in page
    assert item(products[0]) in text(merchant.get(f"{reverse('admin:django_reco_rule_add')}?items={item(products[0])}"))
    assert "does not know this product" in text(
        merchant.get(reverse("admin:django_reco_storeditem_change", args=["plain.product_3A0"]))
    )


def test_why_not_names_the_stage_and_what_would_show_it(merchant, products):
    put_rule(Rule(id="away", action="hide", items=(item(products[1]),)))
    products[2].stock = 0
    products[2].save()
    ask = {"placement": "item"}
    hidden = merchant.get(why(products[0]), {**ask, "missing": item(products[1])})
    assert hidden.context["answer"].stage == "rule"
    sold_out = merchant.get(why(products[0]), {**ask, "missing": str(products[2].pk)})
    assert sold_out.context["answer"].stage == "out_of_stock"
    assert "put it in stock" in text(sold_out)
    assert merchant.get(why(products[0]), {**ask, "missing": "plain.product:0"}).context["answer"].stage == "unknown_item"
    assert merchant.get(why(products[0]), {"placement": "nowhere", "missing": item(products[3])}).status_code == 200


def test_the_dashboard_tells_what_doctor_and_the_counters_tell(merchant, products):
    reco.recommend(None, "new_arrivals", n=4)
    page = text(merchant.get(DASHBOARD))
    groups = {heading: dict(pairs) for heading, pairs in merchant.get(DASHBOARD).context["groups"]}
    assert groups["Catalogue"]["Items in the store"] == len(products)
    assert groups["Catalogue"]["Changes not yet taken over"] == 0
    assert groups["Rows shown by this process"]["shown"] >= 1
    assert groups["By tier"]["popular"] >= 1
    assert groups["Ranking"]["Model"] == "weights set by hand"
    assert "there is no snapshot yet" in page


@pytest.mark.parametrize("url", [PRODUCTS, DASHBOARD, f"{PRODUCTS}plain.product_3A1/change/"])
def test_without_a_recommender_the_page_says_so(merchant, monkeypatch, url):
    monkeypatch.setattr(process, "backend", lambda **_: None)
    monkeypatch.setattr(process, "error", "the store is away")
    response = merchant.get(url)
    assert response.status_code == 200
    assert "the store is away" in text(response)


def test_a_store_that_is_away_breaks_no_page(merchant, products, monkeypatch):
    put_rule(Rule(id="r", action="hide", items=(item(products[0]),)))
    backend = process.backend(in_line=True)

    def away():
        raise StoreError("the store cannot be reached")

    monkeypatch.setattr(backend.facade, "doctor", away)
    assert "the store cannot be reached" in text(merchant.get(DASHBOARD))
    assert merchant.get("/admin/django_reco/rule/").status_code == 200


def test_nothing_is_written_here(merchant, products):
    assert [merchant.get(f"{PRODUCTS}add/").status_code, merchant.post(f"{PRODUCTS}plain.product_3A1/delete/").status_code] == [
        403
    ] * 2
