"""The app: checks registered, signals connected; nothing read, opened or started."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy

__all__ = ["DjangoRecoConfig"]


class DjangoRecoConfig(AppConfig):
    """Connects the shop's signals and finds ``<app>/reco.py``."""

    name = "django_reco"
    label = "django_reco"
    verbose_name = gettext_lazy("Recommendations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Find adapters, connect receivers, register checks. No database, model, thread or network."""
        from django_reco import checks, receivers  # noqa: PLC0415  models must be loaded first

        autodiscover_modules("reco")
        checks.register_checks()
        receivers.connect()
