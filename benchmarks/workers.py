"""Memory of four gunicorn workers over 100,000 items, beyond the same shop without recommendations.

Each worker serves several hundred product pages, so that what it reads it has read; then its proportional set size is
taken: its own memory, and its share of what it shares with the others. Linux only.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from benchmarks.data import built_once, sources
from benchmarks.measure import PINNED, ROOT
from benchmarks.serving import gunicorn

COUNT: Final = 100_000
WORKERS: Final = 4
PAGES: Final = 2_400
SETTLE_SECONDS: Final = 3.0


def environment(var: Path, *, reco: bool) -> dict[str, str]:
    """Return what the shop runs with."""
    return {
        **os.environ,
        **PINNED,
        "BIGSHOP_VAR": str(var),
        "BIGSHOP_RECO": "1" if reco else "0",
        "DJANGO_SETTINGS_MODULE": "benchmarks.bigshop.settings",
        "PYTHONPATH": str(ROOT),
    }


def prepared(count: int = COUNT) -> Path:
    """Return a folder with the shop's database and snapshot, made first where it is not there yet."""
    digest = hashlib.sha256(sources().encode())
    for path in sorted((ROOT / "benchmarks" / "bigshop").glob("*.py")):
        digest.update(path.read_bytes())

    def build(folder: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.bigshop.prepare", str(count)]
        subprocess.run(command, check=True, cwd=ROOT, env=environment(folder, reco=True))

    return built_once(f"bigshop-{count}", digest.hexdigest()[:12], build)


def visit(port: int, path: str) -> tuple[int, str]:
    """Fetch one page on a connection of its own; return the worker's process id and the page."""
    for _ in range(200):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", path, headers={"User-Agent": "Mozilla/5.0 Firefox/130.0"})
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
        except ConnectionError:
            time.sleep(0.1)
            continue
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        return int(answer.headers["X-Pid"]), text
    raise RuntimeError(f"nothing listens on port {port}")


def pss_mb(pid: int) -> float:
    """Return the proportional set size of a process in MB (10⁶ bytes)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/{pid}/smaps_rollup names no Pss")


def workers_pss(var: Path, *, reco: bool) -> tuple[list[float], float]:
    """Return the PSS of each worker once it has served its share of pages, and the share of pages with a full row."""
    chooser = Random(5)
    log = var / f"gunicorn-{'with' if reco else 'without'}.log"
    variables = environment(var, reco=reco)
    with gunicorn("benchmarks.bigshop.wsgi", "--timeout", "120", workers=WORKERS, environment=variables, log=log) as port:
        served: dict[int, int] = {}
        rows = 0
        for number in range(PAGES):
            pid, text = visit(port, f"/p/{chooser.randrange(1, COUNT + 1)}/")
            served[pid] = served.get(pid, 0) + 1
            rows += text.count("<li") >= 8 if number >= PAGES // 2 else 0
        time.sleep(SETTLE_SECONDS)
        return [pss_mb(pid) for pid in served], rows / (PAGES - PAGES // 2)


def run() -> dict[str, float]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as name:
        var = Path(name) / "var"
        shutil.copytree(prepared(), var)
        bare, _ = workers_pss(var, reco=False)
        ours, full = workers_pss(var, reco=True)
    return {
        "pss_beyond_bare_mb": max(ours) - median(bare),
        "pss_with_worst_mb": max(ours),
        "pss_with_median_mb": median(ours),
        "pss_without_median_mb": median(bare),
        "workers": len(ours),
        "pages_with_full_row": full,
    }
