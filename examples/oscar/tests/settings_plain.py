"""The same shop as if there had never been recommendations: what its pages are compared with."""

from tests.settings import *  # noqa: F403

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "django_reco"]  # noqa: F405
del RECO  # noqa: F821 - of the settings above
