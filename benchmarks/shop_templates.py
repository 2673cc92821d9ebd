"""Which rows the gift shop's pages show: folders of ``benchmarks/`` whose templates win over the shop's own."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

__all__ = ["choose_templates"]


def choose_templates() -> None:
    """Put the folders that ``BENCH_TEMPLATES`` names first, and make the plain rows' tags known; before ``django.setup``."""
    chosen = settings.TEMPLATES[0]
    folders = os.environ.get("BENCH_TEMPLATES", "").split()
    chosen["DIRS"][:0] = [Path(__file__).parent / folder for folder in folders]
    chosen["OPTIONS"].setdefault("libraries", {})["plain_row"] = "benchmarks.plain_row"
