"""Addresses of the shops that have languages in theirs."""

from django.conf.urls.i18n import i18n_patterns
from django.http import HttpResponse
from django.urls import include, path

from tests.django import shop_views
from tests.django.urls import urlpatterns as plain

bilingual = ([path("<int:pk>/<slug:slug>/", lambda _request, **_: HttpResponse(), name="product")], "bilingual")
boutique = ([path("", shop_views.home, name="home"), path("<int:pk>/", shop_views.product, name="product")], "boutique")

urlpatterns = [
    *plain,
    *i18n_patterns(path("shop/", include(bilingual)), path("boutique/", include(boutique))),
]
