"""The gift shop for gunicorn, with the pages of ``outage_pages.py`` before its own."""

from __future__ import annotations

from django.conf import settings

settings.ROOT_URLCONF = "benchmarks.outage_pages"

from django.core.wsgi import get_wsgi_application  # noqa: E402 - the addresses come first

application = get_wsgi_application()

from shop import context  # noqa: E402 - the apps come first

from benchmarks.outage_pages import products  # noqa: E402

context.DEPARTMENTS_SECONDS = 86_400  # kept for a minute otherwise: the shop itself would ask its database in the outage
products()  # now: a worker that is asked for nothing until the outage could not read them then
