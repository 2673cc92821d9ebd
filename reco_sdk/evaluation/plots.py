"""Plots of a report, each a PNG file: metric by source, accuracy against diversity, learning curve, ratings."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reco_sdk.errors import MissingExtra
from reco_sdk.evaluation.report import LEAD, Report, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw", "require"]

_BARS: Final = ("HitRate@10", "NDCG@10", "MRR@20")
_DIVERSITY: Final = "Diversity@10"
# Okabe and Ito's colours, which colour-blind readers tell apart.
_COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7F7F7F", "#000000")
_MARKERS: Final = "osD^vP*X"
_DPI: Final = 150


def require() -> None:
    """Refuse at once where matplotlib is missing.

    Raises
    ------
    MissingExtra
        Naming the extra.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra("matplotlib", "evaluate")


def draw(report: Report, folder: Path) -> list[Path]:
    """Write the plots that the report has figures for; return their files.

    Raises
    ------
    MissingExtra
        Without matplotlib.
    """
    require()
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for asked in dict.fromkeys(row.asked for row in report.rows):
        rows = [row for row in report.rows if row.asked == asked and LEAD in row.metrics]
        if not rows:
            continue
        suffix = f"-{asked.replace(' ', '-')}" if asked else ""
        title = f"{report.data}, {report.protocol}" + (f", {asked}" if asked else "")
        paths.append(_metric_by_source(rows, title, folder / f"metric-by-source{suffix}.png"))
        varied = [row for row in rows if np.isfinite(row.metrics[_DIVERSITY])]
        if varied:
            paths.append(_accuracy_diversity(varied, title, folder / f"accuracy-diversity{suffix}.png"))
    if report.curve:
        paths.append(_learning_curve(report, folder / "learning-curve.png"))
    paths += [
        _ratings(values, f"{report.data}, {source}", folder / f"ratings-{source}.png")
        for source, values in report.ratings.items()
    ]
    return paths


def _axes(width: float = 7.0, height: float = 4.5) -> tuple[Any, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional, and slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _save(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=_DPI)
    return path


def _error(row: Row, name: str) -> tuple[float, float]:
    value = row.metrics[name]
    low, high = row.interval.get(name, (value, value))
    return (max(value - low, 0.0), max(high - value, 0.0)) if np.isfinite([low, high]).all() else (0.0, 0.0)


def _metric_by_source(rows: Sequence[Row], title: str, path: Path) -> Path:
    figure, axes = _axes(height=1.5 + 0.5 * len(rows))
    places = np.arange(len(rows))[::-1]
    for number, name in enumerate(_BARS):
        errors = np.asarray([_error(row, name) for row in rows]).T
        offset = (1 - number) * 0.26
        values = [row.metrics[name] for row in rows]
        axes.barh(places + offset, values, 0.24, xerr=errors, color=_COLOURS[number], label=name, error_kw={"linewidth": 0.9})
    axes.set_yticks(places, [row.source for row in rows])
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("value, with its 95 % interval")
    axes.set_title(title)
    axes.legend(frameon=False)
    return _save(figure, path)


def _accuracy_diversity(rows: Sequence[Row], title: str, path: Path) -> Path:
    figure, axes = _axes()
    for number, row in enumerate(rows):
        at = [row.metrics[_DIVERSITY]], [row.metrics[LEAD]]
        axes.scatter(*at, color=_COLOURS[number % 8], marker=_MARKERS[number % 8], s=60, label=row.source)
    axes.set_xlabel("diversity of the first 10 (mean distance of their pairs)")
    axes.set_ylabel(LEAD)
    axes.set_title(title)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _save(figure, path)


def _learning_curve(report: Report, path: Path) -> Path:
    figure, axes = _axes()
    sources = dict.fromkeys(row.source for point in report.curve for row in point.rows)
    for number, source in enumerate(sources):
        found = [(at, row) for at, point in enumerate(report.curve) for row in point.rows if row.source == source]
        places = [at for at, _ in found]
        values = [row.metrics[LEAD] for _, row in found]
        errors = np.asarray([_error(row, LEAD) for _, row in found]).T
        colour = _COLOURS[number % 8]
        axes.plot(places, values, color=colour, marker=_MARKERS[number % 8], label=source)
        axes.fill_between(places, np.asarray(values) - errors[0], np.asarray(values) + errors[1], color=colour, alpha=0.15, lw=0)
    axes.set_xticks(range(len(report.curve)), [f"{point.fraction:.0%}\n{point.interactions:,}" for point in report.curve])
    axes.set_xlabel("part of the interactions that was fitted on")
    axes.set_ylabel(f"{LEAD}, with its 95 % interval")
    axes.set_title(f"{report.data}, {report.protocol}: learning curve")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _save(figure, path)


def _ratings(values: Any, title: str, path: Path) -> Path:
    """Draw how predictions spread for each rating that was given."""
    figure, axes = _axes()
    given = np.unique(values[:, 1])
    spread = float(np.min(np.diff(given))) if len(given) > 1 else 1.0
    groups = [values[values[:, 1] == rating, 0] for rating in given]
    axes.boxplot(groups, positions=given, widths=0.6 * spread, showfliers=False, manage_ticks=False)
    ends = [float(values.min()), float(values.max())]
    axes.plot(ends, ends, color=_COLOURS[0], linewidth=1.2, label="predicted as given")
    axes.set_xticks(given, [f"{rating:g}" for rating in given])
    axes.set_xlabel("rating that was given")
    axes.set_ylabel("rating that was predicted")
    axes.set_title(title)
    axes.legend(frameon=False)
    return _save(figure, path)
