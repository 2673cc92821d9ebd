"""The shop's own settings over a database in memory and a state folder that goes away."""

import atexit
import os
import shutil
import tempfile

_VAR = tempfile.mkdtemp(prefix="giftshop-")
atexit.register(shutil.rmtree, _VAR, ignore_errors=True)
os.environ["GIFTSHOP_VAR"] = _VAR

from giftshop.settings import *  # noqa: E402, F403 - after the folder is named

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Inline, everything is brought in line at every row: one shelf of the catalogue is enough to see that it works.
RECO = {
    **RECO,  # noqa: F405
    "MODE": "inline",
    "ITEMS": {**RECO["ITEMS"], "where": {"category__path": "Kitchen & Dining > Mugs & cups"}},  # noqa: F405
}
