"""Two languages on two sites: translated names, and for each site its own price, currency and stock."""

from django.conf import settings
from django.contrib.sites.models import Site
from django.db import models
from django.urls import reverse
from django.utils import timezone
from parler.models import TranslatableModel, TranslatedFields


class Category(TranslatableModel):
    translations = TranslatedFields(name=models.CharField(max_length=200))

    def __str__(self) -> str:
        return self.safe_translation_getter("name", any_language=True) or ""


class Product(TranslatableModel):
    translations = TranslatedFields(name=models.CharField(max_length=200), description=models.TextField(blank=True))
    category = models.ForeignKey(Category, null=True, on_delete=models.CASCADE)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.safe_translation_getter("name", any_language=True) or ""

    def get_absolute_url(self) -> str:
        return reverse("boutique:product", args=[self.pk])


class Offer(models.Model):
    """What one site asks for a product, and how many it has."""

    product = models.ForeignKey(Product, related_name="offers", on_delete=models.CASCADE)
    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3)
    stock = models.PositiveIntegerField(default=5)

    def __str__(self) -> str:
        return f"{self.price} {self.currency}"


class Order(models.Model):
    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"order {self.pk}"


class OrderLine(models.Model):
    order = models.ForeignKey(Order, related_name="lines", on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"
