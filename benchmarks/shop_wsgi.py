"""The gift shop for gunicorn, with the rows that a benchmark wants."""

from __future__ import annotations

from benchmarks.shop_templates import choose_templates

choose_templates()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - the templates come first

application = get_wsgi_application()
