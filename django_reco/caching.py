"""Pages that hold what is one visitor's: no cache keeps them for others.

``cache_page`` stands inside the middleware, so that the headers which the middleware sets come too late for it. So the row itself
tells Django's cache, through the request, not to keep this page; for caches outside, the middleware marks it private.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.cache import patch_cache_control

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

__all__ = ["keep_apart", "mark_private"]

_SLOT: Final = "_reco_personal"


def keep_apart(request: HttpRequest) -> None:
    """Say that the page of this request holds what only this visitor is to see."""
    setattr(request, _SLOT, True)
    # What UpdateCacheMiddleware, and with it cache_page, asks before it stores a page.
    request._cache_update_cache = False  # type: ignore[attr-defined]  # noqa: SLF001  the cache's own name for it


def mark_private(request: HttpRequest, response: HttpResponse) -> None:
    """Forbid caches between shop and browser to keep a page that holds what only this visitor is to see."""
    if hasattr(request, _SLOT):
        patch_cache_control(response, private=True)
