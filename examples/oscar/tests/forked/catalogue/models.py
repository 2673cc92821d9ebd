"""A product with a field of the shop's own; the rest is oscar's."""

from django.db import models
from oscar.apps.catalogue.abstract_models import AbstractProduct


class Product(AbstractProduct):
    secret = models.BooleanField(default=False)


from oscar.apps.catalogue.models import *  # noqa: E402, F403 - oscar's way of a fork
