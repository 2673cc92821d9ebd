from django.contrib.auth import aget_user
from django.shortcuts import get_object_or_404, render

import django_reco as reco
from tests.django.shops.plain.models import Product


def home(request):
    return render(request, "home.html")


def product(request, pk):
    return render(request, "product.html", {"product": get_object_or_404(Product, pk=pk)})


async def aproduct(request, pk):
    """The template is rendered on the running loop."""
    return render(request, "product.html", {"product": await Product.objects.aget(pk=pk)})


async def awaited(request, pk):
    product = await Product.objects.aget(pk=pk)
    slate = await reco.arecommend(request, "you_may_also_like", seeds=[product], n=3)
    await aget_user(request)
    return render(request, "awaited.html", {"product": product, "slate": slate})
