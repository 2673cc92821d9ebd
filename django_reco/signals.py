"""Signals that this app sends."""

from django.dispatch import Signal

__all__ = ["slate_made"]

slate_made = Signal()
"""A row was made for a page: ``request``, ``question`` (a :class:`django_reco.asked.Question`) and ``slate``."""
