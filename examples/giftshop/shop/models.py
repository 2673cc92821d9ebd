"""Catalogue and orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone


class Category(models.Model):
    """A department (no parent) or one of its shelves."""

    parent = models.ForeignKey("self", null=True, blank=True, related_name="children", on_delete=models.PROTECT)
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80)
    # "Kitchen & Dining > Mugs & cups": asked for on every card and every sync, so it is stored, not walked.
    path = models.CharField(max_length=180, unique=True)

    class Meta:
        verbose_name_plural = "categories"
        ordering = ("path",)
        constraints = (models.UniqueConstraint(fields=("parent", "slug"), name="category_slug_once_per_parent"),)

    def __str__(self) -> str:
        return self.path

    def get_absolute_url(self) -> str:
        if self.parent is None:
            return reverse("shop:department", args=(self.slug,))
        return reverse("shop:shelf", args=(self.parent.slug, self.slug))

    @property
    def short_name(self) -> str:
        """Only "Kitchen" of "Kitchen & Dining": fourteen departments must fit into one line."""
        return self.name.partition(" & ")[0]


class ProductQuerySet(models.QuerySet["Product"]):
    def active(self) -> ProductQuerySet:
        return self.filter(is_active=True)

    def in_stock(self) -> ProductQuerySet:
        return self.active().filter(stock__gt=0)

    def for_cards(self) -> ProductQuerySet:
        """What a card shows, in one query."""
        return self.select_related("category")

    def on_shelves(self, category: Category) -> ProductQuerySet:
        return self.filter(models.Q(category=category) | models.Q(category__parent=category))

    def search(self, words: str) -> ProductQuerySet:
        """Every word must stand in the title or the category; a stock code finds its product."""
        found = self
        for word in words.split()[:8]:
            stem = word[:-1] if len(word) > 3 and word.lower().endswith("s") else word
            found = found.filter(
                models.Q(title__icontains=stem) | models.Q(category__path__icontains=stem) | models.Q(stock_code__iexact=word)
            )
        return found


class Product(models.Model):
    stock_code = models.CharField(max_length=12, unique=True)
    title = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120)
    category = models.ForeignKey(Category, related_name="products", on_delete=models.PROTECT)
    # Colours and sizes of one thing share it; empty where there is only the one.
    group_code = models.CharField(max_length=12, blank=True, db_index=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    order_count = models.PositiveIntegerField(default=0, help_text="orders of the last 90 days that contain it")
    published_at = models.DateTimeField(default=timezone.now)

    currency: ClassVar[str] = "GBP"

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ("-order_count", "pk")
        indexes = (
            models.Index(fields=("is_active", "-order_count")),
            models.Index(fields=("is_active", "-published_at")),
        )

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("shop:product", args=(self.stock_code, self.slug))

    @property
    def picture_url(self) -> str:
        """Where the picture is a file of its own; the shop's pages draw it in place."""
        return reverse("shop:picture", args=(self.stock_code,))

    @property
    def is_available(self) -> bool:
        return self.is_active and self.stock > 0

    @property
    def group_id(self) -> str:
        return self.group_code or self.stock_code


class Order(models.Model):
    number = models.CharField(max_length=20, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, related_name="orders", on_delete=models.SET_NULL)
    name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(blank=True)
    address = models.TextField(blank=True)
    country = models.CharField(max_length=60, default="United Kingdom")
    placed_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ("-placed_at", "-pk")

    def __str__(self) -> str:
        return self.number

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines.all()), Decimal(0))


class OrderLine(models.Model):
    order = models.ForeignKey(Order, related_name="lines", on_delete=models.CASCADE)
    product = models.ForeignKey(Product, related_name="order_lines", on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"

    @property
    def total(self) -> Decimal:
        return self.quantity * self.unit_price


def indexed_products(*_: Any) -> ProductQuerySet:
    """What recommendations may be made of: the sold-out too, for they come back."""
    return Product.objects.active().select_related("category")


def shown_products(_: HttpRequest | None = None) -> ProductQuerySet:
    """What a row of cards may show right now."""
    return Product.objects.in_stock().for_cards()
