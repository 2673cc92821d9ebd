"""The shop's own settings over a database in memory; no pictures' folder, search index or state outlives the tests."""

import atexit
import os
import shutil
import tempfile

_VAR = tempfile.mkdtemp(prefix="bookshop-")
atexit.register(shutil.rmtree, _VAR, ignore_errors=True)
os.environ["BOOKSHOP_VAR"] = _VAR
os.environ["BOOKSHOP_DEBUG"] = "0"

from bookshop.settings import *  # noqa: E402, F403 - after the folder is named

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "ATOMIC_REQUESTS": True}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
RECO = {"PRESET": "oscar", "MODE": "inline"}


class _Created(dict[str, None]):
    """Tables from the models: oscar's hundred migrations would take longer than all tests."""

    def __contains__(self, label: object) -> bool:
        return label != "django_reco"

    def __getitem__(self, label: str) -> None:
        return None


MIGRATION_MODULES = _Created()
