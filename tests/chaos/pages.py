"""Pages that ask the shop's database for nothing themselves: whatever fails on them is the recommender's.

What the shop itself must ask its database for (a checkout) says in a header when that failed.
"""

import random

from django.db import DatabaseError, transaction
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

import django_reco as reco
from tests.django import views as shop
from tests.django.shops.plain.models import Order, OrderLine, Product

SHOPS_OWN = "X-Shop-Failed"


def product(request, pk):
    """An item's page from the shop's cache, so to speak."""
    return render(request, "product.html", {"product": Product(pk=pk, title=f"product {pk}")})


@csrf_exempt
def checkout(request):
    """Place an order. Half of the shops also say at once what was bought, and half of them twice."""
    try:
        with transaction.atomic():
            order = Order.objects.create(paid=True)
            lines = [
                OrderLine.objects.create(order=order, product_id=pk, price=1, quantity=int(quantity))
                for pk, quantity in zip(request.POST.getlist("product"), request.POST.getlist("quantity"), strict=True)
            ]
            for line in lines:
                for _ in range(random.choice((0, 0, 1, 2))):
                    transaction.on_commit(lambda line=line: _say(request, line))
    except DatabaseError as error:
        return HttpResponse(str(error), status=503, headers={SHOPS_OWN: type(error).__name__})
    return JsonResponse({"lines": [line.pk for line in lines]})


def _say(request, line):
    known_by = f"order:{OrderLine._meta.label_lower}:{line.pk}"
    reco.track(request, "purchase", f"plain.product:{line.product_id}", quantity=line.quantity, event_id=known_by)


urlpatterns = [
    path("", shop.home, name="home"),
    path("p/<int:pk>/", product, name="product"),
    path("checkout/", checkout, name="checkout"),
    path("reco/", include("django_reco.urls")),
]
