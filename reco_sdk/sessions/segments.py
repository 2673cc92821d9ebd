"""Segments that memory knows of anybody: whether somebody came before, and whether somebody bought."""

from __future__ import annotations

from typing import Final

from reco_sdk.sessions.session import Event, current_session

__all__ = ["KNOWN_SEGMENTS", "segments_of"]

KNOWN_SEGMENTS: Final = ("new_visitor", "returning_visitor", "customer")
"""A new visitor has neither an earlier session nor a purchase, a returning one has one of both; a customer bought."""


def segments_of(history: tuple[Event, ...], customer: bool, now: float, gap_seconds: float) -> tuple[str, ...]:
    """Return which of :data:`KNOWN_SEGMENTS` somebody belongs to.

    Parameters
    ----------
    history
        What they did, ascending by time; empty for somebody nobody knows.
    customer
        Whether a purchase is known that was not given back.
    now
        Epoch seconds.
    gap_seconds
        A longer pause begins a new session.
    """
    if customer:
        return ("returning_visitor", "customer")
    earlier = len(history) > len(current_session(history, now, gap_seconds))
    return ("returning_visitor",) if earlier else ("new_visitor",)
