"""How soon a saved product is recommended, and whether a view changes the very next slate: the gift shop, one process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from benchmarks.measure import p50
from benchmarks.shop import serving

ROUNDS: Final = 12


def run() -> dict[str, float]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), reco=True, BENCH_EMBEDS="1") as shop:
        shop.ask("warm_model")
        saved = [shop.ask("saved_product", number=number) for number in range(ROUNDS)]
        changed = [shop.ask("view_changes", number=number) for number in range(ROUNDS)]
    return {
        "saved_product_s": p50(saved),
        "view_changes_slate": sum(changed) / len(changed),
        "saved_product_worst_s": max(saved),
    }
