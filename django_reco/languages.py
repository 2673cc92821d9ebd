"""The language in which the shop is read: an item is the same whatever page it is read from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.utils import translation

__all__ = ["own_language", "speaking", "wider"]


def wider(language: str) -> tuple[str, ...]:
    """Return ``("de-at", "de")`` for ``"de-AT"``."""
    steps = language.lower().split("-")
    return tuple("-".join(steps[:count]) for count in range(len(steps), 0, -1))


def own_language(obj: Any) -> str:
    """Return the language that an object is read in as an item: the shop's own, or else one that it has."""
    own = settings.LANGUAGE_CODE
    if not hasattr(obj, "_parler_meta"):
        return own
    there = [str(code) for code in obj.get_available_languages()]
    return next((code for code in (own, *wider(own)) if code in there), there[0] if there else own)


@contextmanager
def speaking(language: str, obj: Any = None) -> Iterator[None]:
    """Read the shop in a language, whatever the page's is; an object of django-parler's keeps a language of its own."""
    before = getattr(obj, "_current_language", None)
    if before is not None:
        obj.set_current_language(language)
    try:
        with translation.override(language):
            yield
    finally:
        if before is not None:
            obj.set_current_language(before)
