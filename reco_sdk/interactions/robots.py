"""Robots, as far as they say so: by user agent."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ["ROBOTS", "is_robot"]

ROBOTS: Final = (
    r"(?<!cu)bot(?:\b|/)|crawl|spider|slurp|scrape|preview|facebookexternalhit|headless|lighthouse|pingdom|uptime|monitor"
    r"|curl/|wget/|python-requests|python-urllib|aiohttp/|httpx/|go-http-client|okhttp|java/|libwww|scrapy"
)
"""Regular expression that finds them, in any case."""


@lru_cache(maxsize=8)
def _pattern(robots: str) -> re.Pattern[str]:
    return re.compile(robots, re.IGNORECASE)


@lru_cache(maxsize=512)
def is_robot(user_agent: str, robots: str = ROBOTS) -> bool:
    """Whether a user agent is a robot's; an empty one is. Answers are kept: a shop's visitors use few browsers."""
    return not user_agent.strip() or _pattern(robots).search(user_agent) is not None
