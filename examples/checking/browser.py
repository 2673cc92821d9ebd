"""A real Chromium: the one that is named, the one that is installed, or Playwright's own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HTTP_ERROR: Final = 400


@contextmanager
def chromium() -> Iterator[Browser]:
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=named, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def user_agent(browser: Browser) -> str:
    """What a browser with a window would say: robots, "headless" ones too, are not followed by the recommender."""
    major = browser.version.partition(".")[0]
    return f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"


def listen(page: Page, problems: list[str]) -> None:
    """Note whatever the browser complains about."""

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            problems.append(f"{page.url}: console {message.type}: {message.text}")

    def on_response(response: Response) -> None:
        if response.status >= HTTP_ERROR:
            problems.append(f"{page.url}: {response.status} for {response.url}")

    def on_failure(request: Request) -> None:
        # A page that was left before all of it had come is no defect.
        if "ERR_ABORTED" not in (request.failure or ""):
            problems.append(f"{page.url}: no answer for {request.url}")

    page.on("console", on_console)
    page.on("response", on_response)
    page.on("pageerror", lambda error: problems.append(f"{page.url}: script error: {error}"))
    page.on("requestfailed", on_failure)


def broken_pictures(page: Page) -> list[str]:
    """Pictures that take room but show nothing: images without pixels, drawings whose motif is missing."""
    found: list[str] = page.evaluate(
        """() => [
          ...[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src),
          ...[...document.querySelectorAll('svg.art use')].filter(u => !u.getBBox().width).map(u => u.getAttribute('href')),
        ]"""
    )
    return found


def overflows(page: Page) -> bool:
    """Whether the page can be pushed sideways, which on a phone it must not."""
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))
