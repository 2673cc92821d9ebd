import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.template import Context, Template, TemplateSyntaxError, engines
from django.test import RequestFactory

from django_reco import metrics
from django_reco.hydrate import hydrate
from django_reco.recommender import process
from django_reco.slates import recommend
from tests.django.conftest import BROWSER
from tests.django.shops.plain.models import Product


def rendered(source, **context):
    return Template("{% load reco %}" + source).render(Context(context))


def titles(text):
    return [line.strip() for line in text.split("|") if line.strip()]


LOOP = "{% for p in slate %}{{ p.title }}|{% endfor %}"


def test_row_of_the_product_page(browser, products):
    page = browser.get(f"/p/{products[0].pk}/").content.decode()
    assert '<h2 class="reco-row__title">You may also like</h2>' in page
    assert page.count("reco-card__link") == 4
    assert page.count('<span class="reco-card__title">Linen summer dress') == 4
    assert 'data-reco-placement="item"' in page
    assert '__title">Linen summer dress A</span>' not in page


def test_every_tag_on_a_page(browser, products):
    page = browser.get("/").content.decode()
    for heading in ("Recommended for you", "Trending now", "Bestsellers", "New arrivals"):
        assert heading in page
    assert "Recently viewed" not in page
    assert metrics.counts().get("tag.error") is None


def test_objects_in_order_with_their_reasons(products):
    context = Context({"product": products[0]})
    Template("{% load reco %}{% similar_items product n=3 as slate %}").render(context)
    slate = context["slate"]
    assert len(slate) == 3
    assert all(isinstance(p, Product) for p in slate)
    assert [p.reco.position for p in slate] == [0, 1, 2]
    assert sorted((p.reco.score for p in slate), reverse=True) == [p.reco.score for p in slate]
    assert slate[0].reco.reason
    assert (slate.strategy, slate.placement, bool(slate.id)) == ("similar_items", "item", True)
    assert slate[1:] == slate.objects[1:]


def test_bought_together_starts_from_an_item_or_a_whole_cart_and_from_an_empty_one_shows_nothing(products):
    row = rendered("{% bought_together cart n=3 placement='cart' %}", cart=products[:2])
    assert "Often bought together" in row
    assert row.count("reco-card__link") == 3
    assert not any(f'__title">{product.title}</span>' in row for product in products[:2])
    assert rendered("{% bought_together cart placement='cart' %}", cart=[]).strip() == ""
    assert metrics.counts().get("tag.error") is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("category='Kitchen'", {"Ceramic"}),
        ("category=category", {"Linen"}),
        ("price_max=20", {"Ceramic"}),
        ("price_min=price", {"Linen"}),
        ("brand='nobody'", set()),
    ],
)
def test_filters(products, options, expected):
    made = rendered(
        "{% bestsellers n=20 " + options + " as slate %}" + LOOP, category=products[0].category, price=products[0].price
    )
    assert {title.split()[0] for title in titles(made)} == expected


def test_exclude(products):
    made = rendered("{% bestsellers n=20 exclude=out as slate %}" + LOOP, out=[products[0], products[1]])
    assert len(titles(made)) == len(products) - 2
    assert products[0].title not in made


def test_title_and_template(products):
    assert "Look here" in rendered("{% bestsellers title='Look here' %}")
    assert "<h2" not in rendered("{% bestsellers title='' %}")
    assert rendered("{% bestsellers template='one.html' n=2 %}").strip() == "2 bestsellers home"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("reco/cart/bestsellers.html", "placement and strategy"),
        ("reco/cart.html", "placement"),
        ("reco/bestsellers.html", "strategy"),
        ("reco/row.html", "row"),
        ("django_reco/row.html", "ours"),
    ],
)
def test_template_overrides(products, settings, name, text):
    templates = {name: text}
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    ("django.template.loaders.locmem.Loader", templates),
                    "django.template.loaders.app_directories.Loader",
                ]
            },
        }
    ]
    tag = engines["django"].from_string("{% load reco %}{% bestsellers placement='cart' %}")
    assert tag.render() == text


@pytest.mark.parametrize(
    "source",
    [
        "{% recommended_for_you product %}",
        "{% buy_again product %}",
        "{% similar_items %}",
        "{% similar_items as slate %}",
        "{% bestsellers one two %}",
        "{% bestsellers one category=two %}",
        "{% reco_row %}",
        "{% trending lazy=True as slate %}",
    ],
)
def test_misuse_is_a_syntax_error(source):
    with pytest.raises(TemplateSyntaxError):
        rendered(source)


