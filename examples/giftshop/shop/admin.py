"""What a merchant keeps in the admin: products, above all whether they are on the shelf."""

from __future__ import annotations

from django.contrib import admin

from shop.models import Product


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("title", "stock_code", "price", "stock", "is_active")
    list_filter = ("is_active", "category__parent")
    search_fields = ("title", "stock_code")
    autocomplete_fields = ()
    raw_id_fields = ("category",)
