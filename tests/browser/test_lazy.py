"""Lazy rows in a real browser: with our script, with htmx, and with neither, on pages that allow no inline script or style."""

from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.django.conftest import make_products
from tests.django.shops.plain.models import Product

pytest.importorskip("playwright")
pytestmark = pytest.mark.django_db(transaction=True)

HERE = Path(__file__).parent
SHIFTS = """new PerformanceObserver(list => list.getEntries().forEach(entry => {
  if (!entry.hadRecentInput) window.shifted = (window.shifted ?? 0) + entry.value;
})).observe({type: 'layout-shift', buffered: true})"""
NOTICEABLE = 0.1
"""Of a cumulative layout shift: what browsers' makers call good lies below."""


@pytest.fixture
def shop(settings, live_server):
    """The address of a product's page."""
    htmx = find_spec("django_htmx")
    settings.ROOT_URLCONF = "tests.browser.urls"
    settings.MIDDLEWARE = ["tests.browser.middleware.strict_policy", *settings.MIDDLEWARE]
    settings.STATICFILES_DIRS = [HERE / "static"]
    settings.MEDIA_URL = "/static/covers/"
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [HERE / "templates"]}]
    if htmx is not None:
        settings.STATICFILES_DIRS.append(Path(htmx.origin).with_name("static"))
    products = make_products()
    Product.objects.update(image="cover.svg")
    return f"{live_server.url}/p/{products[0].pk}/"


@contextmanager
def opened(address, **options):
    """The page, the addresses that it asked for, and what its browser complained of."""
    from checking.browser import chromium, listen, user_agent

    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1000, "height": 700}, user_agent=user_agent(browser), **options)
        page = context.new_page()
        page.set_default_timeout(15_000)
        asked, problems = [], []
        page.on("request", lambda request: asked.append(request.url))
        listen(page, problems)
        page.add_init_script(SHIFTS)
        page.goto(address, wait_until="networkidle")
        yield page, asked, problems
        context.close()


def rows(asked):
    return [address for address in asked if "/reco/row" in address]


def shown(page):
    return page.evaluate(
        "[...document.querySelectorAll('.reco-row')].map(row => [...row.querySelectorAll('[data-reco-item]')].map(i => i.dataset.recoItem))"
    )


def to_the_end(page):
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("way", ["script", "htmx-2", "htmx-4", "htmx-late"])
def test_rows_come_when_they_are_seen(shop, way):
    if way != "script":
        pytest.importorskip("django_htmx")
    with opened(f"{shop}{way}/") as (page, asked, problems):
        assert len(rows(asked)) == 1  # the others are far below
        [first] = shown(page)
        assert len(first) == 5
        to_the_end(page)
        page.wait_for_function("() => !document.querySelector('.reco-lazy')")
        page.wait_for_load_state("networkidle")
        assert len(rows(asked)) == 3
        _, second = shown(page)  # nothing is on sale: the third is empty
        if way == "script":
            assert not {*first} & {*second}
        assert page.evaluate("window.shifted ?? 0") < NOTICEABLE
        page.evaluate("addEventListener('click', event => event.preventDefault())")  # so that the page stays to be told
        with page.expect_request(lambda request: request.url.endswith("/reco/event/")) as sent:
            page.locator(".reco-row a").last.click()
        assert sent.value.response().status == 204
        page.wait_for_load_state("networkidle")
        assert problems == []


def test_without_scripts_a_frame_shows_the_row(shop):
    with opened(shop, java_script_enabled=False) as (page, asked, problems):
        assert rows(asked) == []
        frame = page.frame_locator("iframe").first
        assert frame.locator("[data-reco-item]").count() == 5
        assert frame.locator(".reco-row__items").evaluate("list => getComputedStyle(list).display") == "grid"
        frame.locator("a").first.click()
        page.wait_for_load_state("networkidle")
        assert page.url != shop  # the whole page, not the frame, shows the product
        assert problems == []
