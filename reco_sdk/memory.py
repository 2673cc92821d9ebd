"""What was freed goes back to the system: a web worker keeps running, and its neighbours need the room."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["give_back_freed"]


def give_back_freed() -> None:
    """Return freed memory to the system, where the C library is glibc; elsewhere nothing.

    Loading a snapshot and ranking a catalogue free much at once, and glibc keeps it in the arena of the thread that did it.
    Takes milliseconds; not for the request path.
    """
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):  # another C library
        return
