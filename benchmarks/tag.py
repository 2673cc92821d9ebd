"""The product page of the gift shop with the row of recommendations, with a plain row, and with none: processes in turn.

The plain row is what a shop draws by itself: as many cards of the same category, from one query, through the same template.
So a page with our row, less the same page with a plain one, is what we take beyond exactly one query and the shop's cards;
the recorded view, the visitor's cookie and the middleware are in it. The visitor has given consent and looks at one product
after another. Beside it stands the older reading: the page with our row, less the page with none, less the query and the
cards timed alone, in a loop, where they are as warm as no page finds them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from benchmarks.measure import p50, p99
from benchmarks.shop import serving

PAGES: Final = 200
PER_ROUND: Final = 10
WARM: Final = 30
FETCHED: Final = 10  # six cards and four to spare


def run() -> dict[str, float]:
    """Return the figures."""
    took: dict[str, list[float]] = {"with": [], "plain": [], "without": []}
    queries: dict[str, list[float]] = {"with": [], "plain": [], "without": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            serving(folder / "a", reco=True, BENCH_ONE_ROW="1") as shop,
            serving(folder / "b", reco=False, BENCH_ONE_ROW="1", BENCH_PLAIN_ROW="1") as plain,
            serving(folder / "c", reco=False, BENCH_ONE_ROW="1") as bare,
        ):
            processes = {"with": shop, "plain": plain, "without": bare}
            addresses = bare.ask("paths", n=PAGES + WARM)
            for process in processes.values():
                process.ask("pages", addresses=addresses[:WARM])
            query: list[float] = []
            cards: list[float] = []
            for start in range(WARM, PAGES + WARM, PER_ROUND):
                part = addresses[start : start + PER_ROUND]
                order = list(processes) if start // PER_ROUND % 2 else list(reversed(processes))
                for kind in order:
                    answer = processes[kind].ask("pages", addresses=part)
                    took[kind] += answer["ms"]
                    queries[kind] += answer["queries"]
                cards += shop.ask("cards", addresses=part)
                query += bare.ask("card_query", rounds=PER_ROUND, size=FETCHED)
    # The same pages in the same order: the difference of each pair, then the median.
    own = [a - b for a, b in zip(took["with"], took["plain"], strict=True)]
    differences = [a - b for a, b in zip(took["with"], took["without"], strict=True)]
    added = [a - b for a, b in zip(queries["with"], queries["without"], strict=True)]
    return {
        "own_time_p50_ms": p50(own),
        "queries": max(added) if max(added) == min(added) else float("nan"),
        "page_with_p50_ms": p50(took["with"]),
        "page_plain_p50_ms": p50(took["plain"]),
        "page_without_p50_ms": p50(took["without"]),
        "page_with_p99_ms": p99(took["with"]),
        "page_plain_p99_ms": p99(took["plain"]),
        "page_without_p99_ms": p99(took["without"]),
        "difference_p50_ms": p50(differences),
        "card_query_alone_p50_ms": p50(query),
        "cards_alone_p50_ms": p50(cards),
        "difference_less_parts_alone_ms": p50(differences) - p50(query) - p50(cards),
    }
