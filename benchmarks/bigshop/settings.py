"""Settings: ``BIGSHOP_VAR`` is where its files lie, ``BIGSHOP_RECO`` says whether it recommends.

Its database is SQLite in that folder, or the PostgreSQL that ``BIGSHOP_DATABASE`` names.
"""

import os
from pathlib import Path

VAR = Path(os.environ["BIGSHOP_VAR"])
WITH_RECO = os.environ.get("BIGSHOP_RECO", "1") == "1"
SECRET_KEY = "benchmark"  # noqa: S105 - nothing secret is signed here
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    *(["django_reco"] if WITH_RECO else []),
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "benchmarks.bigshop",
]
MIDDLEWARE = ["django_reco.middleware.RecoMiddleware"] if WITH_RECO else []
ROOT_URLCONF = "benchmarks.bigshop.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR / "shop.sqlite3",
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"},
    }
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
if database := os.environ.get("BIGSHOP_DATABASE", ""):
    from scripts.postgres import django_database

    DATABASES["default"] = django_database(database)
LOGGING = {"version": 1, "disable_existing_loggers": False, "handlers": {"console": {"class": "logging.StreamHandler"}}}
RECO = {
    "ITEMS": "bigshop.Product",
    "MODEL": "hashing",
    "STATE_DIR": str(VAR / "state"),
    "CONSENT": "benchmarks.bigshop.views.consents",
}
