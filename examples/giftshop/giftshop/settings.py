"""Settings of the gift shop. Everything that can differ between machines is an environment variable with a default."""

from __future__ import annotations

import os
from pathlib import Path

from giftshop.databases import database

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("GIFTSHOP_VAR", BASE_DIR / "var"))
VAR_DIR.mkdir(parents=True, exist_ok=True)

# Off, the shop is the same shop without recommendations: what benchmarks compare with.
RECO_ENABLED = os.environ.get("GIFTSHOP_RECO", "1") != "0"

DEBUG = os.environ.get("GIFTSHOP_DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("GIFTSHOP_SECRET_KEY", "only-for-the-demonstration-on-your-own-machine-0123456789")
ALLOWED_HOSTS = os.environ.get("GIFTSHOP_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")

INSTALLED_APPS = [
    *(["django_reco"] if RECO_ENABLED else []),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "shop",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    *(["django_reco.middleware.RecoMiddleware"] if RECO_ENABLED else []),
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "giftshop.urls"
WSGI_APPLICATION = "giftshop.wsgi.application"
ASGI_APPLICATION = "giftshop.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the apps' own folders, so that the shop's reco/row.html is the one that is found.
        "DIRS": [BASE_DIR / "shop" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "shop.context.shop",
            ],
        },
    },
]

DATABASES = {"default": database(os.environ.get("GIFTSHOP_DATABASE", ""), VAR_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The cart is all that a session holds: no table is written while a visitor only looks.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/London"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
# Served straight from the apps: no collectstatic stands between a fresh clone and the first page.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

RECO = {
    "ITEMS": {
        "model": "shop.Product",
        "title": "title",
        "text": ["title", "category.path"],
        "group": "group_code",
        "categories": "category.path",
        "price": "price",
        "currency": "currency",
        "available": "is_available",
        "quantity": "stock",
        "published": "published_at",
        "url": "get_absolute_url",
        "image": "picture_url",
        "queryset": "shop.models.indexed_products",
        "result_queryset": "shop.models.shown_products",
        "same_for_all": True,
    },
    "ORDERS": {
        "model": "shop.OrderLine",
        "item": "product",
        "group": "order",
        "user": "order.user",
        "quantity": "quantity",
        "price": "unit_price",
        "at": "order.placed_at",
    },
    "CONSENT": "shop.consent.has_consent",
    "STATE_DIR": VAR_DIR / "reco",
}
