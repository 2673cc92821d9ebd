"""A shop with variants as rows of the product model, stock in a table of its own, visibility through a manager."""

from typing import Any

from django.conf import settings
from django.db import models


class ProductQuerySet(models.QuerySet["Item"]):
    def browsable(self) -> "ProductQuerySet":
        return self.filter(parent=None, is_public=True)


class Maker(models.Model):
    name = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.name


class Item(models.Model):
    name = models.CharField(max_length=200)
    details = models.TextField(blank=True)
    maker = models.ForeignKey(Maker, null=True, on_delete=models.CASCADE)
    parent = models.ForeignKey("self", null=True, blank=True, related_name="children", on_delete=models.CASCADE)
    is_public = models.BooleanField(default=True)
    departments: "models.ManyToManyField[Department, Any]" = models.ManyToManyField("Department", related_name="items")

    objects = ProductQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def current_price(self) -> Any:
        stock = self.stock_set.first()
        return None if stock is None else stock.price

    def pieces(self) -> int:
        return sum(stock.pieces for stock in self.stock_set.all())


class Stock(models.Model):
    item = models.ForeignKey(Item, on_delete=models.CASCADE)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    pieces = models.IntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.pieces}"


class Department(models.Model):
    name = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.name


class Purchase(models.Model):
    """The lines hang on the order by a many-to-many relation, as in many tutorials."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE)
    lines: "models.ManyToManyField[PurchaseItem, Any]" = models.ManyToManyField("PurchaseItem")
    ordered_date = models.DateTimeField()

    def __str__(self) -> str:
        return f"purchase {self.pk}"


class PurchaseItem(models.Model):
    item = models.ForeignKey(Item, on_delete=models.CASCADE)
    ordered = models.BooleanField(default=False)
    quantity = models.IntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.quantity}"
