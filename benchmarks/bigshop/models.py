"""The one model."""

from __future__ import annotations

from django.db import models

__all__ = ["Product"]


class Product(models.Model):
    """A thing for sale."""

    title = models.CharField(max_length=200)
    category = models.CharField(max_length=80)
    price = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return its page."""
        return f"/p/{self.pk}/"
