"""Signals that a shop of its own might send."""

from django.dispatch import Signal

product_viewed = Signal()
basket_addition = Signal()
searched = Signal()
not_a_signal = object()