@pytest.mark.parametrize(
    "source",
    [
        "{% bestsellers n=0 %}",
        "{% bestsellers n=1000000 %}",
        "{% bestsellers n='many' %}",
        "{% bestsellers colour='red' %}",
        "{% bestsellers price_min='x' %}",
        "{% bestsellers placement='nowhere' %}",
        "{% bestsellers template='missing.html' %}",
        "{% bestsellers price_min=5 price_max=1 %}",
    ],
)
def test_no_exception_leaves_a_tag(products, source, caplog):
    assert rendered(source) == ""
    assert metrics.counts()["tag.error"] == 1
    assert "shows nothing" in caplog.text
    assert (
        rendered(source.replace("%}", "as slate %}").replace("template='missing.html'", "n=0") + "[{{ slate|length }}]") == "[0]"
    )


@pytest.mark.parametrize("seed", [None, "", "plain.product:999999", 3, Product()])
def test_seed_that_is_no_item(products, seed):
    """The page of something that is not in the catalogue shows what is liked in general."""
    assert len(titles(rendered("{% you_may_also_like product n=5 as slate %}" + LOOP, product=seed))) == 5
    assert rendered("{% similar_items product as slate %}" + LOOP, product=seed) == ""
    assert metrics.counts().get("tag.error", 0) <= 1


def test_empty_catalogue(db):
    assert rendered("{% bestsellers %}{% recommended_for_you %}") == ""
    assert "tag.error" not in metrics.counts()


def test_broken_engine_leaves_the_page(browser, products, monkeypatch):
    def broken(request):
        raise RuntimeError("out of order")

    monkeypatch.setattr(process, "recommend_now", broken)
    answer = browser.get(f"/p/{products[0].pk}/")
    assert answer.status_code == 200
    assert answer.content.decode().strip() == f"<h1>{products[0].title}</h1>"
    assert metrics.counts()["tag.error"] == 1


def test_broken_store_leaves_the_page(browser, products, settings, monkeypatch):
    monkeypatch.setattr("django_reco.places.in_memory", lambda alias="default": False)
    settings.RECO = {"ITEMS": "plain.Product", "STORE": "sqlite:////nowhere/at/all.sqlite3", "MODEL": "hashing"}
    answer = browser.get(f"/p/{products[0].pk}/")
    assert answer.status_code == 200
    assert metrics.counts()["start.error"] == 1
    assert "You may also like" not in answer.content.decode()


def test_hydration_is_one_query_in_order(products, django_assert_num_queries):
    ids = [f"plain.product:{p.pk}" for p in reversed(products)]
    with django_assert_num_queries(1):
        found = hydrate(ids, None)
        for obj in found.values():
            assert obj.category.name
    assert list(found) == ids


def test_hydration_checks_again_and_spares_replace(products, django_assert_num_queries):
    recommend(None, "bestsellers", n=4)
    backend = process.backend()
    process.backend = lambda **_: backend  # from here on, as between two sweeps
    try:
        first = list(recommend(None, "bestsellers", n=4))
        Product.objects.filter(pk__in=[p.pk for p in first[:3]]).update(is_active=False)
        Product.objects.filter(pk=first[3].pk).update(stock=0)
        with django_assert_num_queries(1):
            slate = recommend(None, "bestsellers", n=4)
        assert len(slate) == 4
        assert not set(slate) & set(first)
        Product.objects.update(is_active=False)
        Product.objects.filter(pk__in=[p.pk for p in products[4:6]]).update(is_active=True)
        with django_assert_num_queries(2):
            assert set(recommend(None, "bestsellers", n=2)) == set(products[4:6])
    finally:
        del process.backend


def test_without_request_or_middleware(products):
    request = RequestFactory().get("/", HTTP_USER_AGENT=BROWSER)
    assert "reco-row" in rendered("{% bestsellers %}", request=request)
    request.user = AnonymousUser()
    assert "reco-row" in rendered("{% bestsellers %}", request=request)
    user = RequestFactory().get("/", HTTP_USER_AGENT=BROWSER)
    user.user = User.objects.create(username="u")
    assert "reco-row" in rendered("{% recommended_for_you %}", request=user)


def test_autoescape_off_and_escaping(products):
    Product.objects.filter(pk=products[1].pk).update(title="<b>bold</b> dress")
    assert "<b>bold" not in rendered("{% similar_items product n=11 %}", product=products[0])
    assert "&lt;b&gt;bold" in rendered("{% similar_items product n=11 %}", product=products[0])
    assert "reco-row" in rendered("{% autoescape off %}{% bestsellers %}{% endautoescape %}")
