"""Putting things into the cart and taking them out."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from shop.cart import Cart
from shop.models import Product
from shop.tracking import record


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/cart.html", {"cart": Cart(request)})


@require_POST
def add(request: HttpRequest, pk: int) -> HttpResponse:
    product = get_object_or_404(Product.objects.active(), pk=pk)
    quantity = _quantity(request, default=1)
    if not product.is_available or quantity < 1:
        messages.error(request, f"“{product.title}” cannot be added right now.")
        return redirect(product)
    Cart(request).add(product, quantity)
    record(request, "add_to_cart", product, quantity=quantity)
    messages.success(request, f"“{product.title}” is in your cart.")
    return redirect("shop:cart")


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    product = get_object_or_404(Product, pk=pk)
    quantity = _quantity(request, default=0)
    cart = Cart(request)
    if quantity < 1:
        cart.remove(product)
        record(request, "remove_from_cart", product)
    else:
        cart.set(product, quantity)
    return redirect("shop:cart")


def _quantity(request: HttpRequest, *, default: int) -> int:
    text = request.POST.get("quantity", "")
    return int(text) if text.isdecimal() and len(text) < 6 else default
