"""From cart to order; there is nothing to pay."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.views.decorators.http import require_http_methods, require_safe

from shop.cart import Cart
from shop.forms import CheckoutForm
from shop.models import Order, OrderLine, Product
from shop.tracking import record

SESSION_KEY = "orders"
MOST_ORDERS = 20


@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest) -> HttpResponse:
    cart = Cart(request)
    if not cart.lines:
        return redirect("shop:cart")
    form = CheckoutForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        order = _place(request, cart, form)
        cart.clear()
        request.session[SESSION_KEY] = [*request.session.get(SESSION_KEY, []), order.number][-10:]
        return redirect("shop:confirmation", number=order.number)
    return render(request, "shop/checkout.html", {"cart": cart, "form": form})


@require_safe
def confirmation(request: HttpRequest, number: str) -> HttpResponse:
    # An order number is no secret: only the visitor who placed it sees it.
    if number not in request.session.get(SESSION_KEY, []):
        raise Http404
    order = get_object_or_404(Order.objects.prefetch_related("lines__product__category"), number=number)
    return render(request, "shop/confirmation.html", {"order": order, "lines": order.lines.all()})


@require_safe
def orders(request: HttpRequest) -> HttpResponse:
    """What this browser ordered, and this account where somebody is logged in; and what may be due again."""
    mine = Q(number__in=request.session.get(SESSION_KEY, []))
    if request.user.is_authenticated:
        mine |= Q(user=request.user)
    placed = Order.objects.filter(mine).prefetch_related("lines__product__category")[:MOST_ORDERS]
    return render(request, "shop/orders.html", {"orders": placed})


def _place(request: HttpRequest, cart: Cart, form: CheckoutForm) -> Order:
    data = form.cleaned_data
    with transaction.atomic():
        order = Order.objects.create(
            number=f"W{timezone.localdate():%y%m%d}-{get_random_string(6, 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789')}",
            user=request.user if request.user.is_authenticated else None,
            name=data["name"],
            email=data["email"],
            address=data["address"],
            country=data["country"],
        )
        OrderLine.objects.bulk_create(
            [
                OrderLine(order=order, product=line.product, quantity=line.quantity, unit_price=line.product.price)
                for line in cart.lines
            ]
        )
        for line in cart.lines:
            Product.objects.filter(pk=line.product.pk, stock__gte=line.quantity).update(stock=F("stock") - line.quantity)
    for line in cart.lines:
        record(request, "purchase", line.product, quantity=line.quantity)
    return order
