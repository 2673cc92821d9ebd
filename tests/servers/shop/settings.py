"""The plain test shop as a server runs it: a real database, workers that poll, everything worth saying on stderr."""

import json
import os
from importlib import import_module

from tests.django.settings import *  # noqa: F403

INSTALLED_APPS = [
    "django_reco",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "tests.django.shops.plain",
    "tests.servers.shop",
]
MIDDLEWARE = [
    "tests.servers.shop.views.tells_its_process",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_reco.middleware.RecoMiddleware",
]
DATABASES = {"default": json.loads(os.environ["SHOP_DATABASE"])}
ROOT_URLCONF = "tests.servers.shop.urls"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s %(process)d %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
RECO = {
    "ITEMS": "plain.Product",
    "ORDERS": {"model": "plain.OrderLine", "item": "product", "group": "order", "at": "order.created_at"},
    "MODEL": "hashing",
    "CONSENT": "tests.django.consent.says_cookie",
    "START_SECONDS": 10.0,
    **json.loads(os.environ.get("SHOP_RECO", "{}")),
}

if "SHOP_IMPORTS" in os.environ:  # a module that a test may change
    import_module(os.environ["SHOP_IMPORTS"])
