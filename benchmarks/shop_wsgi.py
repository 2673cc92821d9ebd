"""The gift shop for gunicorn, as a benchmark wants it: our row alone on the product page, a plain row, or none."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

_HERE = Path(__file__).parent
_TEMPLATES = settings.TEMPLATES[0]
if os.environ.get("BENCH_ONE_ROW") == "1":
    _TEMPLATES["DIRS"].insert(0, _HERE / "templates")
if os.environ.get("BENCH_PLAIN_ROW") == "1":
    _TEMPLATES["DIRS"].insert(0, _HERE / "templates_plain")
    _TEMPLATES["OPTIONS"].setdefault("libraries", {})["plain_row"] = "benchmarks.plain_row"

from django.core.wsgi import get_wsgi_application  # noqa: E402 - the settings come first

application = get_wsgi_application()
