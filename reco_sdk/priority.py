"""Who waits for whom on a busy machine: what works beside the pages gives way to them."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["BELOW_PAGES", "BELOW_WORKERS", "NICE_HELP", "give_way"]

BELOW_PAGES: Final = 5
"""On a full machine a process this far below another gets about a third of what that one gets, and all that is idle."""
BELOW_WORKERS: Final = 15
"""What has hours: it takes a tenth of what a worker gets, and all that is idle."""
NICE_HELP: Final = f"give way to other processes by this much, 0 to 19; 0: to none (default: {BELOW_PAGES})"


def give_way(levels: int) -> None:
    """Lower the priority of this process, its threads to come included, where the system knows priorities.

    Parameters
    ----------
    levels
        How far below the usual, as of ``nice``. A process that is there already stays where it is.
    """
    if hasattr(os, "nice"):  # elsewhere than on Windows
        os.nice(max(levels - os.nice(0), 0))
