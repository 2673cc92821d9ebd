"""What our pages in the admin need of a template."""

from __future__ import annotations

from django import template

from django_reco.wording import spoken

__all__ = ["register"]

register = template.Library()
register.filter("spoken", spoken)
