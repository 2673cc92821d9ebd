"""Settings of an oscar shop as oscar's own documentation has them, and the two lines that add recommendations."""

from __future__ import annotations

import os
from pathlib import Path

import oscar
from oscar.defaults import *  # noqa: F403 - how oscar's settings are meant to be read

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("BOOKSHOP_VAR", BASE_DIR / "var"))
VAR_DIR.mkdir(parents=True, exist_ok=True)

# Off, it is the same shop without recommendations: what tests and benchmarks compare with.
RECO_ENABLED = os.environ.get("BOOKSHOP_RECO", "1") != "0"

DEBUG = os.environ.get("BOOKSHOP_DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("BOOKSHOP_SECRET_KEY", "only-for-the-demonstration-on-your-own-machine-0123456789")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]

# Recommendations, line one: before oscar's apps, so that its templates can be added to.
INSTALLED_APPS = [
    *(["django_reco"] if RECO_ENABLED else []),
    "whitenoise.runserver_nostatic",
    *oscar.INSTALLED_APPS,
    "sorl.thumbnail",
    "bookshop",
]
# Recommendations, line two.
RECO = {"PRESET": "oscar"}

SITE_ID = 1
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
]
AUTHENTICATION_BACKENDS = ["oscar.apps.customer.auth_backends.EmailBackend", "django.contrib.auth.backends.ModelBackend"]
ROOT_URLCONF = "bookshop.urls"
WSGI_APPLICATION = "bookshop.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "bookshop" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR_DIR / "bookshop.sqlite3",
        "ATOMIC_REQUESTS": True,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 10},
    }
}
# Django's 300 entries would be fewer than there are thumbnails.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
SEARCH = "haystack.backends.whoosh_backend.WhooshEngine"
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": SEARCH, "PATH": str(VAR_DIR / "search"), "INCLUDE_SPELLING": True}}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/London"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
# Served straight from the apps: no collectstatic stands between a fresh clone and the first page.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_URL = "/media/"
MEDIA_ROOT = VAR_DIR / "media"
MEDIA_ROOT.mkdir(exist_ok=True)

OSCAR_SHOP_NAME = "Oscar’s books"
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_INITIAL_ORDER_STATUS = "Pending"
OSCAR_DEFAULT_CURRENCY = "GBP"
