"""What was measured: as a table, as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reco_sdk.evaluation.metrics import CUTOFFS, RANKING

__all__ = ["LEAD", "CurvePoint", "Report", "Row", "Segment"]

LEAD: Final = "NDCG@10"
"""What rows are ordered by."""

_BEYOND: Final = ("Coverage@10", "Novelty@10", "Diversity@10", "PopularityBias@10")
_RATING: Final = ("RMSE", "MAE", "accuracy", "precision", "recall", "F1")
_MAIN: Final = ("HitRate@10", "NDCG@10", "HitRate@20", "MRR@20")

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Segment:
    """The cases of one kind."""

    cases: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One source, asked in one way.

    Parameters
    ----------
    source
        Its name.
    asked
        The way of asking, where the protocol has more than one.
    cases
        How many.
    metrics, interval
        By name; 95 % intervals.
    difference
        By how much the source at the head of the table is better: value, low and high end of the paired interval.
    segments
        The same metrics for some of the cases.
    """

    source: str
    metrics: Mapping[str, float]
    interval: Mapping[str, Interval]
    latency_ms: Mapping[str, float]
    fit_seconds: float
    peak_mib: float
    cases: int
    asked: str = ""
    difference: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    segments: Mapping[str, Segment] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready; what could not be told is left out."""
        out: dict[str, Any] = {
            "source": self.source,
            "metrics": _finite(self.metrics),
            "interval": {name: list(ends) for name, ends in self.interval.items() if all(map(math.isfinite, ends))},
            "latency_ms": _finite(self.latency_ms),
            "fit_seconds": round(self.fit_seconds, 3),
            "peak_mib": round(self.peak_mib, 1),
            "cases": self.cases,
        }
        if self.asked:
            out["asked"] = self.asked
        if self.difference:
            out["difference"] = {name: list(values) for name, values in self.difference.items()}
        if self.segments:
            out["segments"] = {
                name: {"cases": segment.cases, "metrics": _finite(segment.metrics)} for name, segment in self.segments.items()
            }
        return out


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The sources fitted on a part of the interactions."""

    fraction: float
    interactions: int
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {"fraction": self.fraction, "interactions": self.interactions, "rows": [row.to_dict() for row in self.rows]}


@dataclass(frozen=True, slots=True)
class Report:
    """One evaluation.

    Parameters
    ----------
    data, protocol, part, seed
        What was done.
    facts
        Sizes, by name.
    notes
        What a reader has to know beside the figures.
    rows
        By way of asking, the best first.
    curve
        The learning curve, where it was asked for.
    ratings
        Predicted and given ratings by source, ``(r, 2)``, for the plot; not part of the JSON.
    """

    data: str
    protocol: str
    part: str
    seed: int
    at: str
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    curve: tuple[CurvePoint, ...] = ()
    ratings: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        out = {
            "data": self.data,
            "protocol": self.protocol,
            "part": self.part,
            "seed": self.seed,
            "at": self.at,
            "facts": dict(self.facts),
            "notes": list(self.notes),
            "rows": [row.to_dict() for row in self.rows],
        }
        if self.curve:
            out["curve"] = [point.to_dict() for point in self.curve]
        return out

    def to_text(self) -> str:
        """Return tables: what matters with its intervals, everything else, the cost."""
        parts = [f"{self.data}: {self.protocol} ({self.part}), seed {self.seed}"]
        parts += [f"  {name.replace('_', ' ')}: {_shown(value)}" for name, value in self.facts.items()]
        parts += [f"  note: {note}" for note in self.notes]
        for asked in dict.fromkeys(row.asked for row in self.rows):
            rows = [row for row in self.rows if row.asked == asked]
            title = f"\n{asked}, {rows[0].cases:,} cases" if asked else f"\n{rows[0].cases:,} cases"
            parts += [title, self._tables(rows)]
        if self.curve:
            parts += [f"\nlearning curve, {LEAD}", _curve(self.curve)]
        return "\n".join(parts)

    def _tables(self, rows: Sequence[Row]) -> str:
        ranked = [row for row in rows if LEAD in row.metrics]
        rated = [row for row in rows if "RMSE" in row.metrics]
        blocks = []
        if ranked:
            head = ranked[0].source
            blocks.append(_block("with 95 % intervals", ranked, _MAIN, _with_interval, (f"{LEAD} behind {head}", _behind)))
            blocks += [_block(f"first {k}", ranked, [f"{name}@{k}" for name in RANKING], _plain) for k in CUTOFFS]
            blocks.append(_block("beyond", ranked, _BEYOND, _plain))
        if rated:
            blocks.append(_block("ratings, like or dislike", rated, _RATING, _plain))
        blocks.append(_costs(rows))
        segments = list(dict.fromkeys(name for row in ranked for name in row.segments))
        if segments:
            header = [
                f"{name} ({next(row.segments[name].cases for row in ranked if name in row.segments):,})" for name in segments
            ]
            lines = [
                [row.source, *(f"{row.segments[s].metrics[LEAD]:.4f}" if s in row.segments else "" for s in segments)]
                for row in ranked
            ]
            blocks.append(_table([f"{LEAD} of some cases", *header], lines))
        return "\n\n".join(blocks)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in values.items() if math.isfinite(value)}


def _shown(value: object) -> str:
    return f"{value:,}" if type(value) is int else str(value)


def _plain(row: Row, name: str) -> str:
    value = row.metrics.get(name, math.nan)
    return f"{value:.4f}" if math.isfinite(value) else "–"


def _with_interval(row: Row, name: str) -> str:
    low, high = row.interval.get(name, (math.nan, math.nan))
    return f"{_plain(row, name)} [{low:.4f}, {high:.4f}]" if math.isfinite(low) else _plain(row, name)


def _behind(row: Row) -> str:
    if LEAD not in row.difference:
        return ""
    value, low, high = row.difference[LEAD]
    return f"{value:.4f} [{low:.4f}, {high:.4f}]"


def _block(
    title: str,
    rows: Sequence[Row],
    names: Sequence[str],
    cell: Callable[[Row, str], str],
    last: tuple[str, Callable[[Row], str]] | None = None,
) -> str:
    header = [title, *names] + ([last[0]] if last else [])
    lines = [[row.source, *(cell(row, name) for name in names)] + ([last[1](row)] if last else []) for row in rows]
    return _table(header, lines)


def _costs(rows: Sequence[Row]) -> str:
    lines = [
        [
            row.source,
            *(f"{row.latency_ms[name]:.3f}" if name in row.latency_ms else "–" for name in ("p50", "p90", "p99")),
            f"{row.fit_seconds:.2f}",
            f"{row.peak_mib:,.0f}",
        ]
        for row in rows
    ]
    return _table(["cost", "p50 ms", "p90 ms", "p99 ms", "fit s", "peak MiB"], lines)


def _curve(points: Sequence[CurvePoint]) -> str:
    sources = list(dict.fromkeys(row.source for point in points for row in point.rows))
    lines = []
    for source in sources:
        cells = [next((row for row in point.rows if row.source == source), None) for point in points]
        lines.append([source, *("" if row is None else _with_interval(row, LEAD) for row in cells)])
    return _table(["fitted on", *(f"{point.fraction:.0%} ({point.interactions:,})" for point in points)], lines)


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (header, *lines)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first, *others = cells
        return "  ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))])

    return "\n".join([line(header).rstrip(), *(line(cells).rstrip() for cells in lines)])
