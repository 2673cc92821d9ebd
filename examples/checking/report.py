"""What every check does around its walk: starts the shop, tells what is missing, and leaves with it as the exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from checking.server import CommandFailed, ServerDidNotStart, complaints
from checking.walk import say

__all__ = ["main"]


def main(
    description: str | None,
    start: Callable[[Path], AbstractContextManager[str]],
    check: Callable[[str, Path], list[str]],
) -> int:
    """Run ``check(base URL, folder of screenshots)`` against what ``start(log)`` starts; 0 when nothing is missing."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", type=Path, default=Path("screenshots"), help="where the pictures go")
    screenshots = parser.parse_args().screenshots
    screenshots.mkdir(parents=True, exist_ok=True)
    log = screenshots / "server.log"
    try:
        with start(log) as base:
            problems = check(base, screenshots)
    except (ServerDidNotStart, CommandFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    problems += [f"server: {line} (see {log})" for line in complaints(log)]
    say(f"\n{len(list(screenshots.glob('*.png')))} screenshots in {screenshots}")
    if problems:
        say(f"{len(problems)} things are missing or wrong:")
        for problem in problems:
            say(f"  - {problem}")
        return 1
    say("Everything is there.")
    return 0
