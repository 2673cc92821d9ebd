"""Languages and sites: where a request is, what may be shown there, and whose prices count.

An item carries the languages and the sites (or channels) that it may be shown in as two attributes, and a request asks for its
own of each: masks like any other filter, so that a row is full and never leaves them. An item stays one item everywhere, so
that what shoppers do on one site is learnt from on all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.contrib.sites.shortcuts import get_current_site
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.utils.translation import get_language

from django_reco.conf import get_settings
from django_reco.items import EVERYWHERE
from django_reco.languages import wider
from django_reco.paths import load
from django_reco.registry import adapters
from django_reco.values import key_of

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_reco.items import Items

__all__ = ["Scope", "scope_of"]


class Scope(NamedTuple):
    """Where a request is.

    Parameters
    ----------
    site
        Key of its site or channel; empty where no model has any, or where nobody can know.
    language
        Its language; empty where no model has any.
    bounded
        Whether the site shows some items only; else it has prices of its own and shows all.
    """

    site: str = ""
    language: str = ""
    bounded: bool = True

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """The filter that keeps a slate within it."""
        out: dict[str, tuple[str, ...]] = {}
        if self.site and self.bounded:
            out["sites"] = (self.site, EVERYWHERE)
        if self.language:
            out["languages"] = (*wider(self.language), EVERYWHERE)
        return out

    def narrowed(self, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Return filters that keep within it as well, and ask for its prices."""
        if not (self.site or self.language):
            return dict(filters)
        if self.site:
            filters = {**filters, "site": self.site}
        rest = {name: value for name, value in filters.items() if name not in {"attribute", "attributes"}}
        given = filters.get("attributes", filters.get("attribute", ()))
        pairs = given.items() if isinstance(given, Mapping) else given
        return {**rest, "attributes": (*pairs, *self.attributes.items())}

    def holds(self, adapter: Items, obj: Any) -> bool:
        """Whether an object may be shown here, by what it says now."""
        if not adapter.bounded:
            return True
        said = adapter.bounds(obj)
        return all(not set(said.get(name, ())).isdisjoint(values) for name, values in self.attributes.items())


def scope_of(request: HttpRequest | None, *, site: Any = None) -> Scope:
    """Return where a request is; without one, where this thread is.

    Parameters
    ----------
    request
        A request, or ``None``.
    site
        Instead of the request's own.
    """
    any_of_them = next(iter(adapters().values()), None)
    if any_of_them is None or not (any_of_them.bounded or any_of_them.priced_by_site):
        return Scope()
    bounded = any_of_them.bounded
    known = "sites" in bounded or any_of_them.priced_by_site
    here = (_site(request) if site is None else key_of(site)) if known else ""
    language = (get_language() or settings.LANGUAGE_CODE) if "languages" in bounded else ""
    return Scope(here, language.lower(), "sites" in bounded)


def _site(request: HttpRequest | None) -> str:
    dotted = get_settings().site
    if dotted:
        return "" if request is None else key_of(load(dotted, 'RECO["SITE"]')(request))
    try:
        return key_of(get_current_site(request))
    except ObjectDoesNotExist:
        # A host of no site: nothing is sold on it.
        return "" if request is None else key_of(request.get_host())
    except (ImproperlyConfigured, AttributeError):
        return ""  # nobody asks, and this process has no site of its own
