"""Reasons in the shopper's language: what the recommender says in English, through Django's translations.

What is said to the shop's staff (evidence, why-not, rules at odds) comes as messages with their parts, :mod:`reco_sdk.messages`,
which are put together anew in the page's language.

A reason names an item by the title it has in the shop's own language. On a page in another one the title of the page's language
is put in its place, or nothing is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils import formats, timezone
from django.utils.translation import get_language, gettext, gettext_noop, ngettext

from reco_sdk.messages import Said

if TYPE_CHECKING:
    from reco_sdk.ranking.slate import RecommendedItem

__all__ = ["names_of", "reworded", "spoken", "spoken_of"]

_NAMING: Final = {
    gettext_noop("Seen together with %(title)s"): gettext_noop("Goes with this"),
    gettext_noop("Often bought together with %(title)s"): gettext_noop("Goes with this"),
    gettext_noop("Bought together with %(title)s"): gettext_noop("Goes with this"),
    gettext_noop("Goes with %(title)s"): gettext_noop("Goes with this"),
    gettext_noop("Similar to %(title)s"): gettext_noop("Similar to this"),
    gettext_noop("Because you viewed %(title)s"): gettext_noop("Because of what you viewed"),
    gettext_noop("More in %(title)s"): gettext_noop("From the same category"),
    gettext_noop("From %(title)s"): gettext_noop("Goes together"),
}
"""What is said of something, and what is said where its name is not known in the page's language."""
_COUNTING: Final = (
    (re.compile(r"You bought this (\d+) times"), gettext_noop("You bought this %(number)s times")),
    (re.compile(r"(\d+) % off"), gettext_noop("%(number)s %% off")),
)
_PLAIN: Final = frozenset(
    {
        gettext_noop("Goes with this"),
        gettext_noop("Goes together"),
        gettext_noop("From the same category"),
        gettext_noop("From the catalogue"),
        gettext_noop("Popular with other shoppers"),
        gettext_noop("Trending now"),
        gettext_noop("Bestseller"),
        gettext_noop("New"),
        gettext_noop("On sale"),
        gettext_noop("You viewed this"),
        gettext_noop("You bought this"),
        gettext_noop("You may also like"),
        gettext_noop("Matches your search"),
        gettext_noop("Chosen by visitors who viewed the same"),
        gettext_noop("Chosen by the shop"),
    }
)


def spoken_of(items: Iterable[RecommendedItem], language: str) -> list[str]:
    """Return the ids of what reasons name, where a page needs their names in its own language.

    Parameters
    ----------
    items
        Of a slate.
    language
        That the slate keeps to; empty where the shop has but one.
    """
    if not language or language == settings.LANGUAGE_CODE.lower():
        return []
    return list(dict.fromkeys(item.reason_item_id for item in items if item.reason_item_id is not None))


def reworded(item: RecommendedItem, language: str, names: Mapping[str, str]) -> RecommendedItem:
    """Return the item with its reason in the active language.

    Parameters
    ----------
    language
        As in :func:`spoken_of`.
    names
        Titles in that language, by id.
    """
    active = get_language() or ""
    own = not language or language == settings.LANGUAGE_CODE.lower()
    if own and active.partition("-")[0] in {"", "en"}:
        return item
    title = item.reason_title if own else names.get(item.reason_item_id or "")
    return item._replace(reason=_said(item, title), reason_title=title)


def _said(item: RecommendedItem, title: str | None) -> str:
    if item.reason in _PLAIN:
        return gettext(item.reason)
    for pattern, message in _COUNTING:
        found = pattern.fullmatch(item.reason)
        if found:
            return gettext(message) % {"number": found[1]}
    for message, unnamed in _NAMING.items():
        if item.reason_title and item.reason == message % {"title": item.reason_title}:
            return gettext(message) % {"title": title} if title else gettext(unnamed)
    return item.reason


def spoken(text: object) -> str:
    """Return what the recommender says to the shop's staff in the active language, numbers and dates as it writes them."""
    if not isinstance(text, Said):
        return str(text)
    message = ngettext(text.message, text.plural, text.number) if text.plural else gettext(text.message)
    return message % {name: _part(part) for name, part in text.parts.items()} if text.parts else message


def _part(part: object) -> str:
    if isinstance(part, datetime):
        return formats.date_format(timezone.localtime(part), "SHORT_DATETIME_FORMAT")
    if isinstance(part, float):
        return formats.number_format(part, decimal_pos=3)
    if isinstance(part, int | Decimal):
        return formats.number_format(part)
    if isinstance(part, list | tuple):
        return ", ".join(map(_part, part))
    return spoken(part)


def names_of(found: Mapping[str, object]) -> dict[str, str]:
    """Return the titles of objects in the active language, by id."""
    from django_reco.registry import adapter_for  # noqa: PLC0415  models must be loaded first
    from django_reco.values import text_of  # noqa: PLC0415  as above

    out = {}
    for item_id, obj in found.items():
        adapter = adapter_for(obj)
        title = "" if adapter is None else text_of(adapter.value(obj, "title"))
        if title:
            out[item_id] = title
    return out
