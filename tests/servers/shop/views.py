"""What a test does to the shop through its server."""

import os
from inspect import iscoroutinefunction

from django.http import HttpResponse
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.csrf import csrf_exempt

import django_reco as reco
from tests.django.shops.plain.models import Product


@sync_and_async_middleware
def tells_its_process(get_response):
    """Say in a header which worker answered."""
    if iscoroutinefunction(get_response):

        async def atell(request):
            response = await get_response(request)
            response["X-Process"] = str(os.getpid())
            return response

        return atell

    def tell(request):
        response = get_response(request)
        response["X-Process"] = str(os.getpid())
        return response

    return tell


@csrf_exempt
def save(request):
    """Save a product as an admin would."""
    product = Product.objects.create(title=request.POST["title"], slug="saved", price=1)
    return HttpResponse(str(product.pk))


def look(request, pk):
    """Record a look at a product on a page that needs no database."""
    return HttpResponse("recorded" if reco.track(request, "view_item", f"plain.product:{pk}") else "lost")
