"""Settings of a shop on the database that DSN names, for Django in a process of its own."""

import os

from scripts.postgres import django_database

SECRET_KEY = "tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_reco", "django.contrib.contenttypes", "django.contrib.auth"]
DATABASES = {"default": django_database(os.environ["DSN"])}
RECO = {"ITEMS": "auth.Group", "MODE": "inline"}
