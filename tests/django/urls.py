from django.contrib import admin
from django.urls import include, path

from tests.django import views

urlpatterns = [
    path("", views.home, name="home"),
    path("p/<int:pk>/", views.product, name="product"),
    path("async/<int:pk>/", views.aproduct, name="aproduct"),
    path("awaited/<int:pk>/", views.awaited, name="awaited"),
    path("admin/", admin.site.urls),
    path("reco/", include("django_reco.urls")),
]
