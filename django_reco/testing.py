"""For a shop's own tests: ``RECO = {…, "MODE": "inline"}`` in its test settings, and :func:`reset` where it helps."""

from __future__ import annotations

from django_reco import metrics
from django_reco.recommender import process

__all__ = ["reset"]


def reset() -> None:
    """Forget what visitors did, and every counter. ``TestCase`` needs it not: another test is noticed by itself."""
    process.stop()
    metrics.reset()
