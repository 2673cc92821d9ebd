"""The first sync of the gift shop against one ``encode`` call on the same texts, and a second sync."""

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
    encode: list[float] = []
    first: list[float] = []
    second: list[float] = []
    embedded = 0
    with tempfile.TemporaryDirectory() as name:
        loaded = Path(name) / "loaded"
        loaded.mkdir()
        for step in ("migrate", "load_shop"):
            manage(loaded, step)
        for number in range(ROUNDS):
            var = Path(name) / f"shop-{number}"
            shutil.copytree(loaded, var)
            with ShopProcess(var, reco=True, pinned=False) as process:
                process.ask("lend_model")
                if number % 2:
                    encode.append(process.ask("encode"))
                answer = process.ask("sync")
                first.append(answer["seconds"])
                texts = answer["embedded"]
                if not number % 2:
                    encode.append(process.ask("encode"))
                answer = process.ask("sync")
                second.append(answer["seconds"])
                embedded += answer["embedded"]
    ratios = [a / b for a, b in zip(first, encode, strict=True)]
    return {
        "sync_over_encode": p50(ratios),
        "second_sync_embedded": embedded,
        "second_sync_s": p50(second),
        "first_sync_s": p50(first),
        "encode_s": p50(encode),
        "texts": texts,
    }
