"""The issue of quality in one table: every data set by its protocol, with the default settings, beside what others reached.

    python -m benchmarks.run quality --data FOLDER
    python -m benchmarks.run quality --data FOLDER --only beauty,retail --budget-minutes 3 --keep FOLDER

Each run is ``reco evaluate`` in a process of its own, as a user would start it. Its figures are kept, by the options and the
state of the code: what was done is not done again. What a data set that is not in the folder was to tell is missing, and so not
reached; so is what failed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import ROOT

__all__ = ["FIGURES", "TABLES", "curve_margin", "figures_of", "run", "state_of_code"]

TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "beauty": ("amazon2014_beauty", "--protocol", "leave-one-out", "--text", "title"),
    "diginetica": ("sessions_diginetica", "--protocol", "next-item"),
    "bolcom": ("sessions_bolcom_example_ts", "--protocol", "next-item"),
    "ml100k": ("ml-100k", "--protocol", "random-split", "--text", "title"),
    "retail": ("online_retail", "--protocol", "time-split", "--text", "title"),
}
"""Folder and options by name; the settings are the same for all."""
MINUTES: Final = 10.0
_OF_CURVES: Final = ("--curve", "--cases", "5000", "--sources")
_PLAIN: Final = ("content", "popularity")
_LEAD: Final = "NDCG@10"

FIGURES: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("beauty_hr10", "beauty", "fusion", "HitRate@10"),
    ("beauty_ndcg10", "beauty", "fusion", "NDCG@10"),
    ("beauty_text_hr10", "beauty", "content", "HitRate@10"),
    ("beauty_text_ndcg10", "beauty", "content", "NDCG@10"),
    ("diginetica_hr20", "diginetica", "fusion", "HitRate@20"),
    ("diginetica_mrr20", "diginetica", "fusion", "MRR@20"),
    ("bolcom_hr20", "bolcom", "fusion", "HitRate@20"),
    ("bolcom_mrr20", "bolcom", "fusion", "MRR@20"),
    ("ml100k_ndcg10", "ml100k", "fusion", "NDCG@10"),
)


def run(data: Path, only: Sequence[str] = (), keep: Path | None = None, minutes: float | None = None) -> dict[str, float]:
    """Return the figures of all data sets, or of some; of each its table and its learning curve, which is drawn too."""
    kept = (keep or ROOT / "bench-out" / "kept") / "quality"
    kept.mkdir(parents=True, exist_ok=True)
    figures: dict[str, float] = {}
    most, gib = [0.0], [0.0]
    for name in only or TABLES:
        folder, *options = TABLES[name]
        if not (data / folder).is_dir():
            print(f"{name}: {data / folder} is not there", flush=True)
            continue
        budget = ("--budget-minutes", f"{minutes or MINUTES:g}", "--seed", "0")
        report = _evaluate(kept / f"{name}.json", data / folder, *options, *budget)
        if report is not None:
            figures |= figures_of(name, report)
            most += [sum({row["source"]: row["fit_seconds"] for row in report["rows"]}.values()) / 60.0]
            gib += [max(row["peak_mib"] for row in report["rows"]) / 1024.0]
        sources = ",".join(("fusion", *(_PLAIN if "--text" in options else _PLAIN[1:])))
        drawn = ("--plots", str(kept / "plots" / name))
        curve = _evaluate(kept / f"{name}_curve.json", data / folder, *options, *budget, *drawn, *_OF_CURVES, sources)
        if curve is not None:
            figures[f"{name}_curve"] = curve_margin(curve)
        print(f"{name}: {', '.join(f'{key} {value:.4g}' for key, value in figures.items() if key.startswith(name))}", flush=True)
    return {**figures, "fit_minutes_most": max(most), "peak_gib_most": max(gib)}


def figures_of(name: str, report: Mapping[str, Any]) -> dict[str, float]:
    """Return what the table of one data set tells."""
    first = report["rows"][0].get("asked", "")
    rows = {row["source"]: row for row in report["rows"] if row.get("asked", "") == first}
    out = {figure: rows[source]["metrics"][metric] for figure, of, source, metric in FIGURES if of == name and source in rows}
    if name == "retail":
        for asked, figure in (("with repeats", "retail_ahead"), ("without repeats", "retail_new_ahead")):
            out[figure] = _ahead([row for row in report["rows"] if row.get("asked") == asked])
    elif "fusion" in rows:
        out[f"{name}_p90_ms"] = rows["fusion"]["latency_ms"]["p90"]
    return out


def _ahead(rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the low end of the interval by which the fusion is ahead of the best single source."""
    lows = [row["difference"][_LEAD][1] for row in rows if row["source"] != "fusion" and _LEAD in row.get("difference", {})]
    return min(lows, default=float("nan"))


def curve_margin(report: Mapping[str, Any]) -> float:
    """Return how far the fusion may be ahead of the better of content and popularity, where it is so least.

    That is the high end of the interval of the difference, case by case: below nothing, the fusion is surely worse.
    """
    return min(
        row["difference"][_LEAD][2]
        for point in report["curve"]
        for row in point["rows"]
        if row["source"] in _PLAIN and _LEAD in row.get("difference", {})
    )


def state_of_code() -> str:
    """Return a digest of the code that answers depend on."""
    digest = hashlib.sha256()
    for folder in ("training", "evaluation", "sources", "snapshot", "index", "ranking", "embedding", "sessions"):
        for path in sorted((ROOT / "reco_sdk" / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _evaluate(out: Path, folder: Path, *options: str) -> dict[str, Any] | None:
    """Return the report, the kept one where options and code are the same; nothing, and the reason in words, when it failed."""
    state = f"{state_of_code()} {' '.join(options)}"
    known = out.with_suffix(".state")
    if not (known.exists() and known.read_text() == state):
        print(f"  {folder.name}: {' '.join(options)} … ({out.with_suffix('.log')})", flush=True)
        started = time.monotonic()
        command = [sys.executable, "-m", "reco_sdk.cli", "evaluate", str(folder), *options, "--json", str(out)]
        with out.with_suffix(".log").open("w") as log:
            done = subprocess.run(command, check=False, cwd=ROOT, stdout=log, stderr=log)
        if done.returncode:
            print(f"  {folder.name} failed:\n{out.with_suffix('.log').read_text()[-2000:]}", flush=True)
            return None
        known.write_text(state)
        print(f"  done in {time.monotonic() - started:.0f} s", flush=True)
    report: dict[str, Any] = json.loads(out.read_text())
    return report
