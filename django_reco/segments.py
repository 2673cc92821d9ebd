"""Segments: the groups of shoppers that rules may be meant for, asked of the shop only where a rule speaks of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext_lazy

from django_reco import metrics
from django_reco.conf import get_settings
from django_reco.outage import outages
from django_reco.paths import load
from reco_sdk.sessions.segments import KNOWN_SEGMENTS

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["NAMES", "known_names", "member_of", "test_of"]

logger = logging.getLogger("django_reco")

NAMES: Final[dict[str, Any]] = dict(
    zip(KNOWN_SEGMENTS, (gettext_lazy("New visitor"), gettext_lazy("Returning visitor"), gettext_lazy("Customer")), strict=True)
)
"""Those that the recommender knows by itself, as the admin calls them."""
_SLOT: Final = "_reco_segments"


def known_names() -> list[str]:
    """Return every segment that there is: those known without a setting, and those of ``RECO["SEGMENTS"]``."""
    return [*KNOWN_SEGMENTS, *get_settings().segments]


def test_of(name: str) -> Callable[..., Any]:
    """Return what tells whether a request is in a segment.

    Raises
    ------
    ConfigError
        When it cannot be imported.
    """
    given = get_settings().segments[name]
    return load(given, f'RECO["SEGMENTS"]["{name}"]') if isinstance(given, str) else given


def member_of(request: HttpRequest | None, wanted: Collection[str]) -> tuple[str, ...]:
    """Return which segments of the settings a request is in, of those that are wanted; each is asked once a request.

    One that fails is said to hold nobody: that is logged and counted.
    """
    if request is None or not wanted:
        return ()
    known: dict[str, bool] = request.__dict__.setdefault(_SLOT, {})
    for name in get_settings().segments:
        if name in wanted and name not in known:
            known[name] = _holds(name, request)
    return tuple(name for name, holds in known.items() if holds and name in wanted)


def _holds(name: str, request: HttpRequest) -> bool:
    try:
        return bool(test_of(name)(request))
    except Exception as error:
        metrics.count("segment.error")
        if not outages.tells(error):
            logger.warning("reco: segment %r failed; taken as not in it", name, exc_info=True)
        return False
