"""Settings of a shop on the database that DSN names, for Django in a process of its own."""

import os
from urllib.parse import parse_qs, urlsplit

_DSN = urlsplit(os.environ["DSN"])
SECRET_KEY = "tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_reco", "django.contrib.contenttypes", "django.contrib.auth"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _DSN.path.removeprefix("/"),
        "USER": _DSN.username or "",
        "PASSWORD": _DSN.password or "",
        "HOST": _DSN.hostname or parse_qs(_DSN.query).get("host", [""])[0],
        "PORT": str(_DSN.port or ""),
    }
}
RECO = {"ITEMS": "auth.Group", "MODE": "inline"}
