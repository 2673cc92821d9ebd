"""The gift shop for gunicorn, with the pages of ``outage_pages.py`` before its own."""

from __future__ import annotations

from django.conf import settings

settings.ROOT_URLCONF = "benchmarks.outage_pages"

from django.core.wsgi import get_wsgi_application  # noqa: E402 - the addresses come first

application = get_wsgi_application()
