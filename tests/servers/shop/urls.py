from django.urls import include, path

from tests.django import views as pages
from tests.servers.shop import views

urlpatterns = [
    path("", pages.home, name="home"),
    path("p/<int:pk>/", pages.product, name="product"),
    path("async/<int:pk>/", pages.aproduct, name="aproduct"),
    path("awaited/<int:pk>/", pages.awaited, name="awaited"),
    path("save/", views.save, name="save"),
    path("look/<int:pk>/", views.look, name="look"),
    path("reco/", include("django_reco.urls")),
]
