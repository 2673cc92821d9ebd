"""Looking around: home, categories, search, one product."""

from __future__ import annotations

from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from shop.art import alone
from shop.models import Category, Product, ProductQuerySet

PAGE_SIZE: Final = 24
SORTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "popular": ("Most popular", ("-order_count", "pk")),
    "new": ("Newest", ("-published_at", "-order_count", "pk")),
    "cheap": ("Price, low to high", ("price", "-order_count", "pk")),
    "dear": ("Price, high to low", ("-price", "-order_count", "pk")),
}
HERO_CODES: Final = ("22423", "85123A", "22727", "84879", "47566", "22697")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    hero = {product.stock_code: product for product in Product.objects.filter(stock_code__in=HERO_CODES).for_cards()}
    return render(request, "shop/home.html", {"hero": [hero[code] for code in HERO_CODES if code in hero]})


@require_safe
def categories(request: HttpRequest) -> HttpResponse:
    tree = Category.objects.filter(parent=None).prefetch_related("children")
    return render(request, "shop/categories.html", {"tree": tree})


@require_safe
def department(request: HttpRequest, department: str) -> HttpResponse:
    category = get_object_or_404(Category, parent=None, slug=department)
    return _category_page(request, category)


@require_safe
def shelf(request: HttpRequest, department: str, shelf: str) -> HttpResponse:
    category = get_object_or_404(Category.objects.select_related("parent"), parent__slug=department, slug=shelf)
    return _category_page(request, category)


def _category_page(request: HttpRequest, category: Category) -> HttpResponse:
    top = category.parent or category
    context = {
        "category": category,
        "top": top,
        "shelves": top.children.all(),
        **_listing(request, Product.objects.active().on_shelves(category)),
    }
    return render(request, "shop/category.html", context)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    words = " ".join(request.GET.get("q", "").split())[:100]
    found = Product.objects.active().search(words) if words else Product.objects.none()
    return render(request, "shop/search.html", {"words": words, **_listing(request, found)})


@require_safe
def product(request: HttpRequest, stock_code: str, slug: str) -> HttpResponse:
    shown = get_object_or_404(Product.objects.active().select_related("category", "category__parent"), stock_code=stock_code)
    if slug != shown.slug:
        return redirect(shown, permanent=True)
    options: list[Product] = []
    if shown.group_code:
        options = list(Product.objects.active().filter(group_code=shown.group_code).for_cards().order_by("stock_code"))
    return render(request, "shop/product.html", {"product": shown, "options": options})


@cache_control(max_age=86_400, public=True)
@require_safe
def picture(_: HttpRequest, stock_code: str) -> HttpResponse:
    """The picture as a file: for the admin, and whoever shows our goods elsewhere."""
    shown = get_object_or_404(Product.objects.select_related("category"), stock_code=stock_code)
    drawn = alone(shown.stock_code, shown.title, shown.category.path.partition(" > ")[0])
    return HttpResponse(drawn, content_type="image/svg+xml")


def _listing(request: HttpRequest, products: ProductQuerySet) -> dict[str, Any]:
    sort = request.GET.get("sort", "popular")
    sort = sort if sort in SORTS else "popular"
    paginator = Paginator(products.for_cards().order_by(*SORTS[sort][1]), PAGE_SIZE)
    page = paginator.get_page(request.GET.get("page"))
    return {
        "page": page,
        "pages": paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "sort": sort,
        "sorts": [(key, label) for key, (label, _) in SORTS.items()],
    }
