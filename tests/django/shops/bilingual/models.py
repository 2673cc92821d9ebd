"""Names, slugs and descriptions in tables of translations (django-parler), as in "Django 5 by Example"."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from parler.models import TranslatableModel, TranslatedFields


class Category(TranslatableModel):
    translations = TranslatedFields(name=models.CharField(max_length=200), slug=models.SlugField(max_length=200))

    def __str__(self) -> str:
        return self.safe_translation_getter("name", any_language=True) or ""


class Product(TranslatableModel):
    translations = TranslatedFields(
        name=models.CharField(max_length=200), slug=models.SlugField(max_length=200), description=models.TextField(blank=True)
    )
    category = models.ForeignKey(Category, related_name="products", null=True, on_delete=models.CASCADE)
    image = models.FileField(blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    available = models.BooleanField(default=True)
    created = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.safe_translation_getter("name", any_language=True) or ""

    def get_absolute_url(self) -> str:
        return reverse("bilingual:product", args=[self.pk, self.slug])


class Order(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE)
    created = models.DateTimeField(default=timezone.now)
    paid = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"order {self.pk}"


class OrderItem(models.Model):
    order = models.ForeignKey(Order, related_name="items", on_delete=models.CASCADE)
    product = models.ForeignKey(Product, related_name="order_items", on_delete=models.CASCADE)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    quantity = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"
