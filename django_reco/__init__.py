"""Recommendations inside a Django shop's own process.

``import django_reco as reco`` brings what a shop's code calls: :class:`Items` and :func:`register` for
``<app>/reco.py``, :func:`track` for what a visitor did, :func:`recommend` and :func:`arecommend` for a row in a view,
:func:`email_row` for one in a mail.
Importing it reads no settings, touches no model and starts nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_reco.emails import email_row
    from django_reco.items import Items
    from django_reco.registry import register
    from django_reco.slates import arecommend, recommend
    from django_reco.tracking import track

__all__ = ["Items", "arecommend", "email_row", "recommend", "register", "track"]

_HOMES = {
    "Items": "django_reco.items",
    "arecommend": "django_reco.slates",
    "email_row": "django_reco.emails",
    "recommend": "django_reco.slates",
    "register": "django_reco.registry",
    "track": "django_reco.tracking",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  the names need Django's settings; the package does not

    return getattr(import_module(_HOMES[name]), name)
