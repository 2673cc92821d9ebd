"""The first sync of the gift shop's catalogue against one ``encode`` call on the same texts, and a second sync.

Reading ten months of orders is no part of embedding; what it adds is shown beside the bar.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.measure import p50
from benchmarks.shop import ShopProcess, manage

ROUNDS: Final = 3


def run() -> dict[str, float]:
    """Return the figures. Both sides run in one process with the model loaded, in turn; both may use every core."""
    with tempfile.TemporaryDirectory() as name:
        loaded = Path(name) / "loaded"
        loaded.mkdir()
        for step in ("migrate", "load_shop"):
            manage(loaded, step)
        rounds = [one_round(loaded, Path(name) / f"shop-{number}", sync_first=number % 2 == 0) for number in range(ROUNDS)]
        with_orders = one_round(loaded, Path(name) / "shop-with-orders", sync_first=True, orders=True)
    return {
        "sync_over_encode": p50([turn["first"] / turn["encode"] for turn in rounds]),
        "second_sync_embedded": sum(turn["second_embedded"] for turn in rounds),
        "second_sync_s": p50([turn["second"] for turn in rounds]),
        "first_sync_s": p50([turn["first"] for turn in rounds]),
        "encode_s": p50([turn["encode"] for turn in rounds]),
        "texts": rounds[0]["embedded"],
        # The same with ten months of orders, 293,000 lines, which are read once.
        "first_sync_with_orders_s": with_orders["first"],
        "second_sync_with_orders_s": with_orders["second"],
    }


def one_round(loaded: Path, var: Path, *, sync_first: bool, orders: bool = False) -> dict[str, float]:
    """Sync a fresh copy of the loaded shop twice, and encode its texts before or after the first time."""
    shutil.copytree(loaded, var)
    with ShopProcess(var, reco=True, pinned=False, BENCH_ORDERS="1" if orders else "0") as process:
        process.ask("lend_model")
        encode = None if sync_first else process.ask("encode")
        first = process.ask("sync")
        if encode is None:
            encode = process.ask("encode")
        second = process.ask("sync")
    return {
        "encode": encode,
        "first": first["seconds"],
        "embedded": first["embedded"],
        "second": second["seconds"],
        "second_embedded": second["embedded"],
    }
