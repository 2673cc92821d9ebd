"""What an import did, as data and as the text that the command line shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reco_sdk.errors import ImportRefused
from reco_sdk.importing.refusals import Refusal, excerpt

__all__ = ["ImportReport", "ImportStopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What one import did.

    Parameters
    ----------
    source, format, kind
        What was read; ``kind`` is ``items`` or ``interactions``.
    rows
        Rows read, refused ones included.
    inserted, changed, unchanged
        Rows stored in this run, by what they met in the store. Of interactions, those seen before are ``unchanged``.
    refused
        Rows that were not stored.
    refusals
        Kinds of refusals: how many, and the first of each, most frequent first.
    unknown_columns
        Columns nobody asked for; their values were left out.
    left_out
        What was passed over on purpose, and how often: events of other kinds, robots, other addresses.
    resumed_at
        Rows that an earlier, interrupted run had already dealt with; 0 for a run from the start.
    dry_run
        Nothing was stored.
    seconds
        From opening the source to the last commit.
    """

    source: str
    format: str
    kind: str
    rows: int
    inserted: int
    changed: int
    unchanged: int
    refused: int
    refusals: tuple[tuple[int, Refusal], ...]
    unknown_columns: tuple[str, ...]
    left_out: Mapping[str, int]
    resumed_at: int
    dry_run: bool
    seconds: float

    @property
    def accepted(self) -> int:
        """Rows that were fit to be stored, in this run or an interrupted one before it."""
        return self.rows - self.refused

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        out: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__ if name != "refusals"}
        out["unknown_columns"] = list(self.unknown_columns)
        out["left_out"] = dict(self.left_out)
        out["accepted"] = self.accepted
        out["refusals"] = [
            {"count": n, "field": r.field, "reason": r.reason, "line": r.line, "item_id": r.item_id, "value": r.value}
            for n, r in self.refusals
        ]
        return out

    def to_text(self, most: int = 20) -> str:
        """Return a short account with a table of at most ``most`` kinds of refusals."""
        rate = self.rows / self.seconds if self.seconds > 0 else 0.0
        lines = [f"{self.source} ({self.format}): {self.rows:,} rows of {self.kind} in {self.seconds:.1f} s ({rate:,.0f} rows/s)"]
        if self.resumed_at:
            lines.append(f"  continued after row {self.resumed_at:,} of an interrupted import")
        if self.dry_run:
            lines.append(f"  dry run: nothing stored; {self.accepted:,} rows would be, {self.refused:,} refused")
        elif self.kind == "items":
            lines.append(
                f"  {self.inserted:,} new, {self.changed:,} changed, {self.unchanged:,} unchanged, {self.refused:,} refused"
            )
        else:
            lines.append(f"  {self.inserted:,} new, {self.unchanged:,} already stored, {self.refused:,} refused")
        if self.unknown_columns:
            shown = ", ".join(excerpt(name) for name in self.unknown_columns[:20])
            more = f" and {len(self.unknown_columns) - 20} more" if len(self.unknown_columns) > 20 else ""
            lines.append(f"  columns left out: {shown}{more}; keep them with --attributes, or name them with --map")
        if self.left_out:
            ranked = sorted(self.left_out.items(), key=lambda pair: -pair[1])
            more = f" and {len(ranked) - 20} further kinds" if len(ranked) > 20 else ""
            lines.append("  left out: " + ", ".join(f"{excerpt(what)} {count:,}" for what, count in ranked[:20]) + more)
        if self.refusals:
            lines.extend(_table(self.refusals[:most]))
            if len(self.refusals) > most:
                lines.append(f"  … and {len(self.refusals) - most} further kinds")
        return "\n".join(lines)


class ImportStopped(ImportRefused):
    """A source broke in the middle; the rows before that are stored.

    Parameters
    ----------
    message
        Where it broke, why, and the mend.
    report
        What was done up to there.
    """

    def __init__(self, message: str, report: ImportReport) -> None:
        self.report = report
        super().__init__(message)


def _table(groups: tuple[tuple[int, Refusal], ...]) -> list[str]:
    width = max(5, *(len(refusal.field) for _, refusal in groups))
    lines = [f"  {'rows':>9}  {'field':<{width}}  first at line; reason"]
    for count, refusal in groups:
        item = f" (item {refusal.item_id!r})" if refusal.item_id else ""
        lines.append(f"  {count:>9,}  {refusal.field:<{width}}  {refusal.line:,}{item}: {refusal.reason}")
    return lines
