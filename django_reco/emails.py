"""Rows in mails: asked for an account, without a request or a cookie, with addresses that work outside the shop."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist

from django_reco.conf import get_settings
from reco_sdk.errors import ConfigError

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_reco.items import Card

__all__ = ["absolute", "email_row", "shop_url"]


def email_row(user: Any, n: int | None = None, *, base_url: str = "", title: str | None = None, **options: Any) -> str:
    """Return a row for a mail to an account, as HTML with inline styles; empty when there is nothing to show.

    What is sent is not logged as shown: nobody knows whether it was opened.

    Parameters
    ----------
    user
        The account that the mail goes to.
    n
        How many; by default as ``RECO["PLACEMENTS"]["email"]`` says.
    base_url
        Address of the shop; by default ``RECO["BASE_URL"]``, else that of the site.
    title
        Heading of the row.
    **options
        Further options of :func:`django_reco.recommend`: ``strategy``, ``seeds``, filters, …

    Raises
    ------
    ConfigError
        When nobody says what the shop's address is.
    """
    from django_reco.rendering import render_slate  # noqa: PLC0415  which asks this module for addresses
    from django_reco.slates import recommend  # noqa: PLC0415  as above

    base = base_url or shop_url(None)
    slate = recommend(None, options.pop("strategy", None), n=n, placement="email", user=user, **options)
    return render_slate(slate, None, strategy=None, title=title, base_url=base)


def shop_url(request: HttpRequest | None) -> str:
    """Return the address of the shop.

    Raises
    ------
    ConfigError
        When nobody says it.
    """
    given = get_settings().base_url
    if given:
        return given
    if apps.is_installed("django.contrib.sites"):
        from django.contrib.sites.shortcuts import get_current_site  # noqa: PLC0415  a model, where the app is installed

        with suppress(ObjectDoesNotExist, ImproperlyConfigured):  # no site of this host, and none is the process's
            return f"https://{get_current_site(request).domain}"
    if request is not None:
        return request.build_absolute_uri("/")
    raise ConfigError("a mail's links need the shop's address, and nobody says it; set RECO['BASE_URL'] = 'https://shop.example'")


def absolute(card: Card, base: str) -> Card:
    """Return a card whose addresses hold the shop's."""
    root = base if base.endswith("/") else f"{base}/"
    return replace(
        card,
        url=urljoin(root, card.url) if card.url else card.url,
        image=urljoin(root, card.image) if card.image else card.image,
    )
