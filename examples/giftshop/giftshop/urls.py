"""The shop at the root, recommendations beside it."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("admin/", admin.site.urls), path("", include("shop.urls"))]
if settings.RECO_ENABLED:
    urlpatterns.insert(0, path("reco/", include("django_reco.urls")))
