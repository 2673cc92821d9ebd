"""Two product models, one with UUID keys; order lines that name either of them."""

import uuid

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone


class Phone(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=80)
    price = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self) -> str:
        return self.name


class Cover(models.Model):
    code = models.CharField(primary_key=True, max_length=20)
    name = models.CharField(max_length=80)
    price = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self) -> str:
        return self.name


class Bought(models.Model):
    number = models.CharField(max_length=20)
    product_content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    product_id = models.CharField(max_length=64)
    product = GenericForeignKey("product_content_type", "product_id")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.number
