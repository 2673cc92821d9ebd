"""Pages of the shop with two languages on two sites."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.template import engines

from tests.django.shops.boutique.models import Product

HOME = "{% load reco %}{% new_arrivals n=20 %}{% recently_viewed %}"
PRODUCT = "{% load reco %}<h1>{{ product.name }}</h1>{% you_may_also_like product n=20 %}"


def _page(request, template, **context):
    return HttpResponse(engines["django"].from_string(template).render(context, request))


def home(request):
    return _page(request, HOME)


def product(request, pk):
    return _page(request, PRODUCT, product=get_object_or_404(Product, pk=pk))
