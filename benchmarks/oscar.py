"""The bookshop's product page, an oscar shop's, with our row and without: two processes that take turns.

Each visitor looks at one page, so that oscar's own list of what was seen before is on none. Every page was visited before, so
that thumbnails, templates and the recommender are there. The difference is that of the same page in the same round; what the
page's own section of recommendations no longer asks, because the row took its products over, is part of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.data import built_once
from benchmarks.measure import PINNED, ROOT, p50, p99
from benchmarks.shop import ShopProcess, digest_of

SHOP: Final = ROOT / "examples" / "oscar"
STEPS: Final = ("migrate", "load_books", "reco_sync")
PAGES: Final = 100
PER_ROUND: Final = 10
ROUNDS: Final = 3


def environment(var: Path, *, reco: bool) -> dict[str, str]:
    """Return what the bookshop runs with: not in debug mode, BLAS pinned, nothing fetched."""
    return {
        **os.environ,
        **PINNED,
        "BOOKSHOP_VAR": str(var),
        "BOOKSHOP_RECO": "1" if reco else "0",
        "BOOKSHOP_DEBUG": "0",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "DJANGO_SETTINGS_MODULE": "bookshop.settings",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(SHOP))),
        "PYTHONWARNINGS": "ignore",
    }


def prepare(var: Path) -> None:
    """Make the bookshop's database, books, pictures and snapshot."""
    for step in STEPS:
        print(f"bookshop: {step}", file=sys.stderr, flush=True)
        command = [sys.executable, "manage.py", step]
        done = subprocess.run(command, check=False, cwd=SHOP, env=environment(var, reco=True), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"manage.py {step} failed:\n{done.stderr[-4000:]}")


def prepared() -> Path:
    """Return a folder with the prepared shop, made once."""
    return built_once("bookshop", digest_of(*SHOP.glob("data/*.csv"), *SHOP.glob("bookshop/*.py")), prepare)


class BookshopProcess(ShopProcess):
    """One process that serves the bookshop; see ``oscar_process.py`` for what it can be asked."""

    def __init__(self, var: Path, *, reco: bool) -> None:
        command = [sys.executable, "-m", "benchmarks.oscar_process"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment(var, reco=reco)
        )


def run() -> dict[str, float]:
    """Return the figures."""
    got: dict[str, dict[str, list[float]]] = {"with": {}, "without": {}}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        shops = {}
        for kind in got:
            var = Path(name) / kind
            shutil.copytree(prepared(), var)
            shops[kind] = stack.enter_context(BookshopProcess(var, reco=kind == "with"))
        addresses = shops["without"].ask("paths", n=PAGES)
        for shop in shops.values():
            shop.ask("pages", addresses=addresses)
        for turn, start in enumerate(list(range(0, PAGES, PER_ROUND)) * ROUNDS):
            for kind in list(got) if turn % 2 else reversed(got):
                answer = shops[kind].ask("pages", addresses=addresses[start : start + PER_ROUND])
                for figure, values in answer.items():
                    got[kind].setdefault(figure, []).extend(values)
    more = {figure: [a - b for a, b in zip(got["with"][figure], got["without"][figure], strict=True)] for figure in got["with"]}
    return {
        "queries_more": max(more["queries"]),
        "page_more_p50_ms": p50(more["ms"]),
        "pages_without_full_row": sum(cards < 6 for cards in got["with"]["cards"]),
        **{f"page_{kind}_p50_ms": p50(got[kind]["ms"]) for kind in got},
        **{f"page_{kind}_p99_ms": p99(got[kind]["ms"]) for kind in got},
        "bytes_more": p50(more["bytes"]),
    }
