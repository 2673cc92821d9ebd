"""What importing costs, and what a web process holds: new interpreters in turn, the shop with us and without."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from benchmarks.measure import alternate, fresh_python, p50
from benchmarks.shop import prepared, serving

ROUNDS: Final = 15
PAGES: Final = 60
CODE: Final = "import time; s = time.perf_counter(); import {names}; print(time.perf_counter() - s)"


def run() -> dict[str, float]:
    """Return the figures."""
    bare = CODE.format(names="numpy, django")
    ours = CODE.format(names="numpy, django, reco_sdk, django_reco")
    fresh_python(ours)  # compiled files are written, libraries are in the page cache
    used = CODE.format(names="numpy, django, reco_sdk.wiring")
    times = alternate(
        ROUNDS, bare=lambda _: fresh_python(bare), ours=lambda _: fresh_python(ours), used=lambda _: fresh_python(used)
    )
    prepared()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder, reco=True) as shop, serving(folder, reco=False) as without:
            addresses = without.ask("paths", n=PAGES)
            held = {}
            for kind, process in {"with": shop, "without": without}.items():
                process.ask("pages", addresses=addresses)
                process.ask("pages", addresses=addresses)
                held[kind] = process.ask("memory", outside=str(folder))
    return {
        "import_ms": 1_000 * (p50(times["ours"]) - p50(times["bare"])),
        "torch_modules": held["with"]["torch_modules"],
        "resident_mb": (held["with"]["resident"] - held["without"]["resident"]) / 2**20,
        "resident_with_mb": held["with"]["resident"] / 2**20,
        "resident_without_mb": held["without"]["resident"] / 2**20,
        # What the first request pays, since the names are loaded when they are first used.
        "recommender_import_ms": 1_000 * (p50(times["used"]) - p50(times["bare"])),
        "import_bare_ms": 1_000 * p50(times["bare"]),
    }
