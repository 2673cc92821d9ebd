"""Run benchmarks and hold them against their bars.

    python -m benchmarks.run --list
    python -m benchmarks.run engine filters --json bench-out/two.json
    python -m benchmarks.run all --json bench-out/all.json
    python -m benchmarks.run quality --data FOLDER --only ml100k --budget-minutes 3

Each runs in a process of its own with BLAS pinned to one thread. The exit status is 1 when a bar is not reached.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.bars import BARS
from benchmarks.measure import PINNED, ROOT
from benchmarks.report import judge, machine, show

# `import` is a keyword; and what embeds may use every core, as the call that it is compared with does.
MODULES = {name: f"benchmarks.{'imports' if name == 'import' else name}" for name in BARS}
# What fits models may use every core too.
UNPINNED = frozenset({"embed", "quality", "peers"})
# These measure on data that are no part of the project.
WITH_DATA = frozenset({"quality", "peers"})


def run_inside(name: str, out: Path, options: argparse.Namespace) -> None:
    """Measure in this process; write the figures."""
    run = importlib.import_module(MODULES[name]).run
    only = options.only.split(",") if options.only else ()
    figures = run(options.data, only, options.keep, options.budget_minutes) if name in WITH_DATA else run()
    out.write_text(json.dumps(figures))


def run_apart(name: str, *options: str) -> dict[str, Any]:
    """Measure in a process of its own; return the judged figures."""
    print(f"\n{name}: running …", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        environment = {**os.environ, **({} if name in UNPINNED else PINNED), "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-m", "benchmarks.run", name, "--inside", str(out), *options]
        done = subprocess.run(command, check=False, cwd=ROOT, env=environment)
        figures = json.loads(out.read_text()) if done.returncode == 0 else {}
    return {**judge(name, figures), "took_s": round(time.monotonic() - started, 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks, or 'all'")
    parser.add_argument("--list", action="store_true", help="show the benchmarks and their bars")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write machine facts, figures and bars to this file")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the data sets' folder, for quality and peers")
    parser.add_argument("--only", metavar="NAME,...", help="some of these data sets")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep what quality and peers did here; default: bench-out/kept"
    )
    parser.add_argument("--budget-minutes", type=float, metavar="M", help="for the fitting of one data set, or of one peer")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.list:
        for name, bars in BARS.items():
            for bar in bars:
                print(f"{name:<9} {bar.figure:<24} {bar.sense} {bar.limit:<6g} {bar.meaning}")
        return 0
    everything = [name for name in BARS if options.data or name not in WITH_DATA]
    names = everything if options.names == ["all"] else options.names
    unknown = sorted(set(names) - set(BARS))
    if unknown or not names:
        parser.error(f"name one of {', '.join(BARS)}, or all" + (f"; {unknown[0]!r} is none of them" if unknown else ""))
    if not options.data and (needing := sorted(WITH_DATA & set(names))):
        parser.error(f"{needing[0]} needs --data")
    if options.inside:
        run_inside(names[0], options.inside, options)
        return 0
    passed_on = [f"--data={options.data.resolve()}"] if options.data else []
    passed_on += [f"--only={options.only}"] if options.only else []
    passed_on += [f"--keep={options.keep.resolve()}"] if options.keep else []
    passed_on += [f"--budget-minutes={options.budget_minutes}"] if options.budget_minutes else []
    results = []
    for name in names:
        results.append(run_apart(name, *passed_on))
        show(results[-1])
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"machine": machine(), "results": results}, indent=2) + "\n")
        print(f"\nwritten to {options.json}")
    return 0 if all(result["passed"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
