"""The panel for django-debug-toolbar, on a page of the shop."""

import pytest
from django.urls import include, path

from django_reco.signals import slate_made
from tests.django.urls import urlpatterns as shop

pytest.importorskip("debug_toolbar")

urlpatterns = [*shop]


@pytest.fixture
def with_toolbar(settings):
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "debug_toolbar"]
    from debug_toolbar.toolbar import DebugToolbar

    urlpatterns[len(shop) :] = [path("__debug__/", include("debug_toolbar.urls"))]
    settings.MIDDLEWARE = ["debug_toolbar.middleware.DebugToolbarMiddleware", *settings.MIDDLEWARE]
    settings.DEBUG_TOOLBAR_PANELS = ["django_reco.debug_panel.RecoPanel"]
    settings.DEBUG_TOOLBAR_CONFIG = {"SHOW_TOOLBAR_CALLBACK": lambda _: True, "RENDER_PANELS": True, "INSERT_BEFORE": "</h1>"}
    settings.ROOT_URLCONF = "tests.django.test_debug_panel"
    DebugToolbar._panel_classes = None
    yield
    DebugToolbar._panel_classes = None


def test_the_panel_shows_the_rows_of_the_page(with_toolbar, browser, products):
    page = browser.get(f"/p/{products[0].pk}/").content.decode()
    panel = page[page.index('id="RecoPanel"') :]
    assert "similar_items" in panel
    assert f"plain.product:{products[0].pk}" in panel
    assert products[1].title in panel
    assert slate_made.receivers == []
