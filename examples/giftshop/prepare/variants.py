"""Which stock codes are one product in several colours or sizes, so that a row can show it once."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

COLOURS: Final = frozenset(
    """amber amethyst aqua beige black blue bronze brown burgundy chocolate clear coal copper cream crystal fuchsia gold
    green grey hot ivory jade jet lilac lime mint multicolour natural navy olive orange pale pink pistachio
    purple raspberry red ruby silver sky turquoise white yellow midnight dark light coloured eau de nil nile
    pastel baby""".split()
)
SIZES: Final = frozenset("large medium small mini giant big tiny jumbo tall l s m".split())
MOST_CODES_APART: Final = 12

_NUMBERED = re.compile(r"\b(tile|sign)\b.*\b(\d|no)$|^letter \"\w\"", re.IGNORECASE)


def group_codes(titles: Mapping[str, str]) -> dict[str, str]:
    """Stock code -> the group's code, for those that have a twin and only for those."""
    families: dict[str, list[str]] = defaultdict(list)
    for code in sorted(titles):
        stem = _stem(titles[code])
        if stem:
            families[stem].append(code)
    groups: dict[str, str] = {}
    for codes in families.values():
        for run in _neighbours(codes):
            if len(run) > 1:
                groups.update(dict.fromkeys(run, f"G{run[0]}"))
    same_title: dict[str, list[str]] = defaultdict(list)
    for code, title in titles.items():
        same_title[title.lower()].append(code)
    for codes in same_title.values():
        if len(codes) > 1:
            known = sorted({groups[code] for code in codes if code in groups})
            target = known[0] if known else f"G{min(codes)}"
            merged = {code for code, group in groups.items() if group in known} | set(codes)
            groups.update(dict.fromkeys(merged, target))
    return groups


def _stem(title: str) -> str:
    """The title without its colour and size words; empty where too little is left to be sure."""
    lowered = title.lower()
    if _NUMBERED.search(lowered):
        return re.sub(r"\b(\d|no)$|\"\w\"", "", lowered).strip()
    words = re.findall(r"[^\W_]+(?:'[a-z]+)?", lowered)
    left = [word for word in words if word not in COLOURS and word not in SIZES and word not in ("and", "colour")]
    return " ".join(left) if len(left) >= 2 and len(left) < len(words) else ""


def _neighbours(codes: Iterable[str]) -> list[list[str]]:
    """Runs of codes whose numbers lie near each other: one range of one supplier."""
    runs: list[list[str]] = []
    last = None
    for code in sorted(codes):
        number = int(code[:5])
        if last is None or number - last > MOST_CODES_APART:
            runs.append([])
        runs[-1].append(code)
        last = number
    return runs
