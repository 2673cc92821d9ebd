"""``path("reco/", include("django_reco.urls"))``: rows for pages that are put together in the browser."""

from __future__ import annotations

from django.urls import path

from django_reco import views

__all__ = ["app_name", "urlpatterns"]

app_name = "reco"
urlpatterns = [
    path("recommend/", views.as_json, name="recommend"),
    path("row/", views.as_html, name="row"),
    path("frame/", views.as_frame, name="frame"),
    path("event/", views.beacon, name="beacon"),
]
