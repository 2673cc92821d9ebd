"""The issue of quality in one table: every data set by its protocol, with the default settings, beside what others reached.

    python -m benchmarks.run quality --data FOLDER
    python -m benchmarks.run quality --data FOLDER --only beauty,retail

Each run is ``reco evaluate`` in a process of its own, as a user would start it. What a data set that is not in the folder was
to tell is missing, and so not reached.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import ROOT

__all__ = ["CURVES", "FIGURES", "TABLES", "curve_margin", "figures_of", "run"]

TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "beauty": ("amazon2014_beauty", "--protocol", "leave-one-out", "--text", "title"),
    "diginetica": ("sessions_diginetica", "--protocol", "next-item"),
    "bolcom": ("sessions_bolcom_example_ts", "--protocol", "next-item"),
    "ml100k": ("ml-100k", "--protocol", "random-split", "--text", "title"),
    "retail": ("online_retail", "--protocol", "time-split", "--text", "title"),
}
"""Folder and options by name; the settings are the same for all."""
CURVES: Final = ("beauty", "ml100k", "retail")
_BUDGET: Final = ("--budget-minutes", "10", "--seed", "0", "-q")
_OF_CURVES: Final = ("--sources", "fusion,content,popularity", "--curve", "--cases", "5000")
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


def run(data: Path, only: Sequence[str] = ()) -> dict[str, float]:
    """Return the figures of all data sets, or of some."""
    figures: dict[str, float] = {}
    minutes, gib = [0.0], [0.0]
    for name in only or TABLES:
        folder, *options = TABLES[name]
        if not (data / folder).is_dir():
            print(f"{name}: {data / folder} is not there", flush=True)
            continue
        report = _evaluate(data / folder, *options)
        figures |= figures_of(name, report)
        minutes += [sum({row["source"]: row["fit_seconds"] for row in report["rows"]}.values()) / 60.0]
        gib += [max(row["peak_mib"] for row in report["rows"]) / 1024.0]
        if name in CURVES:
            figures[f"{name}_curve"] = curve_margin(_evaluate(data / folder, *options, *_OF_CURVES))
        print(f"{name}: {', '.join(f'{key} {value:.4g}' for key, value in figures.items() if key.startswith(name))}", flush=True)
    return {**figures, "fit_minutes_most": max(minutes), "peak_gib_most": max(gib)}


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
    """Return how far the fusion's interval reaches above the better of content and popularity, where it does so least."""
    margins = []
    for point in report["curve"]:
        rows = {row["source"]: row for row in point["rows"]}
        plain = max(rows[name]["metrics"][_LEAD] for name in _PLAIN if name in rows)
        value = rows["fusion"]["metrics"][_LEAD]
        margins.append(max(rows["fusion"].get("interval", {}).get(_LEAD, (value, value))[1], value) - plain)
    return min(margins)


def _evaluate(folder: Path, *options: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "figures.json"
        command = [sys.executable, "-m", "reco_sdk.cli", "evaluate", str(folder), *options, *_BUDGET, "--json", str(out)]
        done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{folder.name}: evaluation failed:\n{done.stderr[-2000:]}")
        report: dict[str, Any] = json.loads(out.read_text())
        return report
