"""The same shop with a catalogue of its own, as ``oscar_fork_app`` makes one."""

from tests.settings import *  # noqa: F403

INSTALLED_APPS = [
    "tests.forked.catalogue.apps.CatalogueConfig" if app.startswith("oscar.apps.catalogue.apps") else app
    for app in INSTALLED_APPS  # noqa: F405
]
