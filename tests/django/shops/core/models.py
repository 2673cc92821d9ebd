"""The tutorial shop of 2020: categories are choices, and an order holds its lines by a many-to-many relation."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class Item(models.Model):
    title = models.CharField(max_length=100)
    price = models.FloatField()
    discount_price = models.FloatField(blank=True, null=True)
    category = models.CharField(choices=[("S", "Shirts"), ("SW", "Sportswear"), ("OW", "Outwear")], max_length=2)
    label = models.CharField(choices=[("P", "primary"), ("S", "secondary"), ("D", "danger")], max_length=1)
    slug = models.SlugField()
    description = models.TextField()
    image = models.FileField(blank=True)

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"/product/{self.slug}/"


class OrderItem(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    ordered = models.BooleanField(default=False)
    item = models.ForeignKey(Item, on_delete=models.CASCADE)
    quantity = models.IntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.quantity} of {self.item.title}"


class Order(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    ref_code = models.CharField(max_length=20, blank=True)
    items: "models.ManyToManyField[OrderItem, Any]" = models.ManyToManyField(OrderItem)
    start_date = models.DateTimeField(auto_now_add=True)
    ordered_date = models.DateTimeField(default=timezone.now)
    ordered = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.user.get_username()
