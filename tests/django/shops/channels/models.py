"""Channels: whether a product is published, and what it costs, stands in a listing for each; lines name variants."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class Channel(models.Model):
    name = models.CharField(max_length=80)
    slug = models.SlugField(unique=True)
    currency_code = models.CharField(max_length=3)

    def __str__(self) -> str:
        return self.name


class Category(models.Model):
    name = models.CharField(max_length=80)
    parent = models.ForeignKey("self", null=True, blank=True, related_name="children", on_delete=models.CASCADE)

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=200, unique=True)
    description = models.JSONField(default=dict)
    description_plaintext = models.TextField(blank=True)
    category = models.ForeignKey(Category, null=True, on_delete=models.SET_NULL)
    rating = models.FloatField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class ProductChannelListing(models.Model):
    product = models.ForeignKey(Product, related_name="channel_listings", on_delete=models.CASCADE)
    channel = models.ForeignKey(Channel, related_name="product_listings", on_delete=models.CASCADE)
    is_published = models.BooleanField(default=True)
    currency = models.CharField(max_length=3)
    discounted_price_amount = models.DecimalField(max_digits=8, decimal_places=2, null=True)

    def __str__(self) -> str:
        return f"{self.product_id} in {self.channel_id}"


class ProductVariant(models.Model):
    product = models.ForeignKey(Product, related_name="variants", on_delete=models.CASCADE)
    sku = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.sku


class Order(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=20, default="unfulfilled")

    def __str__(self) -> str:
        return str(self.pk)


class OrderLine(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    order = models.ForeignKey(Order, related_name="lines", on_delete=models.CASCADE)
    variant = models.ForeignKey(ProductVariant, null=True, on_delete=models.SET_NULL)
    product_name = models.CharField(max_length=200)
    quantity = models.IntegerField(default=1)
    unit_price_gross_amount = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_name}"
