"""``settings.RECO``: one dict, typed, live under ``override_settings``.

:func:`parse` never raises: what cannot work is collected as :class:`Problem` and shown by the system checks.
:func:`get_settings` is what the rest of the app reads; it raises :class:`~reco_sdk.errors.ConfigError` with the
first problem.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

from django_reco.parsing import parse
from django_reco.specs import CookieSettings, EventSpec, ItemsSpec, OrdersSpec, Problem, Settings
from reco_sdk.errors import ConfigError

__all__ = [
    "CookieSettings",
    "EventSpec",
    "ItemsSpec",
    "OrdersSpec",
    "Problem",
    "Settings",
    "get_settings",
    "parse",
    "reset_settings",
]

_current: Settings | None = None


def get_settings() -> Settings:
    """Return ``settings.RECO``, parsed once and again whenever it changes.

    Raises
    ------
    ConfigError
        With the first thing in it that cannot work.
    """
    global _current  # noqa: PLW0603  the one place where settings are kept
    if _current is None:
        parsed, problems = parse(getattr(settings, "RECO", {}))
        if problems:
            raise ConfigError(f"{problems[0].message} {problems[0].hint}")
        _current = parsed
    return _current


def reset_settings(*, setting: str = "RECO", **_: Any) -> None:
    """Forget what was parsed when ``RECO`` changes."""
    global _current  # noqa: PLW0603  the one place where settings are kept
    if setting in {"RECO", "DATABASES", "BASE_DIR"}:
        _current = None


setting_changed.connect(reset_settings, dispatch_uid="django_reco.conf")
