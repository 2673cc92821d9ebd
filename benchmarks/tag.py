"""The product page of the gift shop with the row of recommendations and without, two processes in turn.

The visitor has given consent and looks at one product after another. The shop's part of a row is the query that fetches
the products and the template that draws the cards; the rest of the difference is ours, the recorded view included.
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
    took: dict[str, list[float]] = {"with": [], "without": []}
    queries: dict[str, list[float]] = {"with": [], "without": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder, reco=True, BENCH_ONE_ROW="1") as shop, serving(folder, reco=False, BENCH_ONE_ROW="1") as bare:
            processes = {"with": shop, "without": bare}
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
    differences = [a - b for a, b in zip(took["with"], took["without"], strict=True)]
    added = [a - b for a, b in zip(queries["with"], queries["without"], strict=True)]
    return {
        "own_time_p50_ms": p50(differences) - p50(query) - p50(cards),
        "queries": max(added) if max(added) == min(added) else float("nan"),
        "page_with_p50_ms": p50(took["with"]),
        "page_without_p50_ms": p50(took["without"]),
        "page_with_p99_ms": p99(took["with"]),
        "page_without_p99_ms": p99(took["without"]),
        "difference_p50_ms": p50(differences),
        "card_query_p50_ms": p50(query),
        "shop_template_p50_ms": p50(cards),
        "queries_added_most": max(added),
    }
