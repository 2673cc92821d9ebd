"""Find a Chromium, or install one, and print its path on standard output.

Looked for in this order: the ``CHROMIUM`` variable, the search path, Playwright's own download. Installed in this order:
the system's package (Debian, Ubuntu; as root), Playwright's own download. What was done is said on standard error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATION = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def say(text: str) -> None:
    print(f"chromium: {text}", file=sys.stderr, flush=True)


def run(*command: str) -> bool:
    return subprocess.run(command, check=False, stdout=sys.stderr).returncode == 0


def on_this_machine() -> str | None:
    """Return a Chromium that is here already."""
    wanted = os.environ.get("CHROMIUM")
    if wanted:
        return shutil.which(wanted) or sys.exit(f"chromium: CHROMIUM={wanted} is not a program")
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None and APPLICATION.exists():
        return str(APPLICATION)
    return found or from_playwright()


def from_playwright() -> str | None:
    """Return the Chromium that Playwright has downloaded, if it has."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - this file also runs without it
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> str | None:
    """Install one by the first way that works here."""
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        say("none found; installing the system's package")
        run("apt-get", "update", "-q")
        if run("apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium", "fonts-dejavu-core"):
            return next((path for path in map(shutil.which, NAMES) if path), None)
    say("none found; asking Playwright to download its own")
    if run(sys.executable, "-m", "playwright", "install", "chromium"):
        return from_playwright()
    return None


def main() -> None:
    path = on_this_machine()
    if path is None:
        path = install()
    if path is None:
        sys.exit("chromium: none found and none could be installed; install Chromium or Chrome and set CHROMIUM to its path")
    say(f"using {path}")
    print(path)


if __name__ == "__main__":
    main()
