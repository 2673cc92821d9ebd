"""Break a shop on two hosts over one PostgreSQL, and check what is left.

    python -m tests.chaos --seconds 180 --seed 7 --json chaos.json

Ends with 1 when a bar fails, saying which, why, and where the logs are; the same seed breaks the same things in the same
order.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scripts.postgres import databases
from tests.chaos.shop import ChaosShop

FRESH_SECONDS, FRESH_WITH_MODEL_SECONDS = 1.0, 1.5
BARS = {
    "purchases": "0 purchases lost or doubled",
    "phantoms": "0 items shown that were rolled back, deleted or unpublished",
    "page errors": "0 page errors",
    "convergence": "every worker converged within 2 s of quiet",
    "rows": "0 pages without a row while healthy",
    "freshness": "commit to recommendable everywhere: p99 within 1 s (with a text model 1.5 s) while healthy",
    "views": "no more views lost than the recorders counted",
    "endings": "every process ends in good order",
    "harness": "whatever was to be broken was broken",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=180.0, help="how long it is driven (default: 180)")
    parser.add_argument("--seed", type=int, default=None, help="what is done in which order (default: a new one)")
    parser.add_argument("--hosts", type=int, default=2, help="how many hosts (default: 2)")
    parser.add_argument("--model", default="hashing", help="text model (default: hashing)")
    parser.add_argument("--paced", action="store_true", help="allow a busy machine more seconds, by its measured pace")
    parser.add_argument("--calm", action="store_true", help="break nothing")
    parser.add_argument("--json", type=Path, help="where the figures go")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else time.time_ns() % 1_000_000
    folder = Path(tempfile.mkdtemp(prefix="reco-chaos-"))
    with databases() as server:
        shop = ChaosShop(folder, server, server.create(), MODEL=given.model)
        report = run(shop, folder, seed=seed, seconds=given.seconds, hosts=given.hosts, calm=given.calm, paced=given.paced)
        if not report["passed"] and server.server is not None:
            shutil.copy(server.server.folder / "log", folder / "postgres.log")
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(report, indent=2) + "\n")
    say(json.dumps({name: value for name, value in report.items() if name != "disturbances"}, indent=2))
    for bar, reasons in report["failed"].items():
        say(f"FAILED {bar} ({BARS[bar]}): {len(reasons)}")
        for reason in reasons[:10]:
            say(f"  {reason}")
    if report["failed"]:
        say(f"seed {seed}; logs in {folder}")
        return 1
    shutil.rmtree(folder)
    say(f"chaos: every bar holds (seed {seed})")
    return 0


def say(line: str) -> None:
    sys.stderr.write(line + "\n")


def run(shop: ChaosShop, folder: Path, *, seed: int, seconds: float, hosts: int, calm: bool, paced: bool) -> dict[str, Any]:
    """Break it, and return what was found."""
    os.environ.update(shop.environment)
    import django

    django.setup()
    from tests.chaos.driving import drive

    began = time.monotonic()
    shop.make_tables()
    fresh_seconds = FRESH_SECONDS if shop.reco["MODEL"] == "hashing" else FRESH_WITH_MODEL_SECONDS
    report = drive(shop, folder, seed=seed, seconds=seconds, hosts=hosts, calm=calm, fresh_seconds=fresh_seconds, paced=paced)
    return {**report, "took_seconds": round(time.monotonic() - began, 1)}


if __name__ == "__main__":
    sys.exit(main())
