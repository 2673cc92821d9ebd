from django.shortcuts import get_object_or_404, render
from django.urls import include, path

from tests.django.shops.plain.models import Product

WAYS = {
    "script": ["reco/reco.js"],
    "htmx-2": ["django_htmx/htmx-2.js", "reco/reco.js"],
    "htmx-4": ["django_htmx/htmx-4.js", "reco/reco.js"],
    "htmx-late": ["reco/reco.js", "django_htmx/htmx-2.js"],
}


def product(request, pk, way="script"):
    given = {"product": get_object_or_404(Product, pk=pk), "scripts": WAYS[way], "lines": range(100)}
    return render(request, "lazy.html", given)


urlpatterns = [
    path("p/<int:pk>/", product, name="product"),
    path("p/<int:pk>/<str:way>/", product),
    path("reco/", include("django_reco.urls")),
]
