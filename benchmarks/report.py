"""Figures beside their bars: as a table, as JSON, as an exit status."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.bars import BARS

__all__ = ["judge", "machine", "show"]

PACKAGES = ("numpy", "django", "hnswlib", "torch", "sentence-transformers", "cachetools")


def machine() -> dict[str, Any]:
    """Return the facts that a figure means nothing without."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "cpu": _cpu_name(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": versions,
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def judge(name: str, figures: Mapping[str, float]) -> dict[str, Any]:
    """Return the figures of one benchmark with its bars and whether each holds; a missing figure does not."""
    bars = [
        {
            "figure": bar.figure,
            "value": figures.get(bar.figure),
            "sense": bar.sense,
            "limit": bar.limit,
            "meaning": bar.meaning,
            "passed": bar.figure in figures and bar.holds(figures[bar.figure]),
        }
        for bar in BARS[name]
    ]
    return {"name": name, "passed": all(bar["passed"] for bar in bars), "bars": bars, "figures": dict(figures)}


def show(result: Mapping[str, Any]) -> None:
    """Print one benchmark: its bars first, then what else it measured."""
    print(f"\n{result['name']}: {'reached' if result['passed'] else 'NOT REACHED'}")
    for bar in result["bars"]:
        value = "missing" if bar["value"] is None else f"{bar['value']:.4g}"
        mark = "ok  " if bar["passed"] else "FAIL"
        print(f"  {mark} {bar['figure']:<24} {value:>9}  {bar['sense']} {bar['limit']:<6g} {bar['meaning']}")
    barred = {bar["figure"] for bar in result["bars"]}
    for figure, value in result["figures"].items():
        if figure not in barred:
            print(f"       {figure:<24} {value:>9.4g}")
    sys.stdout.flush()
